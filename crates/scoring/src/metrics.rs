//! Metrics of log-odds against known classes.
//!
//! Class 1 is predicted where the log-odds are above 0, that is where its probability is above a
//! half. What has no value (a denominator of 0, one class only) is `None`, never a silent 0.

use dataset::passes::{ScoredRow, log_loss, probability};
use dataset::{sort_by, sum_of};
use serde::{Deserialize, Serialize};

use crate::ConfusionMatrix;
use crate::statistics::f1_interval;

/// How well the known classes of some rows were predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Rows with a known class; at least one.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Share of class 1.
    pub prevalence: f64,
    /// Counts by observed and predicted class.
    pub confusion: ConfusionMatrix,
    /// F1 of class 1.
    pub f1: Option<f64>,
    /// 95 % interval of F1; `None` where F1 is undefined, and in metrics of older programs.
    pub f1_interval: Option<[f64; 2]>,
    /// Share of the predicted leavers that left.
    pub precision: Option<f64>,
    /// Share of the leavers that were predicted.
    pub recall: Option<f64>,
    /// Share of the stayers that were predicted to stay.
    pub specificity: Option<f64>,
    /// Share of the rows predicted right.
    pub accuracy: f64,
    /// Chance that a leaver has higher log-odds than a stayer, ties counting half.
    pub roc_auc: Option<f64>,
    /// Mean log-loss.
    pub log_loss: f64,
    /// Mean squared difference of probability and class.
    pub brier: f64,
    /// What would be reached without a model.
    pub baselines: Baselines,
}

/// What would be reached without a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// F1 of predicting class 1 for every row.
    pub always_one_f1: Option<f64>,
    /// Predicting the more frequent class for every row.
    pub majority: MajorityBaseline,
}

/// Predicting the more frequent class for every row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MajorityBaseline {
    /// The class; 0 where both are as frequent.
    pub class: u8,
    /// Its share.
    pub accuracy: f64,
    /// F1 of class 1, which is never predicted where class 0 is the more frequent.
    pub f1: Option<f64>,
}

/// The metrics of the rows whose class is known; `None` when there are none.
pub fn evaluate(scored: &[ScoredRow]) -> Option<Metrics> {
    let known = labelled(scored);
    let mut confusion = ConfusionMatrix::default();
    for (log_odds, class) in &known {
        confusion.count(*class, *log_odds > 0.0);
    }
    Some(Metrics {
        rows: confusion.rows(),
        positives: confusion.positives(),
        // Without rows there is no accuracy, and no metrics.
        accuracy: confusion.accuracy()?,
        prevalence: confusion.positives() as f64 / confusion.rows() as f64,
        f1: confusion.f1(),
        f1_interval: f1_interval(&confusion),
        precision: confusion.precision(),
        recall: confusion.recall(),
        specificity: confusion.specificity(),
        log_loss: mean(&known, log_loss),
        brier: mean(&known, squared_error),
        baselines: baselines(&confusion),
        roc_auc: roc_auc(known),
        confusion,
    })
}

/// Mean log-loss of the rows whose label is known; `None` when there are none.
pub(crate) fn mean_log_loss(scored: &[ScoredRow]) -> Option<f64> {
    let known = labelled(scored);
    (!known.is_empty()).then(|| mean(&known, log_loss))
}

fn labelled(scored: &[ScoredRow]) -> Vec<(f64, bool)> {
    let labelled = |row: &ScoredRow| Some((row.log_odds, row.label?));
    scored.iter().filter_map(labelled).collect()
}

fn squared_error(log_odds: f64, class: bool) -> f64 {
    // The probability of the other class: no digits are lost near 1.
    let miss = probability(if class { -log_odds } else { log_odds });
    miss * miss
}

fn mean(known: &[(f64, bool)], of_row: impl Fn(f64, bool) -> f64 + Sync) -> f64 {
    let count = known.len() as f64;
    let total = sum_of(known, |(log_odds, class)| of_row(*log_odds, *class));
    if total.is_finite() {
        return total / count;
    }
    // The mean of finite numbers is finite, also where their sum is not.
    sum_of(known, |(log_odds, class)| of_row(*log_odds, *class) / count).min(f64::MAX)
}

/// The Mann-Whitney statistic from mid-ranks, in whole numbers up to the last division.
fn roc_auc(mut known: Vec<(f64, bool)>) -> Option<f64> {
    sort_by(&mut known, |a, b| a.0.total_cmp(&b.0));
    let (mut positives, mut negatives, mut doubled_wins) = (0_u128, 0_u128, 0_u128);
    for ties in known.chunk_by(|a, b| a.0 == b.0) {
        let tied_positives = ties.iter().filter(|(_, class)| *class).count() as u128;
        let tied_negatives = ties.len() as u128 - tied_positives;
        doubled_wins += tied_positives * (2 * negatives + tied_negatives);
        positives += tied_positives;
        negatives += tied_negatives;
    }
    let pairs = positives * negatives;
    (pairs > 0).then(|| doubled_wins as f64 / (2 * pairs) as f64)
}

fn baselines(confusion: &ConfusionMatrix) -> Baselines {
    let (positives, negatives) = (confusion.positives(), confusion.negatives());
    let always_one = ConfusionMatrix {
        true_positive: positives,
        false_positive: negatives,
        ..ConfusionMatrix::default()
    };
    let always_zero = ConfusionMatrix {
        false_negative: positives,
        true_negative: negatives,
        ..ConfusionMatrix::default()
    };
    let (class, majority) = if positives > negatives {
        (1, always_one)
    } else {
        (0, always_zero)
    };
    Baselines {
        always_one_f1: always_one.f1(),
        majority: MajorityBaseline {
            class,
            accuracy: positives.max(negatives) as f64 / (positives + negatives) as f64,
            f1: majority.f1(),
        },
    }
}

#[cfg(test)]
mod tests;
