//! Share of the leavers found, by share of clients called.

use super::Draw;
use super::axis::Axis;
use super::numbers::percent;
use super::palette::Tone;
use super::plot::{Chart, Form, LARGE, key};
use super::roc::MAX_POINTS;
use super::scene::{Mark, Scene};
use super::thin::points;

/// Shares of calls for which the legend gives the share of positives found.
const EXAMPLES: [f64; 3] = [0.1, 0.2, 0.5];

/// Gain curve of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gain {
    /// Share of rows called, by falling risk, and share of the positives found. Ascending.
    pub points: Vec<[f64; 2]>,
}

impl Draw for Gain {
    fn scene(&self) -> Scene {
        let curve = points(&self.points, MAX_POINTS);
        if curve.is_empty() {
            return Scene::without_data(LARGE);
        }
        let x = Axis::percent("share of clients called, highest risk first");
        let mut chart = Chart::new(LARGE, x, Axis::percent("share of leavers found"));
        chart.form = Form::Square;
        let lines = EXAMPLES.iter().filter_map(|called| {
            let found = found_at(&curve, *called)?;
            Some(format!(
                "\n{} called: {} found",
                percent(*called),
                percent(found)
            ))
        });
        let text: String = std::iter::once("model".to_owned()).chain(lines).collect();
        chart.keys.push(key(Mark::Line, Tone::Blue, text));
        chart
            .keys
            .push(key(Mark::Dashes, Tone::Muted, "random order"));
        let mut plot = chart.plot();
        plot.dashes([[0.0, 0.0], [1.0, 1.0]], Tone::Muted);
        plot.curve(&curve);
        plot.scene
    }

    fn title(&self) -> String {
        "Share of leavers found by share of clients called".to_owned()
    }

    fn description(&self) -> String {
        let curve = points(&self.points, MAX_POINTS);
        let found = EXAMPLES.iter().filter_map(|called| {
            let found = found_at(&curve, *called)?;
            Some(format!(
                "{} of them by calling {} of the rows",
                percent(found),
                percent(*called)
            ))
        });
        let found: Vec<String> = found.collect();
        if found.is_empty() {
            return "Gain curve: no data yet.".to_owned();
        }
        format!("Gain curve: the model finds leavers, {}.", found.join(", "))
    }
}

/// Height of the curve at a place between two points.
fn found_at(curve: &[[f64; 2]], called: f64) -> Option<f64> {
    curve.windows(2).find_map(|pair| {
        let [[left, low], [right, high]] = [pair[0], pair[1]];
        let is_within = left <= called && called <= right && left < right;
        is_within.then(|| low + (high - low) * (called - left) / (right - left))
    })
}
