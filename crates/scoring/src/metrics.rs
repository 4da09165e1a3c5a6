//! Metrics of a model's log-odds on labelled rows.
//!
//! The positive label is predicted if its probability is above the model's threshold. A metric
//! without a value is `None`, never 0: its denominator is 0, or all rows have one label.

use common::Failure;
use dataset::passes::{
    ClientSums, ScoreGroup, log_loss, mean_of_rows, probability, score_groups, true_positive_sums,
};
use dataset::{Selection, Table};
use model::{Model, Threshold};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::confusion::ConfusionMatrix;
use crate::ranking::Ranking;
use crate::statistics::{f1_interval, f1_interval_by_client};

/// The realised performance of a model on labelled rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Number of labelled rows; at least one.
    pub rows: u64,
    /// Number of rows with a positive label.
    pub positives: u64,
    /// Share of positive labels.
    pub prevalence: f64,
    /// Probability above which the positive label is predicted.
    #[serde(default)]
    pub threshold: Threshold,
    /// Counts of rows by label and prediction.
    pub confusion: ConfusionMatrix,
    /// F1 of the positive label; `None` if there are neither positive labels nor positive predictions.
    pub f1: Option<f64>,
    /// 95 % interval of F1; `None` if F1 is undefined, and in metrics that older programs wrote. It does
    /// not take the rows of one client as independent.
    pub f1_interval: Option<[f64; 2]>,
    /// Share of the positive predictions that are right; `None` without positive predictions.
    pub precision: Option<f64>,
    /// Share of the positive labels that are predicted; `None` without positive labels.
    pub recall: Option<f64>,
    /// Share of the negative labels that are predicted; `None` without negative labels.
    pub specificity: Option<f64>,
    /// Share of the rows with a correct prediction.
    pub accuracy: f64,
    /// Area under the ROC curve: the probability that a positive row has higher log-odds than a
    /// negative one, ties counting half. `None` if all rows have one label.
    pub roc_auc: Option<f64>,
    /// How well the model ranks the rows; `None` in metrics of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    /// Mean log-loss; natural logarithm, lower is better.
    pub log_loss: f64,
    /// Brier score: the mean squared difference between probability and label; lower is better.
    pub brier: f64,
    /// The performance of predictions without a model.
    pub baselines: Baselines,
}

/// The performance of predictions without a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baselines {
    /// F1 with the positive label predicted for every row.
    pub always_one_f1: Option<f64>,
    /// Performance with the more frequent label predicted for every row.
    pub majority: MajorityBaseline,
}

/// Performance with the more frequent label predicted for every row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MajorityBaseline {
    /// The more frequent label; 0 if both are equally frequent.
    pub class: u8,
    /// Share of that label, which is the accuracy of the baseline.
    pub accuracy: f64,
    /// F1 of the positive label. If label 0 is the more frequent one, label 1 is never predicted:
    /// F1 is then 0, or `None` without positive labels.
    pub f1: Option<f64>,
}

/// The metrics of a model on the labelled rows of a selection; `None` without labelled rows.
pub fn score(
    model: &Model,
    table: &Table,
    selection: &Selection,
) -> Result<Option<Metrics>, Failure> {
    let (expression, threshold) = (model.predictor.expression(), model.threshold);
    let groups = score_groups(&expression, table, selection)?;
    let of_clients = true_positive_sums(&expression, threshold.log_odds(), table, selection)?;
    Ok(evaluate_clients(&groups, threshold, &of_clients))
}

/// The metrics of labelled rows, of which several may be of one client. `true_positives` are the sums of
/// [`true_positive_sums`].
pub(crate) fn evaluate_clients(
    groups: &[ScoreGroup],
    threshold: Threshold,
    true_positives: &ClientSums,
) -> Option<Metrics> {
    Some(Metrics {
        f1_interval: f1_interval_by_client(true_positives),
        ..evaluate(groups, threshold)?
    })
}

/// The metrics of labelled rows that each belong to another client; `None` without rows. Groups are in
/// ascending order of log-odds.
pub fn evaluate(groups: &[ScoreGroup], threshold: Threshold) -> Option<Metrics> {
    let cut = threshold.log_odds();
    let mut confusion = ConfusionMatrix::default();
    for group in groups {
        confusion.count_group(group, group.log_odds > cut);
    }
    // Without rows there is no accuracy, and then there are no metrics.
    let accuracy = confusion.accuracy()?;
    let log_loss = mean_of_rows(groups, log_loss)?;
    let brier = mean_of_rows(groups, squared_error)?;
    let roc_auc = roc_auc(groups);
    Some(Metrics {
        threshold,
        rows: confusion.rows(),
        positives: confusion.positives(),
        accuracy,
        prevalence: confusion.positives() as f64 / confusion.rows() as f64,
        f1: confusion.f1(),
        f1_interval: f1_interval(&confusion),
        precision: confusion.precision(),
        recall: confusion.recall(),
        specificity: confusion.specificity(),
        roc_auc,
        ranking: Some(Ranking::of(groups, roc_auc)),
        log_loss,
        brier,
        baselines: baselines(&confusion),
        confusion,
    })
}

fn squared_error(log_odds: f64, label: bool) -> f64 {
    // The probability of the other label. Computed directly, because 1 − p loses digits near 1.
    let miss = probability(if label { -log_odds } else { log_odds });
    miss * miss
}

/// Area under the ROC curve: the Mann-Whitney statistic from mid-ranks, divided by the number of
/// pairs. Only the last division is in floating point. `None` if all rows have one label.
fn roc_auc(groups: &[ScoreGroup]) -> Option<f64> {
    let (mut positives, mut negatives, mut doubled_wins) = (0_u128, 0_u128, 0_u128);
    for ties in groups {
        let [tied_positives, tied_negatives] = [ties.positives, ties.negatives].map(u128::from);
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
