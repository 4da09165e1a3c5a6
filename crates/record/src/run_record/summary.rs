//! The first lines of a run's text: what was done, whether the model is good, whether the data
//! changed, and what to do.

use diagnostics::{ColumnComparison, Verdict, Verdicts};
use scoring::{Metrics, f1_with_interval};

use super::RunRecord;
use crate::outcome::Outcome;

impl RunRecord {
    /// A line for each question that the record has an answer to.
    pub(super) fn summary(&self) -> String {
        let lines = [
            ("done", self.done()),
            ("quality", self.quality()),
            ("drift", self.verdicts().map(drift)),
            ("next", self.next_step().map(str::to_owned)),
        ];
        let lines = lines
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        lines
            .map(|(name, text)| format!("  {name:10} {text}\n"))
            .collect()
    }

    /// Whether a model was deployed, kept or refused.
    fn done(&self) -> Option<String> {
        let release = self.release.as_deref().unwrap_or("none");
        let done = match self.outcome.as_ref()? {
            Outcome::ColdStart => format!("the first model is deployed: release {release}"),
            Outcome::Steady => format!("the deployed model is kept: release {release}"),
            Outcome::DriftNoted => format!(
                "the deployed model is kept although model drift was found: release {release}"
            ),
            Outcome::Redeployed => match self.gate.as_ref().is_some_and(|gate| !gate.passed) {
                false => {
                    format!("a new model that is not worse is deployed: release {release}")
                }
                true => format!(
                    "a new model is deployed although it did not pass the gate: release {release}"
                ),
            },
            Outcome::CandidateRefused => format!(
                "a new model was trained and did not pass the gate; the deployed model is kept: release {release}"
            ),
            Outcome::CandidateWaiting => format!(
                "a new model passed the gate and waits; the deployed model is kept: release {release}"
            ),
            Outcome::TrainingRefused => "no model could be trained".into(),
            Outcome::NotJudged => "nothing was decided; the line why says what is missing".into(),
            // The reason says it all.
            Outcome::NothingNew | Outcome::Failed | Outcome::Interrupted | Outcome::Other(_) => {
                return None;
            }
        };
        Some(done)
    }

    /// How good the deployed model is, on rows that it was not trained on.
    fn quality(&self) -> Option<String> {
        let is_new = matches!(self.outcome, Some(Outcome::ColdStart | Outcome::Redeployed));
        let on_new_rows = self
            .evidence
            .as_ref()
            .and_then(|it| it.on_new_rows.as_ref());
        let (metrics, rows) = match is_new {
            true => (self.candidate_metrics.as_ref()?, "rows of the test data"),
            false => (on_new_rows?, "new rows"),
        };
        Some(format!(
            "{} ({} {rows})",
            in_hundreds(metrics),
            metrics.rows
        ))
    }

    /// What a person should do.
    fn next_step(&self) -> Option<&'static str> {
        let step = match self.outcome.as_ref()? {
            Outcome::CandidateWaiting => {
                "run `deployment` to deploy the candidate, or leave it: the next candidate replaces it"
            }
            Outcome::TrainingRefused => "fix what the line why says, and run again",
            Outcome::NotJudged => {
                let evidence = self.evidence.as_ref()?;
                match evidence.new_rows {
                    0 => "nothing",
                    _ => "add files with labels",
                }
            }
            Outcome::DriftNoted => {
                "set drift.trigger to \"evidence\", or retrain by hand: training, scoring, deployment"
            }
            Outcome::Failed | Outcome::Interrupted | Outcome::NothingNew | Outcome::Other(_) => {
                return None;
            }
            Outcome::ColdStart
            | Outcome::Steady
            | Outcome::Redeployed
            | Outcome::CandidateRefused => {
                let has_warning = !self.warnings.is_empty() || !self.notices.is_empty();
                match (
                    has_warning,
                    self.rows.taken.rejected > 0 || self.files.rejected > 0,
                ) {
                    (true, _) => "read the warnings below",
                    (false, true) => "nothing; rejected rows are in rejectedrows.csv",
                    (false, false) => "nothing",
                }
            }
        };
        Some(step)
    }
}

/// The right and wrong predictions as shares of a hundred, beside a prediction without a model.
fn in_hundreds(metrics: &Metrics) -> String {
    let hundred = |share: f64| (share * 100.0).round();
    let flagged = match (metrics.precision, metrics.recall) {
        (Some(precision), Some(recall)) => format!(
            "of 100 clients flagged {} left, of 100 who left {} were flagged",
            hundred(precision),
            hundred(recall)
        ),
        (None, _) => "no client is flagged".into(),
        (Some(_), None) => "no client left".into(),
    };
    let f1 = f1_with_interval(metrics.f1, metrics.f1_interval);
    let baseline = metrics.baselines.always_one_f1;
    let baseline = baseline.map_or(String::new(), |f1| {
        format!(", calling everyone a leaver {f1:.4}")
    });
    format!("{flagged}; F1 {f1}{baseline}")
}

/// Whether the model or the clients have changed.
fn drift(verdicts: &Verdicts) -> String {
    let model = match verdicts.model.verdict {
        Verdict::Drift => "model drift",
        Verdict::Ok => "no model drift",
        Verdict::InsufficientData => "model drift cannot be tested yet",
    };
    let moved = |verdict: Verdict| verdict == Verdict::Drift;
    let features = verdicts.features.iter();
    let features = features
        .filter(|it| moved(it.distribution.verdict) || moved(it.missing.verdict))
        .map(|it| it.name.as_str());
    let joint = verdicts.joint.iter().filter(|joint| moved(joint.verdict));
    let moved: Vec<&str> = features.chain(joint.map(|_| "all together")).collect();
    let is_untested = |it: &ColumnComparison| it.distribution.verdict == Verdict::InsufficientData;
    let none_tested = !verdicts.features.is_empty() && verdicts.features.iter().all(is_untested);
    match (moved.is_empty(), none_tested) {
        (true, true) => format!("{model}; feature drift cannot be tested yet"),
        (true, false) => format!("{model}; no feature drift"),
        (false, _) => format!("{model}; feature drift: {}", moved.join(", ")),
    }
}
