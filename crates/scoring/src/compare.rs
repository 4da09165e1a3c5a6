//! The comparison of two models on rows that neither model was fitted to.
//!
//! The candidate was fitted to the new rows. Its predictions for them are therefore out of fold:
//! the clients of each fold are predicted by a fit to the other folds. The incumbent (the deployed
//! model) never saw the new rows and predicts them directly. The predictions are paired row by row.
//! The decision is made in `gate`.

use std::ops::Range;

use anyhow::Context;
use common::Failure;
use dataset::passes::{ScoredRow, log_loss, log_odds};
use dataset::{FOLDS, Fold, Selection, Table, both, each_in_parallel};
use model::{LinearPredictor, Model, Predictor};
use serde::{Deserialize, Serialize};
use training::{FitError, FitSettings, OutOfFold};

use crate::ConfusionMatrix;
use crate::metrics::{Metrics, evaluate, mean_log_loss};
use crate::statistics::{f1_difference_interval, p_value_of_positive_mean};

/// The two models of a comparison, and the rows that they are compared on.
#[derive(Clone, Debug)]
pub struct Contest<'a> {
    /// The candidate, fitted to all labelled rows of `table`.
    pub candidate: &'a Model,
    /// The deployed model.
    pub incumbent: &'a Model,
    /// The candidate's training data.
    pub table: &'a Table,
    /// The rows of `table` that are new to the incumbent.
    pub new_rows: Range<usize>,
    /// The test data; `None` if the models are not compared on it.
    pub test: Option<UnseenTest<'a>>,
    /// True if the score test found model drift on the new rows.
    pub model_drift: bool,
}

/// Test data without the rows that either model was fitted to.
#[derive(Clone, Copy, Debug)]
pub struct UnseenTest<'a> {
    /// The rows that neither model was fitted to.
    pub table: &'a Table,
    /// Number of rows left out.
    pub left_out: u64,
}

/// The comparison of candidate and incumbent on the labelled new rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// True if the score test found model drift on the new rows. The gate then asks for less.
    #[serde(default)]
    pub model_drift: bool,
    /// Number of labelled new rows.
    pub rows: u64,
    /// Metrics of the candidate's out-of-fold predictions.
    pub candidate: Metrics,
    /// Metrics of the deployed model.
    pub incumbent: Metrics,
    /// P-value of a one-sided paired t-test that the candidate's log-loss is higher. `None` with
    /// fewer than two rows, or if the differences have no spread.
    pub log_loss_p_value: Option<f64>,
    /// The comparison on the test data; `None` if none of its labelled rows is new to both models.
    pub guard: Option<Guard>,
}

/// The comparison of candidate and incumbent on the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Number of labelled rows that were compared.
    pub rows: u64,
    /// Number of rows left out because a model was fitted to them.
    pub left_out: u64,
    /// Mean log-loss of the candidate; `None` in comparisons of older programs.
    pub candidate_log_loss: Option<f64>,
    /// Mean log-loss of the deployed model; `None` in comparisons of older programs.
    pub incumbent_log_loss: Option<f64>,
    /// P-value of a one-sided paired t-test that the candidate's log-loss is higher. `None` with
    /// fewer than two rows, or if the differences have no spread.
    pub log_loss_p_value: Option<f64>,
    /// F1 of the candidate; `None` where F1 is undefined.
    pub candidate_f1: Option<f64>,
    /// F1 of the deployed model; `None` where F1 is undefined.
    pub incumbent_f1: Option<f64>,
    /// 95 % interval of the candidate's F1 minus the incumbent's F1 (paired bootstrap). `None`
    /// where an F1 is undefined.
    pub difference_interval: Option<[f64; 2]>,
}

/// Compares both models on the same rows.
///
/// An error without labelled new rows, if the models read different columns, or if a fold cannot be
/// fitted.
pub fn compare(settings: &FitSettings, contest: &Contest<'_>) -> anyhow::Result<Comparison> {
    if !contest.incumbent.fits_schema(&contest.candidate.schema) {
        return Err(Failure::data(
            "the deployed model reads other columns than the candidate: they cannot be compared",
        )
        .into());
    }
    let answers = answers_on_new_rows(settings, contest)?;
    let metrics = both(
        || evaluate(&answers.candidate),
        || evaluate(&answers.incumbent),
    );
    let (candidate, incumbent) = metrics.0.zip(metrics.1).ok_or_else(|| {
        Failure::data(
            "no new row has a known class: candidate and deployed model cannot be compared",
        )
    })?;
    Ok(Comparison {
        model_drift: contest.model_drift,
        rows: candidate.rows,
        candidate,
        incumbent,
        log_loss_p_value: p_value_of_positive_mean(&answers.log_loss_differences()),
        guard: contest.test.and_then(|test| guard(contest, test)),
    })
}

/// Predictions of both models for the same labelled rows, in the same order.
#[derive(Default)]
struct Answers {
    candidate: Vec<ScoredRow>,
    incumbent: Vec<ScoredRow>,
}

impl Answers {
    fn pairs(&self) -> impl Iterator<Item = (bool, f64, f64)> {
        let both = self.candidate.iter().zip(&self.incumbent);
        both.filter_map(|(candidate, incumbent)| {
            Some((candidate.label?, candidate.log_odds, incumbent.log_odds))
        })
    }

    /// The candidate's log-loss minus the incumbent's, row by row.
    fn log_loss_differences(&self) -> Vec<f64> {
        each_in_parallel(self.pairs().collect(), |(class, candidate, incumbent)| {
            log_loss(candidate, class) - log_loss(incumbent, class)
        })
    }
}

fn answers_on_new_rows(settings: &FitSettings, contest: &Contest<'_>) -> anyhow::Result<Answers> {
    let table = contest.table;
    let folds = OutOfFold::new(settings, &contest.candidate.predictor, table);
    let incumbent = contest.incumbent.predictor.expression();
    let mut answers = Answers::default();
    for fold in 0..FOLDS {
        let asked = Selection::rows(contest.new_rows.clone())
            .labelled()
            .of_fold(Fold::Inside(fold));
        let of_incumbent = log_odds(&incumbent, table, &asked);
        if of_incumbent.is_empty() {
            continue;
        }
        let candidate = out_of_fold(&folds, fold)
            .with_context(|| format!("failed to fit the candidate without fold {fold}"))?;
        answers
            .candidate
            .extend(log_odds(&candidate.expression(), table, &asked));
        answers.incumbent.extend(of_incumbent);
    }
    Ok(answers)
}

/// The predictor for a fold: the fit to the other folds. If those have one label only, it is the
/// constant share of positive labels.
fn out_of_fold(folds: &OutOfFold<'_>, fold: u64) -> Result<Predictor, Failure> {
    // A share of exactly 0 or 1 has no finite log-odds: one row with the other label would have an
    // infinite log-loss. Half a row is therefore added to each label (Jeffreys' prior).
    let share_of = |positives: f64, negatives: f64| {
        let log_odds = ((positives + 0.5) / (negatives + 0.5)).ln();
        Predictor::Linear(LinearPredictor::constant(log_odds))
    };
    match folds.without(fold) {
        Ok(predictor) => Ok(predictor),
        Err(FitError::NoRows) => Ok(share_of(0.0, 0.0)),
        Err(FitError::OneClass { class: 0, rows }) => Ok(share_of(0.0, rows as f64)),
        Err(FitError::OneClass { rows, .. }) => Ok(share_of(rows as f64, 0.0)),
        Err(error @ FitError::NotConverged { .. }) => Err(Failure::data(error.to_string())),
    }
}

fn guard(contest: &Contest<'_>, test: UnseenTest<'_>) -> Option<Guard> {
    let asked = test.table.labelled();
    let answers_of = |model: &Model| log_odds(&model.predictor.expression(), test.table, &asked);
    let answers = Answers {
        candidate: answers_of(contest.candidate),
        incumbent: answers_of(contest.incumbent),
    };
    let mut paired = PairedCounts::default();
    for (class, candidate, incumbent) in answers.pairs() {
        paired.count(class, candidate > 0.0, incumbent > 0.0);
    }
    let (candidate, incumbent) = (paired.candidate(), paired.incumbent());
    (candidate.rows() > 0).then(|| Guard {
        rows: candidate.rows(),
        left_out: test.left_out,
        candidate_log_loss: mean_log_loss(&answers.candidate),
        incumbent_log_loss: mean_log_loss(&answers.incumbent),
        log_loss_p_value: p_value_of_positive_mean(&answers.log_loss_differences()),
        candidate_f1: candidate.f1(),
        incumbent_f1: incumbent.f1(),
        difference_interval: candidate
            .f1()
            .zip(incumbent.f1())
            .and_then(|_| f1_difference_interval(&paired)),
    })
}

/// Counts of rows by label and by the predictions of both models.
///
/// The place of a cell is 4 · label + 2 · candidate + incumbent, each 0 or 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PairedCounts(pub(crate) [u64; 8]);

impl PairedCounts {
    /// Counts one row: its label and the predictions of both models.
    pub(crate) fn count(&mut self, class: bool, candidate: bool, incumbent: bool) {
        let [class, candidate, incumbent] = [class, candidate, incumbent].map(usize::from);
        self.0[class * 4 + candidate * 2 + incumbent] += 1;
    }

    pub(crate) fn candidate(&self) -> ConfusionMatrix {
        self.confusion(|cell| cell & 2 > 0)
    }

    pub(crate) fn incumbent(&self) -> ConfusionMatrix {
        self.confusion(|cell| cell & 1 > 0)
    }

    fn confusion(&self, predicts_one: impl Fn(usize) -> bool) -> ConfusionMatrix {
        let of = |class: bool, predicted: bool| {
            let cells = self.0.iter().enumerate();
            cells
                .filter(|(cell, _)| (cell & 4 > 0) == class && predicts_one(*cell) == predicted)
                .map(|(_, rows)| rows)
                .sum()
        };
        ConfusionMatrix {
            true_positive: of(true, true),
            false_positive: of(false, true),
            false_negative: of(true, false),
            true_negative: of(false, false),
        }
    }
}

#[cfg(test)]
mod tests;
