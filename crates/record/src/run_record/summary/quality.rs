//! The line `quality`: the performance of the deployed model. It is measured on rows that the model
//! was not trained on, or out of fold.

use std::fmt;

use common::numbers::{Scores, counted, score};
use scoring::{Comparison, Metrics};

use crate::outcome::Outcome;
use crate::run_record::RunRecord;

/// Minimum number of labelled rows for a judgement. It is the default of `drift.min_rows`.
const MIN_ROWS: u64 = 20;

/// Performance of the deployed model. The predictions for gate rows are out of fold.
#[derive(Clone, Copy, Debug)]
pub struct Performance<'a> {
    /// Metrics on these rows.
    pub metrics: &'a Metrics,
    /// The kind of rows.
    pub rows: PerformanceRows,
    /// F1 of the replaced model on the same rows; `None` if no model was replaced.
    replaced_f1: Option<f64>,
}

/// Kinds of rows that performance is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerformanceRows {
    /// New rows of a run.
    New,
    /// The test data.
    Test,
}

impl PerformanceRows {
    /// A number of such rows, in words.
    pub fn counted(self, rows: u64) -> String {
        match self {
            Self::New => counted(rows, "new row"),
            Self::Test => format!("{} of the test data", counted(rows, "row")),
        }
    }
}

impl RunRecord {
    /// The judgement; `None` for an outcome of a newer program.
    pub(super) fn quality(&self) -> Option<String> {
        match self.outcome.as_ref()? {
            Outcome::Other(_) => None,
            Outcome::ColdStart | Outcome::Redeployed => {
                self.performance_of_candidate().map(judgement)
            }
            Outcome::Failed | Outcome::Interrupted => Some("not measured in this run".into()),
            _ if self.release.is_none() => Some("no model is deployed".into()),
            _ => Some(self.quality_of_deployed()),
        }
    }

    /// Performance of the model that is deployed after the run. `None` if too few labelled rows
    /// measure it, or if they have one label only.
    pub fn performance(&self) -> Option<Performance<'_>> {
        let performance = match self.outcome.as_ref()? {
            Outcome::ColdStart | Outcome::Redeployed => self.performance_of_candidate(),
            _ => self.performance_on_new_rows(),
        };
        performance.filter(|it| (1..it.metrics.rows).contains(&it.metrics.positives))
    }

    fn performance_on_new_rows(&self) -> Option<Performance<'_>> {
        let metrics = self.evidence.as_ref()?.on_new_rows.as_ref()?;
        (metrics.rows >= MIN_ROWS).then_some(Performance {
            metrics,
            rows: PerformanceRows::New,
            replaced_f1: None,
        })
    }

    /// Performance of a newly deployed model. It is measured on the rows of the gate, because the
    /// test data may be from before the drift. With too few rows in the gate, or without a replaced
    /// model, it is measured on the test data.
    fn performance_of_candidate(&self) -> Option<Performance<'_>> {
        let is_enough = |it: &&Comparison| it.rows >= MIN_ROWS;
        if let Some(comparison) = self.comparison.as_ref().filter(is_enough) {
            return Some(Performance {
                metrics: &comparison.candidate,
                rows: PerformanceRows::New,
                replaced_f1: comparison.incumbent.f1,
            });
        }
        Some(Performance {
            metrics: self.candidate_metrics.as_ref()?,
            rows: PerformanceRows::Test,
            replaced_f1: None,
        })
    }

    fn quality_of_deployed(&self) -> String {
        let evidence = self.evidence.as_ref();
        let on_new_rows = evidence.and_then(|it| it.on_new_rows.as_ref());
        let before = self.at_deployment();
        match (self.performance_on_new_rows(), on_new_rows) {
            (Some(performance), _) => judgement(performance),
            (None, Some(metrics)) => format!(
                "too few rows to say: {} with a label{before}",
                PerformanceRows::New.counted(metrics.rows)
            ),
            (None, None) => format!("no new label to measure it with{before}"),
        }
    }

    /// A clause with the F1 at the deployment; empty if it is not known.
    fn at_deployment(&self) -> String {
        match self.deployed_score {
            Some(f1) => format!(
                "; F1 was {} on the test data at its deployment",
                score(Some(f1), self.deployed_score_interval)
            ),
            None => String::new(),
        }
    }
}

impl fmt::Display for Performance<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&judgement(*self))
    }
}

/// A sentence that says whether a model is useful, with its score and its right and wrong
/// predictions.
fn judgement(performance: Performance<'_>) -> String {
    let Performance { metrics, .. } = performance;
    let rows = performance.rows.counted(metrics.rows);
    let only = |label: u8| format!("cannot be measured: all {rows} have label {label}");
    match metrics.positives {
        0 => return only(0),
        positives if positives == metrics.rows => return only(1),
        _ if metrics.rows < MIN_ROWS => return format!("too few rows to say: {rows}"),
        _ => {}
    }
    let interval = metrics.f1_interval;
    let baseline = metrics.baselines.always_one_f1;
    let scores = [metrics.f1, baseline, performance.replaced_f1];
    let scores = Scores::of(
        scores
            .into_iter()
            .flatten()
            .chain(interval.into_iter().flatten()),
    );
    let verdict = match interval.zip(baseline) {
        Some(([lower, _], baseline)) if lower > baseline => "useful: ",
        Some(([_, upper], baseline)) if upper < baseline => "worse than flagging everyone: ",
        Some(_) => "not shown to be useful: ",
        None => "",
    };
    let number = |name: &str, f1: Option<f64>| {
        f1.map_or(String::new(), |f1| {
            format!(", {name} {}", scores.number(f1))
        })
    };
    format!(
        "{verdict}F1 {}{}{}; {} ({rows})",
        scores.show(metrics.f1, interval),
        number("flagging everyone", baseline),
        number("old model", performance.replaced_f1),
        in_hundreds(metrics)
    )
}

/// A clause with precision and recall, as numbers of 100 clients.
fn in_hundreds(metrics: &Metrics) -> String {
    let hundred = |share: f64| (share * 100.0).round();
    match (metrics.precision, metrics.recall) {
        (Some(precision), Some(recall)) => format!(
            "of 100 clients flagged {} left, of 100 who left {} were flagged",
            hundred(precision),
            hundred(recall)
        ),
        (None, _) => "no client is flagged".into(),
        (Some(_), None) => "no client left".into(),
    }
}
