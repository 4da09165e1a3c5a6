//! F1 of the deployed model on the new rows of each run.

use super::Draw;
use super::axis::{Axis, ends};
use super::numbers::{count, is_drawable, score};
use super::palette::Tone;
use super::plot::{Chart, Key, LARGE, Plot, key};
use super::scene::{Mark, Scene};
use super::thin::kept;

/// Approximate maximum of runs that are drawn. If there are more, the extremes of the score and the most
/// important event of each stretch are drawn.
const MAX_RUNS: usize = 120;
/// Maximum number of runs for which the ends of intervals are drawn.
const MAX_CAPS: usize = 40;
/// Maximum number of deployments that are marked by a line across the scores.
const MAX_DEPLOYMENT_LINES: usize = 12;
/// Height of the strip below the scores that shows events.
const LANE: f64 = 20.0;

/// Scores of the runs, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreHistory {
    /// Runs in ascending order. Numbers may be missing.
    pub points: Vec<ScorePoint>,
}

/// One run of a [`ScoreHistory`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScorePoint {
    /// Number of the run.
    pub run: i64,
    /// F1 of the deployed model on the new rows of the run, before the run deploys another. `None` if
    /// undefined.
    pub score: Option<f64>,
    /// 95 % interval of that F1.
    pub interval: Option<[f64; 2]>,
    /// What happened to the deployed model.
    pub event: Option<RunEvent>,
    /// True if the run found model drift.
    pub has_model_drift: bool,
}

/// What happened to the deployed model in a run or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// The candidate passed the gate and was deployed.
    Deployment,
    /// The candidate did not pass the gate.
    Refusal,
    /// A person deployed a model or rolled back before the run.
    ByHand,
}

impl RunEvent {
    fn mark(self) -> (Mark, Tone, &'static str) {
        match self {
            Self::Deployment => (Mark::Triangle, Tone::Good, "deployment"),
            Self::Refusal => (Mark::Cross, Tone::Bad, "candidate refused"),
            Self::ByHand => (Mark::Diamond, Tone::Purple, "by hand"),
        }
    }
}

const EVENTS: [RunEvent; 3] = [RunEvent::Deployment, RunEvent::Refusal, RunEvent::ByHand];

impl ScorePoint {
    /// True if both scores are of the same model. A deployment replaces the model after the score of its run;
    /// a change by hand replaces it before.
    fn is_of_same_model_as(&self, next: &Self) -> bool {
        self.event != Some(RunEvent::Deployment) && next.event != Some(RunEvent::ByHand)
    }

    fn drawable_score(&self) -> Option<f64> {
        self.score.filter(|score| is_drawable(*score))
    }

    fn drawable_interval(&self) -> Option<[f64; 2]> {
        let drawable = |ends: &[f64; 2]| ends.iter().all(|end| is_drawable(*end));
        self.interval.filter(drawable)
    }
}

impl ScoreHistory {
    fn chart(&self, shown: &[&ScorePoint]) -> Chart {
        let runs = shown.iter().map(|point| point.run as f64);
        let scores = shown.iter().flat_map(|point| {
            let ends = point.drawable_interval().into_iter().flatten();
            ends.chain(point.drawable_score())
        });
        let scores: Vec<f64> = scores.collect();
        let y = y_axis(&scores);
        let title = if shown.len() < self.points.len() {
            let all = count(self.points.len() as f64);
            format!("run (extremes and main events of {all} runs)")
        } else {
            "run".to_owned()
        };
        let mut chart = Chart::new(LARGE, Axis::whole(&title, runs), y);
        chart.keys = self.keys();
        chart.lane = LANE;
        chart
    }

    fn keys(&self) -> Vec<Key> {
        let mut keys = vec![key(Mark::Disc, Tone::Blue, "F1")];
        let has = |wanted: &dyn Fn(&ScorePoint) -> bool| self.points.iter().any(wanted);
        if has(&|point| point.drawable_interval().is_some()) {
            keys.push(key(Mark::Whisker, Tone::Blue, "95 % interval"));
        }
        if has(&|point| point.has_model_drift) {
            keys.push(key(Mark::Ring, Tone::Orange, "model drift"));
        }
        for event in EVENTS {
            if has(&|point| point.event == Some(event)) {
                let (mark, tone, name) = event.mark();
                keys.push(key(mark, tone, name));
            }
        }
        keys
    }

    /// Runs that are drawn.
    fn shown(&self) -> Vec<&ScorePoint> {
        if self.points.len() <= MAX_RUNS {
            return self.points.iter().collect();
        }
        let scores = self.points.iter().map(|point| point.drawable_score());
        let mut positions = kept(&scores.collect::<Vec<_>>(), MAX_RUNS * 2 / 3);
        let stretch = self.points.len().div_ceil(MAX_RUNS / 3);
        for start in (0..self.points.len()).step_by(stretch) {
            let end = (start + stretch).min(self.points.len());
            positions.extend((start..end).max_by_key(|at| weight(&self.points[*at])));
        }
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().map(|at| &self.points[at]).collect()
    }
}

/// How much a run matters if not every run can be drawn.
fn weight(point: &ScorePoint) -> u8 {
    match point.event {
        Some(RunEvent::Deployment) => 4,
        Some(RunEvent::ByHand) => 3,
        Some(RunEvent::Refusal) => 2,
        None => u8::from(point.has_model_drift),
    }
}

/// The axis of the scores, with a margin. It stays within 0 to 1 if all scores do.
fn y_axis(scores: &[f64]) -> Axis {
    let title = "F1 on new rows";
    let is_share = scores.iter().all(|score| (0.0..=1.0).contains(score));
    if !is_share {
        return Axis::numbers(title, scores.iter().copied()).rounded();
    }
    let with_margin = |(lowest, highest): (f64, f64)| {
        let margin = ((0.2 - (highest - lowest)) / 2.0).max(0.01);
        [(lowest - margin).max(0.0), (highest + margin).min(1.0)]
    };
    let range = ends(scores.iter().copied()).map_or([0.0, 1.0], with_margin);
    let mut y = Axis::numbers(title, range).rounded();
    (y.low, y.high) = (y.low.max(0.0), y.high.min(1.0));
    y
}

impl Draw for ScoreHistory {
    fn scene(&self) -> Scene {
        if self.points.is_empty() {
            return Scene::without_data(LARGE);
        }
        let shown = self.shown();
        let mut plot = self.chart(&shown).plot();
        draw_deployments(&mut plot, &shown);
        draw_intervals(&mut plot, &shown);
        for stretch in shown.split(|point| point.drawable_score().is_none()) {
            // A line joins scores of one model.
            for of_model in stretch.chunk_by(|one, next| one.is_of_same_model_as(next)) {
                let line: Vec<[f64; 2]> = of_model.iter().filter_map(|it| place(it)).collect();
                plot.path(&line, 1.5, Tone::Blue);
            }
        }
        draw_marks(&mut plot, &shown);
        plot.scene
    }

    fn title(&self) -> String {
        "F1 on the new rows of each run".to_owned()
    }

    fn description(&self) -> String {
        let scored: Vec<(i64, f64)> = self
            .points
            .iter()
            .filter_map(|point| Some((point.run, point.drawable_score()?)))
            .collect();
        let range = ends(scored.iter().map(|point| point.1));
        let (Some((run, last)), Some((lowest, highest))) = (scored.last(), range) else {
            return "F1 by run: no run has a score yet.".to_owned();
        };
        let number_of = |event| {
            let has = |point: &&ScorePoint| point.event == Some(event);
            self.points.iter().filter(has).count()
        };
        format!(
            "F1 by run: {} of {} runs have a score, from {} to {}; the latest is {} in run {run}; \
             deployments: {}, candidates that did not pass the gate: {}, runs with model drift: {}.",
            scored.len(),
            self.points.len(),
            score(lowest),
            score(highest),
            score(*last),
            number_of(RunEvent::Deployment),
            number_of(RunEvent::Refusal),
            self.points
                .iter()
                .filter(|point| point.has_model_drift)
                .count(),
        )
    }
}

fn place(point: &ScorePoint) -> Option<[f64; 2]> {
    Some([point.run as f64, point.drawable_score()?])
}

/// Draws lines behind the deployments, unless there are so many that they hide the scores.
fn draw_deployments(plot: &mut Plot, shown: &[&ScorePoint]) {
    let is_deployment = |point: &&&ScorePoint| point.event == Some(RunEvent::Deployment);
    if shown.iter().filter(is_deployment).count() > MAX_DEPLOYMENT_LINES {
        return;
    }
    for point in shown.iter().filter(is_deployment) {
        let x = plot.across(point.run as f64);
        let ends = [[x, plot.top], [x, plot.bottom]];
        plot.scene.line(ends, 1.0, Tone::Grid);
    }
}

fn draw_intervals(plot: &mut Plot, shown: &[&ScorePoint]) {
    let (cap, tone) = if shown.len() > MAX_CAPS {
        (0.0, Tone::Band)
    } else {
        (3.0, Tone::Blue)
    };
    for point in shown {
        if let Some(ends) = point.drawable_interval() {
            let x = plot.across(point.run as f64);
            let ends = ends.map(|end| plot.down(end));
            plot.scene.whisker(x, ends, cap, tone);
        }
    }
}

fn draw_marks(plot: &mut Plot, shown: &[&ScorePoint]) {
    // Small squares look like dots and make a smaller file.
    let (mark, radius) = if shown.len() > MAX_CAPS {
        (Mark::Square, 1.8)
    } else {
        (Mark::Disc, 3.0)
    };
    for at in shown.iter().filter_map(|point| place(point)) {
        plot.mark(mark, at, radius, Tone::Blue);
    }
    let lane = plot.bottom - LANE / 2.0 + 2.0;
    for point in shown.iter().filter(|point| point.has_model_drift) {
        let below = [plot.across(point.run as f64), lane];
        let center = place(point).map_or(below, |value| plot.at(value));
        plot.scene.mark(Mark::Ring, center, 6.0, Tone::Orange);
    }
    for event in EVENTS {
        let (mark, tone, _) = event.mark();
        for point in shown.iter().filter(|point| point.event == Some(event)) {
            let center = [plot.across(point.run as f64), lane];
            plot.scene.mark(mark, center, 4.0, tone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_score_does_not_hide_an_extreme() {
        let point = |run: i64| ScorePoint {
            run,
            score: (run % 2 == 0).then_some(if run == 500 { 0.8 } else { 0.9 }),
            ..ScorePoint::default()
        };
        let history = ScoreHistory {
            points: (0..1_000).map(point).collect(),
        };
        assert!(history.shown().iter().any(|point| point.run == 500));
    }
}
