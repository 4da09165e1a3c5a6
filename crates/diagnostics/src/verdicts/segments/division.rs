//! The segments of a model's clients: levels of its categories and bins of its numbers.

use std::collections::BTreeSet;

use dataset::Level;
use dataset::passes::{CategoryCounts, ColumnValues, Division, Encoding};
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of bins of a number with many values: its deciles in the training rows. A number with at
/// most this many different values has a bin for each value, and bins for the values between and
/// beyond them.
const BINS: usize = 10;
/// Maximum number of levels of a category with a segment of their own: those that are most frequent in
/// the training rows.
const MAX_LEVELS: usize = 50;
/// Maximum number of groups of a division, with those of other levels and of missing cells.
pub(super) const MAX_GROUPS: usize = MAX_LEVELS + 2;

/// The clients of a segment, by one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SegmentPart {
    /// All clients.
    All,
    /// Clients whose number lies in a bin.
    Numbers {
        /// Smallest training value in the bin; `None` if it has no lower end.
        from: Option<f64>,
        /// Largest training value in the bin; `None` if it has no upper end.
        to: Option<f64>,
    },
    /// Clients with a number that no training row has, if the training rows have few different
    /// numbers.
    OtherNumbers,
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
pub(super) struct SegmentDivision<'m> {
    /// Name of the feature; `None` for all clients.
    pub(super) feature: Option<&'m str>,
    pub(super) division: Division,
    /// The part of each group, except the group of missing cells.
    parts: Vec<SegmentPart>,
    /// Number of training rows in each of these parts, if the model has a curve of the feature or a
    /// pair with it; empty for any other feature. The residual variance needs the number there,
    /// because the covariance leaves out the shape of a curve.
    training_rows: Vec<f64>,
}

impl SegmentDivision<'_> {
    /// True for the division with all clients in one group.
    pub(super) fn is_whole(&self) -> bool {
        self.feature.is_none()
    }

    /// Number of training rows in a group of a feature whose effect is not a straight line. `None`
    /// for any other group.
    pub(super) fn training_rows(&self, group: usize) -> Option<f64> {
        self.training_rows.get(group).copied()
    }

    /// The clients of a group.
    pub(super) fn part(&self, group: usize) -> SegmentPart {
        let part = self.parts.get(group).cloned();
        part.unwrap_or(SegmentPart::Missing)
    }
}

/// The divisions of a model's clients: all of them together, then one division for each feature.
pub(super) fn divisions(model: &Model) -> Vec<SegmentDivision<'_>> {
    let whole = SegmentDivision {
        feature: None,
        division: Division::Whole,
        parts: vec![SegmentPart::All],
        training_rows: Vec::new(),
    };
    let flexible = flexible_features(model);
    let profile = &model.profile;
    // The last column is the target.
    let features = profile.columns.iter().take(model.schema.features.len());
    let features = features.zip(&profile.sample.columns).enumerate();
    let of_features = features.map(|(feature, (column, sample))| {
        let of_feature = match &column.values {
            ColumnValues::Numbers(moments) => of_number(feature, sample, moments.count),
            ColumnValues::Levels(counts) => of_category(feature, counts),
        };
        SegmentDivision {
            feature: Some(column.name.as_str()),
            training_rows: match flexible.contains(&feature) {
                true => of_feature.training_rows,
                false => Vec::new(),
            },
            ..of_feature
        }
    });
    std::iter::once(whole).chain(of_features).collect()
}

/// Features with a curve (`Trend` is the straight part of one), and features of pairs.
fn flexible_features(model: &Model) -> BTreeSet<usize> {
    let terms = model.predictor.expression().terms.into_iter();
    let features = terms.flat_map(|weighted| match weighted.term.encoding {
        Encoding::Surface(surface) => surface.grid.features().to_vec(),
        Encoding::Trend(_) | Encoding::Curve(_) => vec![weighted.term.feature],
        _ => Vec::new(),
    });
    features.collect()
}

/// The bins of a number, without its name, given a sample of its training values and the number of
/// training rows with a value.
fn of_number(feature: usize, sample: &[f64], present: u64) -> SegmentDivision<'static> {
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|it| !it.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut values = sorted.clone();
    values.dedup();
    let (ends, parts) = match values.len() <= BINS {
        true => single_values(&values),
        false => {
            let largest_of = |bin: usize| sorted[sorted.len() * bin / BINS - 1];
            let mut ends: Vec<f64> = (1..BINS).map(largest_of).collect();
            ends.dedup();
            // The last bin must have values, too.
            ends.pop_if(|end| *end == values[values.len() - 1]);
            let parts = ranges(&values, &ends);
            (ends, parts)
        }
    };
    let up_to = |end: &f64| sorted.partition_point(|value| value <= end) as f64;
    let up_to_each = ends.iter().map(up_to).chain([sorted.len() as f64]);
    let counts = up_to_each.scan(0.0, |before, all| {
        let own = all - *before;
        *before = all;
        Some(own)
    });
    let rows_of_one = present as f64 / sorted.len().max(1) as f64;
    let training_rows = counts.map(|count| count * rows_of_one).collect();
    SegmentDivision {
        feature: None,
        division: Division::Bins { feature, ends },
        parts,
        training_rows,
    }
}

/// A bin for each value, and bins for all values between and beyond them: their upper ends, except that
/// of the last one, and their parts.
fn single_values(values: &[f64]) -> (Vec<f64>, Vec<SegmentPart>) {
    let (mut ends, mut parts) = (Vec::new(), Vec::new());
    let mut before = f64::NEG_INFINITY;
    for value in values {
        let below = value.next_down();
        if below > before {
            ends.push(below);
            parts.push(SegmentPart::OtherNumbers);
        }
        ends.push(*value);
        parts.push(SegmentPart::Numbers {
            from: Some(*value),
            to: Some(*value),
        });
        before = *value;
    }
    parts.push(SegmentPart::OtherNumbers);
    (ends, parts)
}

/// The part of each bin, given the different training values, sorted, and the largest value of each bin
/// except the last one.
fn ranges(values: &[f64], ends: &[f64]) -> Vec<SegmentPart> {
    let next = |end: &f64| values[values.partition_point(|value| value <= end)];
    let from = std::iter::once(None).chain(ends.iter().map(|end| Some(next(end))));
    let to = ends.iter().copied().map(Some).chain([None]);
    let bins = from.zip(to);
    bins.map(|(from, to)| SegmentPart::Numbers { from, to })
        .collect()
}

/// The most frequent levels of a category, without its name.
fn of_category(feature: usize, counts: &CategoryCounts) -> SegmentDivision<'static> {
    let levels = counts.levels.iter().take(MAX_LEVELS);
    let levels: Vec<Level> = levels.map(|it| Level::from(it.level.clone())).collect();
    let named = levels.iter().map(|level| SegmentPart::Level {
        level: Some(level.text().to_owned()),
    });
    let parts = named.chain([SegmentPart::OtherLevels]).collect();
    let rows = counts.levels.iter().take(MAX_LEVELS);
    let mut training_rows: Vec<f64> = rows.map(|it| it.rows as f64).collect();
    let named_rows: f64 = training_rows.iter().sum();
    training_rows.push(counts.rows() as f64 - named_rows);
    SegmentDivision {
        feature: None,
        division: Division::Levels { feature, levels },
        parts,
        training_rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upper ends of the bins, and the ends of each bin for people.
    type Bins = (Vec<f64>, Vec<(Option<f64>, Option<f64>)>);

    fn bins(sample: &[f64]) -> Bins {
        let parted = of_number(0, sample, 10 * sample.len() as u64);
        let (division, parts) = (parted.division, parted.parts);
        let Division::Bins { ends, .. } = division else {
            panic!("a number has bins");
        };
        let ends_of = |part| match part {
            SegmentPart::Numbers { from, to } => (from, to),
            SegmentPart::OtherNumbers => (None, None),
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
    fn bins_know_their_training_rows() {
        let sample = [0.0, 0.0, 0.0, 1.0, f64::NAN];
        let wanted = [0.0, 300.0, 0.0, 100.0, 0.0];
        assert_eq!(of_number(0, &sample, 400).training_rows, wanted);
        assert_eq!(of_number(0, &[], 0).training_rows, [0.0]);
        let many: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(of_number(0, &many, 400).training_rows, [40.0; 10]);
    }

    #[test]
    fn few_values_have_a_bin_each_and_no_other_value_is_in_it() {
        let one = |value: f64| (Some(value), Some(value));
        let other = (None, None);
        let sample = [1.0, 0.0, f64::NAN, 0.0, 1.0, 7.0];
        let (ends, parts) = bins(&sample);
        assert_eq!(
            parts,
            [other, one(0.0), other, one(1.0), other, one(7.0), other]
        );
        let bin_of = |value: f64| ends.partition_point(|end| *end < value);
        let found = [-1.0, 0.0, 0.5, 1.0, 5.0, 7.0, 20.0].map(bin_of);
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(bins(&[f64::NAN; 5]), (vec![], vec![other]));
        let next = 1.0_f64.next_up();
        assert_eq!(bins(&[1.0, next]).1, [other, one(1.0), one(next), other]);
    }

    #[test]
    fn a_frequent_value_has_a_bin_of_its_own() {
        let zeros = std::iter::repeat_n(0.0, 600);
        let sample: Vec<f64> = zeros.chain((1..=400).map(f64::from)).collect();
        let (ends, parts) = bins(&sample);
        assert_eq!(ends, [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(parts[0], (None, Some(0.0)));
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
        let SegmentDivision {
            division,
            parts,
            training_rows,
            ..
        } = of_category(3, &counts);
        // The rarest ten levels have 1 to 10 rows.
        assert_eq!(training_rows.first(), Some(&60.0));
        assert_eq!(training_rows.last(), Some(&55.0));
        assert_eq!(parts.len(), MAX_LEVELS + 1);
        // A group of missing cells follows.
        assert_eq!(division.groups(), MAX_LEVELS + 2);
        assert_eq!(parts[MAX_LEVELS], SegmentPart::OtherLevels);
    }
}
