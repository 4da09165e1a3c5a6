//! The comparison of two models on rows that neither model was fitted to.
//!
//! The candidate was fitted to the gate rows. Its predictions for them are therefore out of fold:
//! the clients of each fold are predicted by a fit to the other folds (see [`crate::windows`]). The
//! incumbent (the deployed model) never saw the gate rows and predicts them directly. The predictions
//! are paired row by row. The decision is made in `gate`.

use std::ops::Range;

use common::Failure;
use dataset::passes::{ScoredRow, log_loss, log_odds};
use dataset::{Table, both, each_in_parallel};
use model::{Model, Window};
use serde::{Deserialize, Serialize};

use crate::confusion::PairedCounts;
use crate::metrics::{Metrics, evaluate, mean_log_loss};
use crate::statistics::{PairedRow, f1_difference_interval, p_value_of_positive_mean};
use crate::windows::{GateRows, WindowChoice};

/// The two models of a comparison, and the rows that they are compared on.
#[derive(Clone, Debug)]
pub struct Contest<'a> {
    /// The candidate, fitted to its window.
    pub candidate: &'a Model,
    /// The choice of that window, with the candidate's predictions for the gate rows.
    pub window: &'a WindowChoice,
    /// The deployed model.
    pub incumbent: &'a Model,
    /// The ingested data.
    pub table: &'a Table,
    /// The gate rows: rows of `table` that the incumbent was not fitted to.
    pub gate_rows: &'a Range<usize>,
    /// The test data; `None` if the models are not compared on it.
    pub test: Option<UnseenTest<'a>>,
    /// True if the score test found model drift on the new rows.
    pub model_drift: bool,
    /// True if the candidate is another fit after drift that an earlier run found.
    pub refit: bool,
}

/// Test data without the rows that either model was fitted to.
#[derive(Clone, Copy, Debug)]
pub struct UnseenTest<'a> {
    /// The rows that neither model was fitted to.
    pub table: &'a Table,
    /// Number of rows left out.
    pub left_out: u64,
}

/// The comparison of candidate and incumbent on the labelled gate rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// True if the score test found model drift on the new rows. The gate then asks for less.
    #[serde(default)]
    pub model_drift: bool,
    /// True if the candidate is another fit after drift that an earlier run found. The gate then asks
    /// for less too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refit: bool,
    /// True if the candidate was fitted to all rows. The gate asks for more of it in another fit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_rows: bool,
    /// Number of labelled gate rows.
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
/// An error without labelled gate rows, or if the models read different columns.
pub fn compare(contest: &Contest<'_>) -> anyhow::Result<Comparison> {
    if !contest.incumbent.fits_schema(&contest.candidate.schema) {
        return Err(Failure::data(
            "the deployed model reads other columns than the candidate: they cannot be compared",
        )
        .into());
    }
    let answers = Answers::on_gate_rows(contest);
    let metrics = both(
        || evaluate(&answers.candidate, contest.candidate.threshold),
        || evaluate(&answers.incumbent, contest.incumbent.threshold),
    );
    let (candidate, incumbent) = metrics.0.zip(metrics.1).ok_or_else(|| {
        Failure::data("no new row has a label: candidate and deployed model cannot be compared")
    })?;
    Ok(Comparison {
        model_drift: contest.model_drift,
        refit: contest.refit,
        all_rows: contest.window.chosen.window == Window::AllRows,
        rows: candidate.rows,
        candidate,
        incumbent,
        log_loss_p_value: p_value_of_positive_mean(answers.log_loss_differences()),
        guard: contest.test.and_then(|test| guard(contest, test)),
    })
}

/// Predictions of both models for the same labelled rows, in the same order.
#[derive(Default)]
struct Answers {
    candidate: Vec<ScoredRow>,
    incumbent: Vec<ScoredRow>,
    /// Public hashes of the clients.
    clients: Vec<u64>,
}

impl Answers {
    fn on_gate_rows(contest: &Contest<'_>) -> Self {
        let gate = GateRows::of(contest.table, contest.gate_rows);
        let expression = contest.incumbent.predictor.expression();
        let folds = gate.folds.iter();
        let incumbent =
            folds.flat_map(|fold| log_odds(&expression, contest.table, &fold.selection));
        Self {
            candidate: contest.window.answers.clone(),
            incumbent: incumbent.collect(),
            clients: gate.clients,
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (bool, f64, f64)> {
        let both = self.candidate.iter().zip(&self.incumbent);
        both.filter_map(|(candidate, incumbent)| {
            Some((candidate.label?, candidate.log_odds, incumbent.log_odds))
        })
    }

    /// The candidate's log-loss minus the incumbent's, row by row.
    fn log_loss_differences(&self) -> Vec<PairedRow> {
        let rows = self.pairs().zip(&self.clients).collect();
        each_in_parallel(rows, |((class, candidate, incumbent), client)| PairedRow {
            client: *client,
            difference: log_loss(candidate, class) - log_loss(incumbent, class),
        })
    }
}

/// The clients of the labelled rows, in order.
fn labelled_clients(table: &Table) -> Vec<u64> {
    let rows = table.clients.iter().zip(&table.labels);
    rows.filter(|(_, label)| label.is_some())
        .map(|(client, _)| *client)
        .collect()
}

fn guard(contest: &Contest<'_>, test: UnseenTest<'_>) -> Option<Guard> {
    let asked = test.table.labelled();
    let answers_of = |model: &Model| log_odds(&model.predictor.expression(), test.table, &asked);
    let answers = Answers {
        candidate: answers_of(contest.candidate),
        incumbent: answers_of(contest.incumbent),
        clients: labelled_clients(test.table),
    };
    let cuts = [contest.candidate, contest.incumbent].map(|model| model.threshold.log_odds());
    let mut paired = PairedCounts::default();
    for (class, candidate, incumbent) in answers.pairs() {
        paired.count(class, candidate > cuts[0], incumbent > cuts[1]);
    }
    let (candidate, incumbent) = (paired.candidate(), paired.incumbent());
    (candidate.rows() > 0).then(|| Guard {
        rows: candidate.rows(),
        left_out: test.left_out,
        candidate_log_loss: mean_log_loss(&answers.candidate),
        incumbent_log_loss: mean_log_loss(&answers.incumbent),
        log_loss_p_value: p_value_of_positive_mean(answers.log_loss_differences()),
        candidate_f1: candidate.f1(),
        incumbent_f1: incumbent.f1(),
        difference_interval: candidate
            .f1()
            .zip(incumbent.f1())
            .and_then(|_| f1_difference_interval(&paired)),
    })
}

#[cfg(test)]
mod tests;
