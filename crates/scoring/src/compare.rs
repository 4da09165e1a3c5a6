//! Two models on the same rows, none of which either was fitted to.
//!
//! The candidate was fitted to the new rows, so it answers them out of fold: for each fold of the
//! clients a fit to the others answers. The incumbent never saw them and answers directly. The
//! answers are paired row by row. Nothing is decided here: that is `gate`.

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

/// What is compared on which rows.
#[derive(Clone, Debug)]
pub struct Contest<'a> {
    /// The candidate, fitted to all labelled rows of `table`.
    pub candidate: &'a Model,
    /// The deployed model.
    pub incumbent: &'a Model,
    /// The candidate's training data.
    pub table: &'a Table,
    /// The rows of it that are new to the incumbent.
    pub new_rows: Range<usize>,
    /// The test data; `None` when it is not compared.
    pub test: Option<UnseenTest<'a>>,
    /// Whether the score test found model drift on the new rows.
    pub model_drift: bool,
}

/// Test data without the rows that either model was fitted to.
#[derive(Clone, Copy, Debug)]
pub struct UnseenTest<'a> {
    /// The rows that are left.
    pub table: &'a Table,
    /// Rows left out.
    pub left_out: u64,
}

/// Candidate and incumbent on the labelled new rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Whether the score test found model drift on the new rows: the gate asks for less then.
    #[serde(default)]
    pub model_drift: bool,
    /// Labelled new rows.
    pub rows: u64,
    /// The candidate out of fold.
    pub candidate: Metrics,
    /// The deployed model.
    pub incumbent: Metrics,
    /// How probable a log-loss of the candidate as much worse as this would be, were it not worse
    /// (paired t-test); `None` with fewer than two rows or no spread.
    pub log_loss_p_value: Option<f64>,
    /// Both on the test data; `None` when none of its labelled rows is new to both.
    pub guard: Option<Guard>,
}

/// Candidate and incumbent on the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Labelled rows.
    pub rows: u64,
    /// Rows left out because a model was fitted to them.
    pub left_out: u64,
    /// Mean log-loss of the candidate; comparisons of older programs have none.
    pub candidate_log_loss: Option<f64>,
    /// Mean log-loss of the deployed model; comparisons of older programs have none.
    pub incumbent_log_loss: Option<f64>,
    /// How probable a log-loss of the candidate as much worse as this would be, were it not worse
    /// (paired t-test); `None` with fewer than two rows or no spread.
    pub log_loss_p_value: Option<f64>,
    /// F1 of the candidate.
    pub candidate_f1: Option<f64>,
    /// F1 of the deployed model.
    pub incumbent_f1: Option<f64>,
    /// 95 % interval of candidate − incumbent (paired bootstrap); `None` where F1 is undefined.
    pub difference_interval: Option<[f64; 2]>,
}

/// Lets both models answer the same rows.
///
/// An error without labelled new rows, or when the models read different columns.
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

/// Both models' answers to the same labelled rows, in the same order.
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

    /// Candidate − incumbent.
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

/// The fit to the other folds. If they have one label only, their share of positive labels.
fn out_of_fold(folds: &OutOfFold<'_>, fold: u64) -> Result<Predictor, Failure> {
    // A share of exactly 0 or 1 has no finite log-odds, and one contrary row would cost infinitely
    // much: half a row is added to either label (Jeffreys' prior).
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

/// Counts of rows by class and by what both models predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PairedCounts(pub(crate) [u64; 8]);

impl PairedCounts {
    /// Counts one row.
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
