//! Durations of the stages of a run.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, short};
use super::palette::Tone;
use super::plot::{Chart, LARGE};
use super::scene::{Anchor, Scene};
use super::text::{TEXT_SIZE, name_of, width};

/// Maximum number of stages that are drawn. The last bar holds all others.
const MAX_STAGES: usize = 16;

/// Durations of the stages of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// Name of a stage and its seconds, in order.
    pub stages: Vec<(String, f64)>,
}

impl Durations {
    fn shown(&self) -> Vec<(String, f64)> {
        let drawable = |stage: &&(String, f64)| is_drawable(stage.1) && stage.1 >= 0.0;
        let mut stages: Vec<(String, f64)> = self.stages.iter().filter(drawable).cloned().collect();
        if stages.len() > MAX_STAGES {
            let others = stages.split_off(MAX_STAGES - 1);
            let seconds = others.iter().map(|stage| stage.1).sum();
            stages.push((format!("{} others", others.len()), seconds));
        }
        stages
    }
}

impl Draw for Durations {
    fn scene(&self) -> Scene {
        let stages = self.shown();
        if stages.is_empty() {
            return Scene::without_data(LARGE);
        }
        let texts: Vec<String> = stages.iter().map(|stage| seconds(stage.1)).collect();
        let widest = texts.iter().map(|text| width(text, TEXT_SIZE));
        let lengths = stages.iter().map(|stage| stage.1).chain([0.0]);
        let y = Axis::names("", stages.iter().map(|stage| &stage.0));
        let mut chart = Chart::new(LARGE, Axis::numbers("seconds", lengths), y);
        chart.right = widest.fold(0.0, f64::max) + 4.0;
        let mut plot = chart.plot();
        let half = ((plot.bottom - plot.top) / stages.len() as f64 * 0.36).min(12.0);
        let zero = plot.across(0.0);
        for (index, ((_, length), text)) in stages.iter().zip(texts).enumerate() {
            let y = plot.down(index as f64 + 0.5);
            let end = plot.across(*length);
            plot.scene
                .rect([[zero, y - half], [end, y + half]], Tone::Blue);
            plot.scene
                .text([end + 6.0, y], text, Tone::Ink, Anchor::Start);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "Duration of each stage".to_owned()
    }

    fn description(&self) -> String {
        let stages = self.shown();
        let Some(longest) = stages.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else {
            return "Durations: no data yet.".to_owned();
        };
        let total = stages.iter().map(|stage| stage.1).sum();
        format!(
            "Durations of {} stages, {} together: the longest is {} with {}.",
            stages.len(),
            seconds(total),
            name_of(&longest.0),
            seconds(longest.1)
        )
    }
}

/// A duration in words, not finer than a millisecond.
fn seconds(seconds: f64) -> String {
    match seconds >= 0.001 {
        true => format!("{} s", short(seconds)),
        false => "under 1 ms".to_owned(),
    }
}
