//! Whether the deployed model is good, on rows that it was not trained on.

use common::numbers::{Scores, counted, score};
use scoring::{Comparison, Metrics};

use crate::outcome::Outcome;
use crate::run_record::RunRecord;

/// Fewest labelled rows that a judgement is based on: the default of `drift.min_rows`.
const MIN_ROWS: u64 = 20;

/// The rows that a model is judged on, and what it did there.
struct Judged<'a> {
    metrics: &'a Metrics,
    rows: Rows,
    /// F1 of the model that it replaced, on the same rows.
    replaced_f1: Option<f64>,
}

/// Kinds of rows that a model is judged on.
#[derive(Clone, Copy)]
enum Rows {
    New,
    Test,
}

impl Rows {
    fn counted(self, rows: u64) -> String {
        match self {
            Self::New => counted(rows, "new row"),
            Self::Test => format!("{} of the test data", counted(rows, "row")),
        }
    }
}

impl RunRecord {
    /// The line `quality`; `None` for an outcome of a newer program.
    pub(super) fn quality(&self) -> Option<String> {
        match self.outcome.as_ref()? {
            Outcome::Other(_) => None,
            Outcome::ColdStart | Outcome::Redeployed => self.judged_candidate().map(judgement),
            Outcome::Failed | Outcome::Interrupted => Some("not measured in this run".into()),
            _ if self.release.is_none() => Some("no model is deployed".into()),
            _ => Some(self.quality_of_deployed()),
        }
    }

    /// A model that replaces another is judged on the rows of the gate. The test data may show the
    /// former world.
    fn judged_candidate(&self) -> Option<Judged<'_>> {
        let is_enough = |it: &&Comparison| it.rows >= MIN_ROWS;
        if let Some(comparison) = self.comparison.as_ref().filter(is_enough) {
            return Some(Judged {
                metrics: &comparison.candidate,
                rows: Rows::New,
                replaced_f1: comparison.incumbent.f1,
            });
        }
        Some(Judged {
            metrics: self.candidate_metrics.as_ref()?,
            rows: Rows::Test,
            replaced_f1: None,
        })
    }

    fn quality_of_deployed(&self) -> String {
        let evidence = self.evidence.as_ref();
        let on_new_rows = evidence.and_then(|it| it.on_new_rows.as_ref());
        let before = self.at_deployment();
        match on_new_rows {
            Some(metrics) if metrics.rows >= MIN_ROWS => judgement(Judged {
                metrics,
                rows: Rows::New,
                replaced_f1: None,
            }),
            Some(metrics) => format!(
                "too few rows to say: {} with a label{before}",
                Rows::New.counted(metrics.rows)
            ),
            None => format!("no new label to measure it with{before}"),
        }
    }

    /// F1 at the deployment, as the end of a sentence.
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

/// Whether a model is useful, and what it did.
fn judgement(judged: Judged<'_>) -> String {
    let Judged { metrics, .. } = judged;
    let rows = judged.rows.counted(metrics.rows);
    let only = |label: u8| format!("cannot be measured: all {rows} have label {label}");
    match metrics.positives {
        0 => return only(0),
        positives if positives == metrics.rows => return only(1),
        _ if metrics.rows < MIN_ROWS => return format!("too few rows to say: {rows}"),
        _ => {}
    }
    let interval = metrics.f1_interval;
    let baseline = metrics.baselines.always_one_f1;
    let scores = [metrics.f1, baseline, judged.replaced_f1];
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
        number("old model", judged.replaced_f1),
        in_hundreds(metrics)
    )
}

/// The right and wrong predictions as shares of a hundred.
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
