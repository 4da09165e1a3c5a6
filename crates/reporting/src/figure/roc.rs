//! ROC curve.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, percent, score};
use super::palette::Tone;
use super::plot::{Chart, Form, LARGE, key};
use super::scene::{Mark, Scene};
use super::thin::points;

/// Maximum number of points of a curve.
pub(super) const MAX_POINTS: usize = 200;

/// ROC curve of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roc {
    /// False positive rate and true positive rate, ascending.
    pub points: Vec<[f64; 2]>,
    /// Rates at the model's threshold.
    pub operating_point: Option<[f64; 2]>,
    /// Area under the curve.
    pub area: Option<f64>,
}

/// A point if both numbers can be drawn.
pub(super) fn drawable(point: Option<[f64; 2]>) -> Option<[f64; 2]> {
    point.filter(|point| point.iter().all(|value| is_drawable(*value)))
}

impl Draw for Roc {
    fn scene(&self) -> Scene {
        let curve = points(&self.points, MAX_POINTS);
        let operating_point = drawable(self.operating_point);
        if curve.is_empty() && operating_point.is_none() {
            return Scene::without_data(LARGE);
        }
        let x = Axis::percent("false positive rate");
        let mut chart = Chart::new(LARGE, x, Axis::percent("true positive rate"));
        chart.form = Form::Square;
        let area = self.area.filter(|area| is_drawable(*area));
        let area = area.map_or(String::new(), |area| {
            format!("\narea under it: {}", score(area))
        });
        chart
            .keys
            .push(key(Mark::Line, Tone::Blue, format!("model{area}")));
        if let Some([false_rate, true_rate]) = operating_point {
            let text = format!(
                "at the model's threshold\ntrue positive rate {}\nfalse positive rate {}",
                percent(true_rate),
                percent(false_rate)
            );
            chart.keys.push(key(Mark::Diamond, Tone::Orange, text));
        }
        let chance = "random order\narea under it: 0.50";
        chart.keys.push(key(Mark::Dashes, Tone::Muted, chance));
        let mut plot = chart.plot();
        plot.dashes([[0.0, 0.0], [1.0, 1.0]], Tone::Muted);
        plot.curve(&curve);
        if let Some(point) = operating_point {
            plot.mark(Mark::Diamond, point, 5.0, Tone::Orange);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "ROC curve".to_owned()
    }

    fn description(&self) -> String {
        let area = self.area.filter(|area| is_drawable(*area));
        let area = area.map_or("undefined".to_owned(), score);
        let threshold = drawable(self.operating_point).map(|[false_rate, true_rate]| {
            format!(
                "; at the model's threshold the true positive rate is {} and the false positive \
                 rate is {}",
                percent(true_rate),
                percent(false_rate)
            )
        });
        let threshold = threshold.unwrap_or_default();
        format!("ROC curve: the area under the curve is {area}{threshold}.")
    }
}
