//! Predicted probabilities compared with observed shares.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, percent};
use super::palette::Tone;
use super::plot::{Chart, Form, LARGE, key};
use super::scene::{Mark, Scene};

/// Maximum number of bins. If there are more, neighbouring bins are merged.
const MAX_BINS: usize = 20;
/// Quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_964;

/// Reliability curve of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Groups of rows by predicted probability, ascending. Groups without rows are left out.
    pub bins: Vec<CalibrationBin>,
}

/// Group of rows with similar probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CalibrationBin {
    /// Mean of the predicted probabilities.
    pub mean_probability: f64,
    /// Share of the rows with a positive label.
    pub share: f64,
    /// Number of rows.
    pub rows: u64,
}

impl CalibrationBin {
    fn is_drawable(&self) -> bool {
        is_drawable(self.mean_probability) && is_drawable(self.share) && self.rows > 0
    }

    /// The 95 % interval of Wilson for the share.
    fn interval(&self) -> [f64; 2] {
        let rows = self.rows as f64;
        let share = self.share.clamp(0.0, 1.0);
        let denominator = 1.0 + Z * Z / rows;
        let middle = (share + Z * Z / (2.0 * rows)) / denominator;
        let spread = share * (1.0 - share) / rows + Z * Z / (4.0 * rows * rows);
        let half = Z * spread.sqrt() / denominator;
        [(middle - half).max(0.0), (middle + half).min(1.0)]
    }

    fn together(bins: &[Self]) -> Self {
        let rows: u64 = bins.iter().fold(0, |sum, bin| sum.saturating_add(bin.rows));
        let mean = |value: fn(&Self) -> f64| {
            let part = |bin| value(bin) * (bin.rows as f64 / rows as f64);
            bins.iter().map(part).sum()
        };
        Self {
            mean_probability: mean(|bin| bin.mean_probability),
            share: mean(|bin| bin.share),
            rows,
        }
    }
}

impl Calibration {
    fn shown(&self) -> Vec<CalibrationBin> {
        let drawable = |bin: &&CalibrationBin| bin.is_drawable();
        let bins: Vec<CalibrationBin> = self.bins.iter().filter(drawable).copied().collect();
        let together = bins.len().div_ceil(MAX_BINS).max(1);
        bins.chunks(together)
            .map(CalibrationBin::together)
            .collect()
    }
}

impl Draw for Calibration {
    fn scene(&self) -> Scene {
        let bins = self.shown();
        if bins.is_empty() {
            return Scene::without_data(LARGE);
        }
        let ends = || {
            bins.iter()
                .flat_map(|bin| [bin.mean_probability, bin.share, bin.interval()[1]])
        };
        let x = Axis::percent_up_to("predicted probability", ends());
        let y = Axis::percent_up_to("observed share of leavers", ends());
        let high = x.high;
        let mut chart = Chart::new(LARGE, x, y);
        chart.form = Form::Square;
        chart.keys = vec![
            key(Mark::Disc, Tone::Blue, "rows of similar probability"),
            key(Mark::Whisker, Tone::Blue, "95 % interval"),
            key(
                Mark::Dashes,
                Tone::Muted,
                "perfect calibration\nabove: risk underestimated\nbelow: risk overestimated",
            ),
        ];
        let mut plot = chart.plot();
        plot.dashes([[0.0, 0.0], [high, high]], Tone::Muted);
        let curve: Vec<[f64; 2]> = bins
            .iter()
            .map(|bin| [bin.mean_probability, bin.share])
            .collect();
        plot.path(&curve, 1.5, Tone::Blue);
        for (bin, at) in bins.iter().zip(curve) {
            let x = plot.across(bin.mean_probability);
            let interval = bin.interval().map(|end| plot.down(end));
            plot.scene.whisker(x, interval, 3.0, Tone::Blue);
            plot.mark(Mark::Disc, at, 3.5, Tone::Blue);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "Calibration: predicted probability and observed share".to_owned()
    }

    fn description(&self) -> String {
        let bins = self.shown();
        let distance = |bin: &&CalibrationBin| (bin.share - bin.mean_probability).abs();
        let Some(widest) = bins
            .iter()
            .max_by(|a, b| distance(a).total_cmp(&distance(b)))
        else {
            return "Calibration: no data yet.".to_owned();
        };
        format!(
            "Calibration in {} groups of rows: the largest difference is a predicted probability of \
             {} with an observed share of {}.",
            bins.len(),
            percent(widest.mean_probability),
            percent(widest.share)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let bin = CalibrationBin {
            mean_probability: 0.5,
            share: 0.2,
            rows: 50,
        };
        let [low, high] = bin.interval();
        assert!(
            (low - 0.112_4).abs() < 1e-3 && (high - 0.330_4).abs() < 1e-3,
            "{low} {high}"
        );
    }
}
