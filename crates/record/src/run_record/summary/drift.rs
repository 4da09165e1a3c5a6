//! The line `drift`: whether the reasons for leaving or the clients have changed.

use common::numbers::listed;
use diagnostics::{ColumnComparison, Verdict, Verdicts};

use crate::evidence::Evidence;
use crate::outcome::Outcome;
use crate::run_record::RunRecord;

impl RunRecord {
    /// The answer; `None` for an outcome of a newer program.
    pub(super) fn drift(&self) -> Option<String> {
        let outcome = self.outcome.as_ref()?;
        if let Some(verdicts) = self.verdicts() {
            let since = self.evidence.as_ref().and_then(run_of_refit);
            let model = model_drift(verdicts, since);
            return Some(format!("{model}; {}", feature_drift(verdicts)));
        }
        let why_not_tested = match outcome {
            Outcome::Other(_) => return None,
            Outcome::NothingNew => "not tested: no row is new",
            Outcome::Failed | Outcome::Interrupted => "not tested in this run",
            Outcome::ColdStart => "not tested: no model was deployed before",
            _ if self.release.is_none() => "not tested: no model is deployed",
            _ if self.evidence.as_ref().is_some_and(|it| it.new_rows == 0) => {
                "not tested: no row is new"
            }
            _ => "not tested yet: too few new rows have a label",
        };
        Some(why_not_tested.into())
    }
}

/// The run that found the earlier drift, if another candidate is due because of it.
fn run_of_refit(evidence: &Evidence) -> Option<i64> {
    let regime = evidence.regime.filter(|_| evidence.is_refit_due())?;
    Some(regime.run)
}

fn model_drift(verdicts: &Verdicts, since: Option<i64>) -> String {
    match (verdicts.model.verdict, since) {
        (Verdict::Drift, _) => "the reasons for leaving changed (model drift)".into(),
        (Verdict::Ok, Some(run)) => format!("no further model drift since run {run}"),
        (Verdict::Ok, None) => "no model drift".into(),
        (Verdict::InsufficientData, _) => "model drift cannot be tested yet".into(),
    }
}

/// Maximum number of names in a sentence.
const MAX_NAMES: usize = 10;

fn feature_drift(verdicts: &Verdicts) -> String {
    let features = verdicts.features.iter();
    let drifted = features.filter(|it| it.verdict == Verdict::Drift);
    let drifted: Vec<&str> = drifted.map(|it| it.name.as_str()).collect();
    let joint = verdicts.joint.iter();
    let joint: Vec<String> = joint.flat_map(|it| it.changes_in_words(false)).collect();
    let changes = match drifted.is_empty() {
        true => joint.join("; "),
        false => listed(&drifted, MAX_NAMES),
    };
    let is_untested = |it: &ColumnComparison| it.distribution.verdict == Verdict::InsufficientData;
    if !changes.is_empty() {
        format!("the clients changed (feature drift): {changes}")
    } else if !verdicts.features.is_empty() && verdicts.features.iter().all(is_untested) {
        "feature drift cannot be tested yet".into()
    } else {
        "no feature drift".into()
    }
}
