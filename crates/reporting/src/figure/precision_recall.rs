//! Curve of precision and recall.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, percent, score};
use super::palette::Tone;
use super::plot::{Chart, Form, LARGE, key};
use super::roc::{MAX_POINTS, drawable};
use super::scene::{Mark, Scene};
use super::thin::points;

/// Curve of precision and recall of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrecisionRecall {
    /// Recall and precision.
    pub points: Vec<[f64; 2]>,
    /// Recall and precision at the model's threshold.
    pub operating_point: Option<[f64; 2]>,
    /// Share of rows with a positive label: the precision of a random choice.
    pub prevalence: f64,
    /// Average precision.
    pub average_precision: Option<f64>,
}

impl Draw for PrecisionRecall {
    fn scene(&self) -> Scene {
        let curve = points(&self.points, MAX_POINTS);
        let operating_point = drawable(self.operating_point);
        if curve.is_empty() && operating_point.is_none() {
            return Scene::without_data(LARGE);
        }
        let mut chart = Chart::new(LARGE, Axis::percent("recall"), Axis::percent("precision"));
        chart.form = Form::Square;
        let average = self.average_precision.filter(|value| is_drawable(*value));
        let average = average.map_or(String::new(), |value| {
            format!("\naverage precision: {}", score(value))
        });
        chart
            .keys
            .push(key(Mark::Line, Tone::Blue, format!("model{average}")));
        if let Some([recall, precision]) = operating_point {
            let text = format!(
                "at the model's threshold\nprecision {}\nrecall {}",
                percent(precision),
                percent(recall)
            );
            chart.keys.push(key(Mark::Diamond, Tone::Orange, text));
        }
        if is_drawable(self.prevalence) {
            let text = format!("random choice\nprecision {}", percent(self.prevalence));
            chart.keys.push(key(Mark::Dashes, Tone::Muted, text));
        }
        let mut plot = chart.plot();
        if is_drawable(self.prevalence) {
            plot.dashes(
                [[0.0, self.prevalence], [1.0, self.prevalence]],
                Tone::Muted,
            );
        }
        plot.curve(&curve);
        if let Some(point) = operating_point {
            plot.mark(Mark::Diamond, point, 5.0, Tone::Orange);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "Precision and recall".to_owned()
    }

    fn description(&self) -> String {
        let average = self.average_precision.filter(|value| is_drawable(*value));
        let average = average.map_or("undefined".to_owned(), score);
        let threshold = drawable(self.operating_point).map(|[recall, precision]| {
            format!(
                "; at the model's threshold the precision is {} and the recall is {}",
                percent(precision),
                percent(recall)
            )
        });
        let prevalence = if is_drawable(self.prevalence) {
            format!("; {} of all rows are positive", percent(self.prevalence))
        } else {
            String::new()
        };
        let threshold = threshold.unwrap_or_default();
        format!("Precision and recall: the average precision is {average}{threshold}{prevalence}.")
    }
}
