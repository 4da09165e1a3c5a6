//! The comparison of two models on rows that neither model was fitted to.
//!
//! The candidate was fitted to the gate rows, so its predictions for them must be out of fold. The
//! clients of each fold are predicted by a fit to the other folds (see [`crate::windows`]). The
//! incumbent (the deployed model) never saw the gate rows and predicts them directly. The
//! predictions are paired row by row. The decision is made in `gate`.

use common::Failure;
use dataset::passes::{
    ClientSums, loss_sum, merged, paired_confusion, paired_losses, score_groups, true_positive_sums,
};
use dataset::{Selection, Table, both};
use model::{Model, Predictor, Threshold, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::confusion::PairedCounts;
use crate::metrics::{Metrics, evaluate_clients};
use crate::statistics::{f1_difference_interval, p_value_of_positive_mean};
use crate::windows::{GateFold, WindowChoice};

/// The two models of a comparison, and the rows that they are compared on.
#[derive(Clone, Debug)]
pub struct Contest<'a> {
    /// The candidate, fitted to its window.
    pub candidate: &'a Model,
    /// The choice of the candidate's window. It holds the gate rows: rows of `table` that the
    /// incumbent was not fitted to.
    pub window: &'a WindowChoice,
    /// The deployed model.
    pub incumbent: &'a Model,
    /// The ingested data.
    pub table: &'a Table,
    /// The test data; `None` if the models are not compared on it.
    pub test: Option<UnseenTest<'a>>,
    /// True if the score test found model drift on the new rows.
    pub model_drift: bool,
    /// True if the candidate is a further trial: the labelled rows since earlier drift have doubled.
    pub refit: bool,
}

/// Test data without the rows that either model was fitted to.
#[derive(Clone, Copy, Debug)]
pub struct UnseenTest<'a> {
    /// The rows that neither model was fitted to.
    pub table: &'a Table,
    /// Number of rows that were left out because a model was fitted to them.
    pub left_out: u64,
}

/// The comparison of candidate and incumbent on the labelled gate rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// True if the score test found model drift on the new rows. The gate then only asks that the
    /// candidate is not significantly worse.
    #[serde(default)]
    pub model_drift: bool,
    /// True if the candidate is a further trial: the labelled rows since earlier drift have doubled.
    /// The gate's requirement is then lower too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refit: bool,
    /// True if the candidate was fitted to all rows. A further trial must then have the lower mean
    /// log-loss.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_rows: bool,
    /// Number of labelled gate rows.
    pub rows: u64,
    /// Metrics of the candidate's out-of-fold predictions.
    pub candidate: Metrics,
    /// Metrics of the deployed model.
    pub incumbent: Metrics,
    /// P-value of a one-sided paired t-test that the candidate's log-loss is higher. `None` with
    /// fewer than two clients, or if the differences have no spread.
    pub log_loss_p_value: Option<f64>,
    /// The comparison on the test data; `None` if it has no labelled row that is new to both
    /// models.
    pub guard: Option<TestDataComparison>,
}

/// The comparison of candidate and incumbent on the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestDataComparison {
    /// Number of labelled rows that were compared.
    pub rows: u64,
    /// Number of rows left out because a model was fitted to them.
    pub left_out: u64,
    /// Mean log-loss of the candidate; `None` in comparisons of older programs.
    pub candidate_log_loss: Option<f64>,
    /// Mean log-loss of the deployed model; `None` in comparisons of older programs.
    pub incumbent_log_loss: Option<f64>,
    /// P-value of a one-sided paired t-test that the candidate's log-loss is higher. `None` with
    /// fewer than two clients, or if the differences have no spread.
    pub log_loss_p_value: Option<f64>,
    /// F1 of the candidate; `None` if F1 is undefined.
    pub candidate_f1: Option<f64>,
    /// F1 of the deployed model; `None` if F1 is undefined.
    pub incumbent_f1: Option<f64>,
    /// 95 % interval of the candidate's F1 minus the incumbent's F1 (paired bootstrap). `None` if
    /// either F1 is undefined.
    pub difference_interval: Option<[f64; 2]>,
}

/// Compares both models on the same rows.
///
/// Returns an error if no gate row has a label, or if the models read different columns.
pub fn compare(contest: &Contest<'_>) -> anyhow::Result<Comparison> {
    if !contest.incumbent.fits_schema(&contest.candidate.schema) {
        return Err(Failure::data(
            "the deployed model reads other columns than the candidate: they cannot be compared",
        )
        .into());
    }
    let folds = &contest.window.folds;
    let metrics = both(
        || gate_metrics(contest, contest.candidate.threshold, |fold| &fold.predictor),
        || {
            gate_metrics(contest, contest.incumbent.threshold, |_| {
                &contest.incumbent.predictor
            })
        },
    );
    let (candidate, incumbent) = metrics.0?.zip(metrics.1?).ok_or_else(|| {
        Failure::data("no new row has a label: candidate and deployed model cannot be compared")
    })?;
    let mut of_gate_rows = ClientSums::default();
    for fold in folds {
        let models = [&fold.predictor, &contest.incumbent.predictor];
        of_gate_rows.merge(&losses(models, contest.table, &fold.rows)?);
    }
    let guard = match contest.test {
        Some(test) => compare_on_test_data(contest, test)?,
        None => None,
    };
    Ok(Comparison {
        model_drift: contest.model_drift,
        refit: contest.refit,
        all_rows: contest.window.chosen.window == Window::AllRows,
        rows: candidate.rows,
        candidate,
        incumbent,
        log_loss_p_value: p_value_of_positive_mean(&of_gate_rows),
        guard,
    })
}

/// The metrics of a model on the gate rows; `None` without labelled rows. `predictor_of`
/// gives the predictor for a fold.
fn gate_metrics<'a>(
    contest: &Contest<'a>,
    threshold: Threshold,
    predictor_of: impl Fn(&'a GateFold) -> &'a Predictor,
) -> Result<Option<Metrics>, Failure> {
    let mut groups = Vec::new();
    let mut true_positives = ClientSums::default();
    for fold in &contest.window.folds {
        let (expression, cut) = (predictor_of(fold).expression(), threshold.log_odds());
        groups.extend(score_groups(&expression, contest.table, &fold.rows)?);
        let sums = true_positive_sums(&expression, cut, contest.table, &fold.rows)?;
        true_positives.merge(&sums);
    }
    Ok(evaluate_clients(
        &merged(groups),
        threshold,
        &true_positives,
    ))
}

/// The candidate's log-loss minus the incumbent's.
fn losses(models: [&Predictor; 2], table: &Table, rows: &Selection) -> Result<ClientSums, Failure> {
    let expressions = models.map(Predictor::expression);
    paired_losses(expressions.each_ref(), None, table, rows)
}

/// Compares both models on the test data; `None` if it has no labelled row.
fn compare_on_test_data(
    contest: &Contest<'_>,
    test: UnseenTest<'_>,
) -> Result<Option<TestDataComparison>, Failure> {
    let (table, rows) = (test.table, test.table.labelled());
    let models = [contest.candidate, contest.incumbent];
    let expressions = models.map(|model| model.predictor.expression());
    let thresholds = models.map(|model| model.threshold.log_odds());
    let counts = paired_confusion(expressions.each_ref(), thresholds, table, &rows)?;
    let counts = PairedCounts(counts);
    let (candidate, incumbent) = (counts.candidate(), counts.incumbent());
    if candidate.rows() == 0 {
        return Ok(None);
    }
    let candidate_losses = loss_sum(&expressions[0], table, &rows)?;
    let incumbent_losses = loss_sum(&expressions[1], table, &rows)?;
    let paired = paired_losses(expressions.each_ref(), None, table, &rows)?;
    Ok(Some(TestDataComparison {
        rows: candidate.rows(),
        left_out: test.left_out,
        candidate_log_loss: candidate_losses.mean(),
        incumbent_log_loss: incumbent_losses.mean(),
        log_loss_p_value: p_value_of_positive_mean(&paired),
        candidate_f1: candidate.f1(),
        incumbent_f1: incumbent.f1(),
        difference_interval: candidate
            .f1()
            .zip(incumbent.f1())
            .and_then(|_| f1_difference_interval(&counts)),
    }))
}

#[cfg(test)]
mod tests;
