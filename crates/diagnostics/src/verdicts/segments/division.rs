//! The segments of a model's clients: levels of its categories and bins of its numbers.

use dataset::Level;
use dataset::passes::{CategoryCounts, ColumnValues, Division};
use model::Model;
use serde::{Deserialize, Serialize};

/// Number of bins of a number with many values: its deciles in the training rows. A number with as many
/// different values at most has a bin for each of them.
const BINS: usize = 10;
/// Maximum number of levels of a category with a segment of their own: those that are most frequent in
/// the training rows.
const MAX_LEVELS: usize = 50;

/// The clients of a segment, by one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SegmentPart {
    /// All clients.
    All,
    /// Clients whose number lies in a bin.
    Numbers {
        /// Smallest training value in the bin; `None` for the first bin, which has no lower end.
        from: Option<f64>,
        /// Largest training value in the bin; `None` for the last bin, which has no upper end.
        to: Option<f64>,
    },
    /// Clients with a level of a category.
    Level {
        /// Text of the level. `None` where levels must not be named.
        level: Option<String>,
    },
    /// Clients with any other level: with one that is rare in the training rows, or unseen.
    OtherLevels,
    /// Clients without a value.
    Missing,
}

/// A division of the clients, with what its groups are called.
pub(super) struct Divided<'m> {
    /// Name of the feature; `None` for all clients.
    pub(super) feature: Option<&'m str>,
    pub(super) division: Division,
    /// The part of each group but that of missing cells.
    parts: Vec<SegmentPart>,
}

impl Divided<'_> {
    /// True for the division with all clients in one group.
    pub(super) fn is_whole(&self) -> bool {
        self.feature.is_none()
    }

    /// The clients of a group.
    pub(super) fn part(&self, group: usize) -> SegmentPart {
        let part = self.parts.get(group).cloned();
        part.unwrap_or(SegmentPart::Missing)
    }
}

/// The divisions of a model's clients: all of them together, then one division for each feature.
pub(super) fn divisions(model: &Model) -> Vec<Divided<'_>> {
    let whole = Divided {
        feature: None,
        division: Division::Whole,
        parts: vec![SegmentPart::All],
    };
    let profile = &model.profile;
    // The last column is the target.
    let features = profile.columns.iter().take(model.schema.features.len());
    let features = features.zip(&profile.sample.columns).enumerate();
    let of_features = features.map(|(feature, (column, sample))| {
        let (division, parts) = match &column.values {
            ColumnValues::Numbers(_) => of_number(feature, sample),
            ColumnValues::Levels(counts) => of_category(feature, counts),
        };
        Divided {
            feature: Some(column.name.as_str()),
            division,
            parts,
        }
    });
    std::iter::once(whole).chain(of_features).collect()
}

/// The bins of a number, given a sample of its training values.
fn of_number(feature: usize, sample: &[f64]) -> (Division, Vec<SegmentPart>) {
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|it| !it.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut values = sorted.clone();
    values.dedup();
    let mut ends: Vec<f64> = match values.len() <= BINS {
        true => values.clone(),
        false => {
            let largest_of = |bin: usize| sorted[sorted.len() * bin / BINS - 1];
            (1..=BINS).map(largest_of).collect()
        }
    };
    ends.dedup();
    let parts = parts_of_bins(&values, &ends);
    // The last bin has no upper end.
    ends.pop();
    (Division::Bins { feature, ends }, parts)
}

/// The part of each bin, given the different training values, sorted, and the largest value of each bin.
fn parts_of_bins(values: &[f64], ends: &[f64]) -> Vec<SegmentPart> {
    let mut first = 0;
    let bins = ends.iter().enumerate().map(|(bin, end)| {
        let from = values[first];
        first = values.partition_point(|value| value <= end);
        let is_single = from == *end;
        SegmentPart::Numbers {
            from: (is_single || bin > 0).then_some(from),
            to: (is_single || bin + 1 < ends.len()).then_some(*end),
        }
    });
    let parts: Vec<SegmentPart> = bins.collect();
    match parts.is_empty() {
        // No training row has a value: one bin has all of them.
        true => vec![SegmentPart::Numbers {
            from: None,
            to: None,
        }],
        false => parts,
    }
}

/// The most frequent levels of a category.
fn of_category(feature: usize, counts: &CategoryCounts) -> (Division, Vec<SegmentPart>) {
    let levels = counts.levels.iter().take(MAX_LEVELS);
    let levels: Vec<Level> = levels.map(|it| Level::from(it.level.clone())).collect();
    let named = levels.iter().map(|level| SegmentPart::Level {
        level: Some(level.text().to_owned()),
    });
    let parts = named.chain([SegmentPart::OtherLevels]).collect();
    (Division::Levels { feature, levels }, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upper ends of the bins, and the ends of each bin for people.
    type Bins = (Vec<f64>, Vec<(Option<f64>, Option<f64>)>);

    fn bins(sample: &[f64]) -> Bins {
        let (division, parts) = of_number(0, sample);
        let Division::Bins { ends, .. } = division else {
            panic!("a number has bins");
        };
        let ends_of = |part| match part {
            SegmentPart::Numbers { from, to } => (from, to),
            other => panic!("{other:?}"),
        };
        (ends, parts.into_iter().map(ends_of).collect())
    }

    #[test]
    fn many_values_have_ten_bins_of_equally_many_rows() {
        let sample: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let (ends, parts) = bins(&sample);
        let wanted: Vec<f64> = (1..10).map(|bin| f64::from(bin * 20)).collect();
        assert_eq!(ends, wanted);
        assert_eq!(parts.len(), 10);
        assert_eq!(parts[0], (None, Some(20.0)));
        assert_eq!(parts[1], (Some(21.0), Some(40.0)));
        assert_eq!(parts[9], (Some(181.0), None));
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let one = |value: f64| (Some(value), Some(value));
        let sample = [1.0, 0.0, f64::NAN, 0.0, 1.0, 7.0];
        let wanted = (vec![0.0, 1.0], vec![one(0.0), one(1.0), one(7.0)]);
        assert_eq!(bins(&sample), wanted);
        assert_eq!(bins(&[3.0; 5]), (vec![], vec![one(3.0)]));
        assert_eq!(bins(&[f64::NAN; 5]), (vec![], vec![(None, None)]));
    }

    #[test]
    fn a_frequent_value_has_a_bin_of_its_own() {
        let zeros = std::iter::repeat_n(0.0, 600);
        let sample: Vec<f64> = zeros.chain((1..=400).map(f64::from)).collect();
        let (ends, parts) = bins(&sample);
        assert_eq!(ends, [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(parts[0], (Some(0.0), Some(0.0)));
        assert_eq!(parts[1], (Some(1.0), Some(100.0)));
        assert_eq!(parts[4], (Some(301.0), None));
    }

    #[test]
    fn rare_levels_share_a_segment() {
        let level = |rows: u64| dataset::passes::LevelCount {
            level: format!("level {rows}"),
            rows,
        };
        let counts = CategoryCounts {
            levels: (1..=60).rev().map(level).collect(),
            others: 0,
        };
        let (division, parts) = of_category(3, &counts);
        assert_eq!(parts.len(), MAX_LEVELS + 1);
        // A group of missing cells follows.
        assert_eq!(division.groups(), MAX_LEVELS + 2);
        assert_eq!(parts[MAX_LEVELS], SegmentPart::OtherLevels);
    }
}
