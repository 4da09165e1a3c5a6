//! Lift by decile.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, short};
use super::palette::Tone;
use super::plot::{Chart, LARGE, key};
use super::scene::{Anchor, Mark, Scene};

/// Maximum number of bars. If there are more groups, neighbouring groups are averaged.
const MAX_BARS: usize = 20;

/// Lift of each decile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lift {
    /// Number of the decile, 1 for the highest risk, and its lift. All deciles have about as many rows.
    pub deciles: Vec<(u64, f64)>,
}

impl Lift {
    /// Names and heights of the bars.
    fn bars(&self) -> Vec<(String, f64)> {
        let drawable = |(_, lift): &&(u64, f64)| is_drawable(*lift);
        let deciles: Vec<(u64, f64)> = self.deciles.iter().filter(drawable).copied().collect();
        let together = deciles.len().div_ceil(MAX_BARS).max(1);
        let bars = deciles.chunks(together).map(|group| {
            let mean = group
                .iter()
                .map(|(_, lift)| lift / group.len() as f64)
                .sum();
            let (first, last) = (group[0].0, group[group.len() - 1].0);
            let name = if first == last {
                first.to_string()
            } else {
                format!("{first}–{last}")
            };
            (name, mean)
        });
        bars.collect()
    }
}

/// Height of a number, moved above the line of the average if that line crosses the number.
fn clear_of(average: f64, number: f64) -> f64 {
    if (number - average).abs() < 9.0 {
        average - 9.0
    } else {
        number
    }
}

impl Draw for Lift {
    fn scene(&self) -> Scene {
        let bars = self.bars();
        if bars.is_empty() {
            return Scene::without_data(LARGE);
        }
        let names = bars.iter().map(|(name, _)| name);
        let heights = bars.iter().map(|(_, lift)| *lift);
        let title = "lift: leavers, compared with the average";
        let mut y = Axis::numbers(title, heights.chain([0.0, 1.0]));
        // Room for the numbers above the bars.
        y.high += (y.high - y.low) * 0.08;
        let x = Axis::names("decile, highest risk first", names);
        let mut chart = Chart::new(LARGE, x, y.rounded());
        chart.keys.push(key(Mark::Dashes, Tone::Ink, "average"));
        let mut plot = chart.plot();
        let slot = (plot.right - plot.left) / bars.len() as f64;
        let half = (slot * 0.36).min(28.0);
        for (index, (_, lift)) in bars.iter().enumerate() {
            let x = plot.across(index as f64 + 0.5);
            let (foot, top) = (plot.down(0.0), plot.down(*lift));
            plot.scene
                .rect([[x - half, foot], [x + half, top]], Tone::Blue);
            if bars.len() <= 10 {
                let above = clear_of(plot.down(1.0), foot.min(top) - 9.0);
                plot.scene
                    .text([x, above], short(*lift), Tone::Ink, Anchor::Middle);
            }
        }
        let one = plot.down(1.0);
        let ends = [[plot.left, one], [plot.right, one]];
        plot.scene.dashes(ends, 1.2, Tone::Ink);
        plot.scene
    }

    fn title(&self) -> String {
        "Lift by decile".to_owned()
    }

    fn description(&self) -> String {
        let bars = self.bars();
        let (Some((_, first)), Some((_, last))) = (bars.first(), bars.last()) else {
            return "Lift: no data yet.".to_owned();
        };
        format!(
            "Lift: the rows of highest risk have {} times the average share of leavers, the rows \
             of lowest risk {} times.",
            short(*first),
            short(*last)
        )
    }
}
