//! How well a model ranks rows, whatever its threshold, and how well its probabilities are
//! calibrated.
//!
//! Rows of equal log-odds are one group: no figure depends on their order. A figure without a value is
//! `None`, never 0.

use dataset::passes::{ScoreGroup, probability};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use training::{calibration_intercept, calibration_line};

use crate::calibration::Calibration;

/// Number of deciles.
const DECILES: u64 = 10;

/// Smallest step between points of the curve, as the sum of the rates of true and of false positives.
const MIN_STEP: f64 = 0.02;

/// How well a model ranks rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranking {
    /// The rows in ten parts of about equal size, the highest predictions first. Parts without rows
    /// are left out.
    pub deciles: Vec<Decile>,
    /// Kolmogorov-Smirnov statistic, 0 to 1: the largest difference between the shares of positive and
    /// of negative rows above a threshold (two-sided, as scipy's `ks_2samp`). `None` if all rows have
    /// one label.
    pub ks: Option<f64>,
    /// Gini coefficient, −1 to 1: 2 · ROC-AUC − 1, which is Somers' D of the label by the log-odds.
    /// `None` if all rows have one label.
    pub gini: Option<f64>,
    /// Average precision, 0 to 1: the sum over thresholds of (recall − recall before) · precision,
    /// without interpolation, as scikit-learn's `average_precision_score`. `None` without positive
    /// labels.
    pub average_precision: Option<f64>,
    /// Calibration slope: the coefficient of the log-odds in a logistic regression of the label on them
    /// (Cox 1958, *Biometrika* 45). Below 1, the probabilities are too extreme. `None` if a threshold
    /// separates the labels, or if all rows have one label.
    pub calibration_slope: Option<f64>,
    /// Calibration intercept: the number that, added to the log-odds, makes them right on average.
    /// The slope stays 1 (calibration in the large; Van Calster et al. 2019, *BMC Medicine*
    /// 17:230). Above 0, the probabilities are too low. `None` if all rows have one label.
    pub calibration_intercept: Option<f64>,
    /// Calibration in ten bins. `None` in metrics of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Points of the ROC and of the precision-recall curve, from the highest threshold to the
    /// lowest. A point has the numbers of positive and of negative rows above its threshold. The
    /// last point has all rows. From one point to the next, except the last, the sum of the true and
    /// false positive rates rises by at least a fiftieth. There are therefore at most 101 points.
    /// Empty in metrics of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<[u64; 2]>,
}

/// A tenth of the rows, by rank.
///
/// Rows of equal log-odds at a boundary are shared between both sides as if in random order. Each
/// side gets the expected number of positive rows, which may be a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decile {
    /// 1 for the highest predictions, 10 for the lowest.
    pub decile: u64,
    /// Number of rows.
    pub rows: u64,
    /// Number of rows with a positive label.
    pub positives: f64,
    /// Share of positive labels in this decile.
    pub rate: f64,
    /// Share of all positive labels in this decile and those before it. `None` without positive labels.
    pub cumulative_gain: Option<f64>,
    /// Rate of this decile divided by the rate of all rows. `None` without positive labels.
    pub lift: Option<f64>,
}

/// Counts of rows by label.
#[derive(Clone, Copy)]
struct Group {
    positives: u64,
    negatives: u64,
}

impl Ranking {
    /// The ranking of labelled rows. Groups are in ascending order of log-odds.
    pub(crate) fn of(groups: &[ScoreGroup], roc_auc: Option<f64>) -> Self {
        let descending = || groups.iter().rev().map(Group::from);
        let total = descending().fold(Group::NONE, Group::plus);
        Self {
            deciles: deciles(descending(), total),
            ks: kolmogorov_smirnov(descending(), total),
            gini: roc_auc.map(|area| 2.0 * area - 1.0),
            average_precision: average_precision(descending(), total),
            calibration_slope: calibration_line(groups).map(|line| line.slope),
            calibration_intercept: calibration_intercept(groups),
            calibration: Calibration::of_groups(groups, probability),
            curve: curve(descending(), total),
        }
    }
}

impl From<&ScoreGroup> for Group {
    fn from(group: &ScoreGroup) -> Self {
        Self {
            positives: group.positives,
            negatives: group.negatives,
        }
    }
}

impl Group {
    const NONE: Self = Self {
        positives: 0,
        negatives: 0,
    };

    fn plus(self, other: Self) -> Self {
        Self {
            positives: self.positives + other.positives,
            negatives: self.negatives + other.negatives,
        }
    }

    fn rows(self) -> u64 {
        self.positives + self.negatives
    }
}

fn deciles(mut groups: impl Iterator<Item = Group>, total: Group) -> Vec<Decile> {
    let (n_rows, n_positives) = (total.rows(), total.positives as f64);
    let prevalence = n_positives / n_rows as f64;
    let mut before = Group::NONE;
    let mut group = Group::NONE;
    // Expected number of positive rows among the first `rows` rows.
    let mut gained = |rows: u64| {
        while before.rows() + group.rows() < rows {
            before = before.plus(group);
            match groups.next() {
                Some(next) => group = next,
                None => break,
            }
        }
        let within = rows.saturating_sub(before.rows()) as f64;
        let share = within / group.rows().max(1) as f64;
        before.positives as f64 + share * group.positives as f64
    };
    let (mut start, mut gained_before) = (0, 0.0);
    let mut deciles = Vec::new();
    for decile in 1..=DECILES {
        let end = part(n_rows, decile);
        if end == start {
            continue;
        }
        let gained = gained(end);
        let (rows, positives) = (end - start, gained - gained_before);
        let rate = positives / rows as f64;
        deciles.push(Decile {
            decile,
            rows,
            positives,
            rate,
            cumulative_gain: (n_positives > 0.0).then(|| gained / n_positives),
            lift: (n_positives > 0.0).then(|| rate / prevalence),
        });
        (start, gained_before) = (end, gained);
    }
    deciles
}

/// Number of rows in the first `deciles` deciles, rounded down.
fn part(n_rows: u64, deciles: u64) -> u64 {
    (u128::from(n_rows) * u128::from(deciles) / u128::from(DECILES)) as u64
}

/// Kolmogorov-Smirnov statistic. Only the last division is in floating point.
fn kolmogorov_smirnov(groups: impl Iterator<Item = Group>, total: Group) -> Option<f64> {
    let (all_positives, all_negatives) = (i128::from(total.positives), i128::from(total.negatives));
    let differences = groups.scan(Group::NONE, |above, group| {
        *above = above.plus(group);
        let (positives, negatives) = (i128::from(above.positives), i128::from(above.negatives));
        Some((positives * all_negatives - negatives * all_positives).abs())
    });
    let largest = differences.max()?;
    let pairs = all_positives * all_negatives;
    (pairs > 0).then(|| largest as f64 / pairs as f64)
}

fn average_precision(groups: impl Iterator<Item = Group>, total: Group) -> Option<f64> {
    let mut above = Group::NONE;
    let mut sum = 0.0;
    for group in groups {
        above = above.plus(group);
        sum += group.positives as f64 * (above.positives as f64 / above.rows() as f64);
    }
    (total.positives > 0).then(|| sum / total.positives as f64)
}

/// The points of the curve. A point closer than a step to the previous one is left out, unless it
/// is the last.
fn curve(groups: impl Iterator<Item = Group>, total: Group) -> Vec<[u64; 2]> {
    let rate = |count: u64, of: u64| count as f64 / of.max(1) as f64;
    let rates =
        |at: Group| rate(at.positives, total.positives) + rate(at.negatives, total.negatives);
    let mut above = Group::NONE;
    let mut last = 0.0;
    let mut points = Vec::new();
    for group in groups {
        above = above.plus(group);
        if rates(above) - last >= MIN_STEP || above.rows() == total.rows() {
            last = rates(above);
            points.push([above.positives, above.negatives]);
        }
    }
    points
}

#[cfg(test)]
mod tests;
