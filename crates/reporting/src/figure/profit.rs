//! Expected value by share of clients called.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, percent, short};
use super::palette::Tone;
use super::plot::{Chart, LARGE, key};
use super::roc::{MAX_POINTS, drawable};
use super::scene::{Mark, Scene};
use super::thin::points;

/// Expected value of calling the rows of highest risk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profit {
    /// Share of rows called and expected value, ascending.
    pub points: Vec<[f64; 2]>,
    /// The point of the highest expected value.
    pub best: Option<[f64; 2]>,
    /// Share of rows that can be called.
    pub called: Option<f64>,
}

impl Draw for Profit {
    fn scene(&self) -> Scene {
        let curve = points(&self.points, MAX_POINTS);
        if curve.is_empty() {
            return Scene::without_data(LARGE);
        }
        let best = drawable(self.best);
        let called = self.called.filter(|share| is_drawable(*share));
        let x = Axis::percent("share of clients called, highest risk first");
        let values = curve.iter().chain(&best).map(|point| point[1]).chain([0.0]);
        let y = Axis::numbers("expected value", values).rounded();
        let mut chart = Chart::new(LARGE, x, y);
        chart.keys.push(key(Mark::Line, Tone::Blue, "model"));
        if let Some([share, value]) = best {
            let text = format!("best: {} at {}", short(value), percent(share));
            chart.keys.push(key(Mark::Diamond, Tone::Orange, text));
        }
        if let Some(share) = called {
            let text = format!("to call: {}", percent(share));
            chart.keys.push(key(Mark::Dashes, Tone::Ink, text));
        }
        let mut plot = chart.plot();
        let zero = plot.down(0.0);
        let ends = [[plot.left, zero], [plot.right, zero]];
        plot.scene.line(ends, 1.2, Tone::Muted);
        if let Some(share) = called {
            let x = plot.across(share);
            let ends = [[x, plot.top], [x, plot.bottom]];
            plot.scene.dashes(ends, 1.2, Tone::Ink);
        }
        plot.curve(&curve);
        if let Some(best) = best {
            plot.mark(Mark::Diamond, best, 5.0, Tone::Orange);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "Expected value by share of clients called".to_owned()
    }

    fn description(&self) -> String {
        let Some([share, value]) = drawable(self.best) else {
            return "Expected value by share of clients called: no best share is known.".to_owned();
        };
        let called = self.called.filter(|share| is_drawable(*share));
        let called = called.map_or(String::new(), |share| {
            format!("; {} of the clients are to be called", percent(share))
        });
        format!(
            "Expected value by share of clients called: the highest is {} with {} of the rows \
             called{called}.",
            short(value),
            percent(share)
        )
    }
}
