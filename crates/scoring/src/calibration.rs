//! The calibration of probabilities: do three in ten rows with a probability of 0.3 have a positive
//! label?
//!
//! Other measures of probabilities, such as the Brier score, are in `metrics`.

use dataset::passes::{ScoreGroup, groups_of_rows, mean_of_rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::quantile_at;

/// Maximum number of bins of the reliability curve. All bins have about equally many rows.
const BINS: u64 = 10;

/// The calibration of probabilities: how far they are from the observed shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Expected calibration error, 0 to 1. It is the mean over the bins of
    /// |mean probability − share of positive labels|, weighted by the rows of each bin.
    pub expected_error: f64,
    /// The reliability curve, in ascending order of probability. Bins without rows are left out.
    pub curve: Vec<ReliabilityBin>,
}

/// A bin of the reliability curve: rows of about the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReliabilityBin {
    /// Number of rows.
    pub rows: u64,
    /// Mean probability of the positive label in these rows.
    pub mean_probability: f64,
    /// Share of these rows that have a positive label.
    pub share: f64,
}

/// The calibration of rows, each with a probability and a label. `None` without rows, or if a
/// probability is not from 0 to 1.
pub fn calibration(rows: &[(f64, bool)]) -> Option<Calibration> {
    let groups = groups_of_rows(rows.iter().copied());
    Calibration::of_groups(&groups, |probability| probability)
}

impl Calibration {
    /// The calibration of labelled rows, grouped by a score in ascending order. `probability_of` gives the
    /// probability of a score and must not decrease.
    ///
    /// The edges of the bins are the linearly interpolated deciles of the probabilities. Bins are
    /// closed on the right, as in scikit-learn's `calibration_curve` with the strategy "quantile". Rows
    /// of equal probability are therefore always in one bin. `None` without rows, or if a probability
    /// is not from 0 to 1.
    pub(crate) fn of_groups(
        groups: &[ScoreGroup],
        probability_of: impl Fn(f64) -> f64 + Sync,
    ) -> Option<Self> {
        let is_probability = |group: Option<&ScoreGroup>| {
            Some((0.0..=1.0).contains(&probability_of(group?.log_odds)))
        };
        if !is_probability(groups.first())? || !is_probability(groups.last())? {
            return None;
        }
        let curve = bins(groups, &probability_of)?;
        let rows = curve.iter().map(|bin| bin.rows).sum::<u64>() as f64;
        let weighted =
            |bin: &ReliabilityBin| bin.rows as f64 * (bin.mean_probability - bin.share).abs();
        Some(Self {
            expected_error: curve.iter().map(weighted).sum::<f64>() / rows,
            curve,
        })
    }
}

fn bins(
    groups: &[ScoreGroup],
    probability_of: &(impl Fn(f64) -> f64 + Sync),
) -> Option<Vec<ReliabilityBin>> {
    let rows_up_to: Vec<u64> = groups
        .iter()
        .scan(0, |rows, group| {
            *rows += group.rows();
            Some(*rows)
        })
        .collect();
    let n_rows = *rows_up_to.last()?;
    let of_row = |row: usize| {
        let group = rows_up_to.partition_point(|rows| *rows <= row as u64);
        Some(probability_of(groups.get(group)?.log_odds))
    };
    let ends = (1..BINS)
        .filter_map(|tenth| quantile_at(n_rows as usize, of_row, tenth, BINS))
        .map(|edge| groups.partition_point(|group| probability_of(group.log_odds) <= edge))
        .chain([groups.len()]);
    let mut start = 0;
    let mut curve = Vec::new();
    for end in ends {
        if end > start {
            curve.push(bin(&groups[start..end], probability_of)?);
            start = end;
        }
    }
    Some(curve)
}

fn bin(
    groups: &[ScoreGroup],
    probability_of: &(impl Fn(f64) -> f64 + Sync),
) -> Option<ReliabilityBin> {
    let rows: u64 = groups.iter().map(ScoreGroup::rows).sum();
    let positives: u64 = groups.iter().map(|group| group.positives).sum();
    Some(ReliabilityBin {
        rows,
        mean_probability: mean_of_rows(groups, |score, _| probability_of(score))?,
        share: positives as f64 / rows as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{cases, numbers};

    #[test]
    fn the_curve_is_that_of_scikit_learn() {
        for case in cases("calibration") {
            let labels = numbers(&case["classes"])
                .into_iter()
                .map(|label| label == 1.0);
            let rows: Vec<(f64, bool)> = numbers(&case["probabilities"])
                .into_iter()
                .zip(labels)
                .collect();
            let found = calibration(&rows).unwrap();
            let error = found.expected_error - case["expected_error"].as_f64().unwrap();
            assert!(error.abs() < 1e-12, "{}: {found:?}", case["name"]);
            let means = numbers(&case["mean_probabilities"]);
            let shares = numbers(&case["shares"]);
            assert_eq!(found.curve.len(), means.len(), "{}", case["name"]);
            for ((bin, mean), share) in found.curve.iter().zip(means).zip(shares) {
                assert!((bin.mean_probability - mean).abs() < 1e-12);
                assert!((bin.share - share).abs() < 1e-12);
            }
        }
    }

    /// A test case: its name, its rows, and the expected error and number of bins.
    type Edge<'a> = (&'a str, &'a [(f64, bool)], Option<(f64, usize)>);

    #[test]
    fn edge_cases_have_these_results() {
        let table: [Edge<'_>; 7] = [
            ("empty", &[], None),
            ("one row", &[(0.25, true)], Some((0.75, 1))),
            ("constant", &[(0.5, true), (0.5, false)], Some((0.0, 1))),
            ("one label", &[(0.5, false), (1.0, false)], Some((0.75, 2))),
            ("no number", &[(f64::NAN, true)], None),
            ("an infinity", &[(f64::INFINITY, true)], None),
            ("no probability", &[(0.5, true), (1.5, true)], None),
        ];
        for (name, rows, wanted) in table {
            let found = calibration(rows).map(|found| (found.expected_error, found.curve.len()));
            assert_eq!(found, wanted, "{name}");
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let rows: Vec<(f64, bool)> = (0..97)
            .map(|row| (f64::from(row * 37 % 19) / 19.0, row % 3 == 0))
            .collect();
        let back: Vec<(f64, bool)> = rows.iter().rev().copied().collect();
        assert_eq!(calibration(&rows), calibration(&back));
    }
}
