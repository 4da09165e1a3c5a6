//! Distribution of a feature now, compared with a reference.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, percent};
use super::palette::Tone;
use super::plot::{Chart, SMALL, key};
use super::scene::{Mark, Scene};
use super::text::name_of;

/// Maximum number of bins that are drawn. The last one holds all others.
const MAX_BINS: usize = 12;

/// Distribution of a feature in the training rows and in the new rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Name of the feature.
    pub feature: String,
    /// Bins or levels, in the order in which they are drawn.
    pub bins: Vec<DistributionBin>,
}

/// One bin or level of a [`Distribution`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistributionBin {
    /// Name of the level, or the ends of the bin.
    pub label: String,
    /// Share of the reference rows, from 0 to 1.
    pub reference: f64,
    /// Share of the new rows, from 0 to 1.
    pub now: f64,
}

impl Distribution {
    fn shown(&self) -> Vec<DistributionBin> {
        let drawable = |bin: &&DistributionBin| is_drawable(bin.reference) && is_drawable(bin.now);
        let mut bins: Vec<DistributionBin> = self.bins.iter().filter(drawable).cloned().collect();
        if bins.len() > MAX_BINS {
            let others = bins.split_off(MAX_BINS - 1);
            bins.push(DistributionBin {
                label: format!("{} others", others.len()),
                reference: others.iter().map(|bin| bin.reference).sum(),
                now: others.iter().map(|bin| bin.now).sum(),
            });
        }
        bins
    }
}

impl Draw for Distribution {
    fn scene(&self) -> Scene {
        let bins = self.shown();
        if bins.is_empty() {
            return Scene::without_data(SMALL);
        }
        let shares = bins.iter().flat_map(|bin| [bin.reference, bin.now]);
        let x = Axis::percent_up_to("share of rows with a value", shares);
        let y = Axis::names("", bins.iter().map(|bin| &bin.label));
        let mut chart = Chart::new(SMALL, x, y);
        chart.keys = vec![
            key(Mark::Bar, Tone::Blue, "new rows"),
            key(Mark::Outline, Tone::Orange, "reference"),
        ];
        let mut plot = chart.plot();
        let half = ((plot.bottom - plot.top) / bins.len() as f64 * 0.4).min(11.0);
        let zero = plot.across(0.0);
        for (index, bin) in bins.iter().enumerate() {
            let y = plot.down(index as f64 + 0.5);
            let (now, reference) = (plot.across(bin.now), plot.across(bin.reference));
            let inner = (half - 1.8).max(1.0);
            plot.scene
                .rect([[zero, y - inner], [now, y + inner]], Tone::Blue);
            plot.scene
                .outline([[zero, y - half], [reference, y + half]], Tone::Orange);
        }
        plot.scene
    }

    fn title(&self) -> String {
        format!(
            "{}: new rows compared with the reference",
            name_of(&self.feature)
        )
    }

    fn description(&self) -> String {
        let feature = name_of(&self.feature);
        let bins = self.shown();
        let change = |bin: &&DistributionBin| (bin.now - bin.reference).abs();
        let Some(most) = bins.iter().max_by(|a, b| change(a).total_cmp(&change(b))) else {
            return format!("Distribution of {feature}: no data yet.");
        };
        format!(
            "Distribution of {feature} in {} bins: the largest change is in {}, from {} of the \
             reference rows to {} of the new rows.",
            bins.len(),
            name_of(&most.label),
            percent(most.reference),
            percent(most.now)
        )
    }
}
