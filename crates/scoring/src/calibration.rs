//! The calibration of probabilities: do three in ten rows with a probability of 0.3 have a positive
//! label?
//!
//! Other measures of probabilities, such as the Brier score, are in `metrics`.

use dataset::sum_of;
use serde::{Deserialize, Serialize};

use crate::statistics::quantile_at;

/// Maximum number of bins of the reliability curve. All bins have about equally many rows.
const BINS: u64 = 10;

/// The calibration of probabilities: how far they are from the observed shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error, 0 to 1. It is the mean over the bins of
    /// |mean probability − share of positive labels|, weighted by the rows of each bin.
    pub expected_error: f64,
    /// The reliability curve, in ascending order of probability. Bins without rows are left out.
    pub curve: Vec<ReliabilityBin>,
}

/// A bin of the reliability curve: rows of about the same probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    let mut sorted = rows.to_vec();
    // Sorting by label too makes the last digits of a sum independent of the order of the rows.
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    Calibration::of_sorted(&sorted, |probability| probability)
}

impl Calibration {
    /// The calibration of rows, each with a score and a label, in ascending order of score.
    /// `probability_of` gives the probability of a score and must not decrease.
    ///
    /// The edges of the bins are the linearly interpolated deciles of the probabilities. Bins are
    /// closed on the right, as in scikit-learn's `calibration_curve` with the strategy "quantile". Rows
    /// of equal probability are therefore always in one bin. `None` without rows, or if a probability
    /// is not from 0 to 1.
    pub(crate) fn of_sorted(
        sorted: &[(f64, bool)],
        probability_of: impl Fn(f64) -> f64 + Sync,
    ) -> Option<Self> {
        let is_probability =
            |row: Option<&(f64, bool)>| Some((0.0..=1.0).contains(&probability_of(row?.0)));
        if !is_probability(sorted.first())? || !is_probability(sorted.last())? {
            return None;
        }
        let curve = bins(sorted, &probability_of);
        let weighted =
            |bin: &ReliabilityBin| bin.rows as f64 * (bin.mean_probability - bin.share).abs();
        Some(Self {
            expected_error: curve.iter().map(weighted).sum::<f64>() / sorted.len() as f64,
            curve,
        })
    }
}

fn bins(
    sorted: &[(f64, bool)],
    probability_of: &(impl Fn(f64) -> f64 + Sync),
) -> Vec<ReliabilityBin> {
    let at = |place: usize| Some(probability_of(sorted.get(place)?.0));
    let ends = (1..BINS)
        .filter_map(|tenth| quantile_at(sorted.len(), at, tenth, BINS))
        .map(|edge| sorted.partition_point(|row| probability_of(row.0) <= edge))
        .chain([sorted.len()]);
    let mut start = 0;
    let mut curve = Vec::new();
    for end in ends {
        if end > start {
            curve.push(bin(&sorted[start..end], probability_of));
            start = end;
        }
    }
    curve
}

fn bin(rows: &[(f64, bool)], probability_of: &(impl Fn(f64) -> f64 + Sync)) -> ReliabilityBin {
    let count = rows.len() as f64;
    ReliabilityBin {
        rows: rows.len() as u64,
        mean_probability: sum_of(rows, |row| probability_of(row.0)) / count,
        share: rows.iter().filter(|row| row.1).count() as f64 / count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{cases, numbers};

    #[test]
    fn the_curve_is_that_of_scikit_learn() {
        for case in cases("calibration") {
            let classes = numbers(&case["classes"])
                .into_iter()
                .map(|class| class == 1.0);
            let rows: Vec<(f64, bool)> = numbers(&case["probabilities"])
                .into_iter()
                .zip(classes)
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
    fn the_edges_are_this_table() {
        let table: [Edge<'_>; 7] = [
            ("empty", &[], None),
            ("one row", &[(0.25, true)], Some((0.75, 1))),
            ("constant", &[(0.5, true), (0.5, false)], Some((0.0, 1))),
            ("one class", &[(0.5, false), (1.0, false)], Some((0.75, 2))),
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
