//! The decision of a run: a pure function of the evidence and the policy.

mod reasons;

use common::Config;
use common::config::{DriftBasis, DriftTrigger, OnTie};
use diagnostics::Verdict;
use schemars::JsonSchema;
use scoring::same_score;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::evidence::{DeployedModel, Evidence};
use crate::needed_labels::NeededLabels;

/// Settings that a decision follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The finding that calls for a retrain.
    pub trigger: DriftTrigger,
    /// The rows that the deployed model is scored on.
    pub basis: DriftBasis,
    /// Action when the new score equals the deployed score.
    pub on_tie: OnTie,
    /// The labels that a decision needs.
    pub needed: NeededLabels,
}

/// What a run does after its evidence is complete, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What the run does.
    pub action: Action,
    /// The reason as a sentence.
    pub reason: String,
}

impl Policy {
    /// The settings of the configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            trigger: config.drift.trigger,
            basis: config.drift.basis,
            on_tie: config.drift.on_tie,
            needed: NeededLabels::of(config),
        }
    }
}

/// Decides what a run does after its evidence is complete.
pub fn decide(evidence: &Evidence, policy: &Policy) -> Decision {
    let Some(deployed) = &evidence.deployed else {
        return without_deployed_model(evidence);
    };
    if evidence.new_rows == 0 {
        return decision(Action::Wait, "no row is new");
    }
    if evidence.new_labelled_rows == 0 {
        return decision(Action::Predict, reasons::no_label(evidence));
    }
    if let Some(reason) = reasons::few_labels(evidence, policy.needed) {
        return decision(Action::Wait, reason);
    }
    let score = by_f1(evidence, deployed, policy);
    let test = by_drift_test(evidence);
    let (first, second, name_of_second) = match policy.trigger {
        DriftTrigger::Evidence => (test, score, "the score"),
        DriftTrigger::Score => (score, test, "the evidence"),
    };
    let decided = first.unwrap_or_else(|why| match second {
        Ok(Decision { action, reason }) => decision(
            action,
            format!("{why}; so {name_of_second} decides: {reason}"),
        ),
        Err(also) => decision(Action::Wait, format!("{why}; {also}")),
    });
    match reasons::refit(evidence) {
        Some(why) if decided.action != Action::Retrain => {
            decision(Action::Retrain, format!("{why}; {}", decided.reason))
        }
        _ => decided,
    }
}

fn decision(action: Action, reason: impl Into<String>) -> Decision {
    Decision {
        action,
        reason: reason.into(),
    }
}

fn without_deployed_model(evidence: &Evidence) -> Decision {
    match (evidence.rows, evidence.labelled_rows) {
        (0, _) if !evidence.rejected_files.is_empty() => {
            decision(Action::Unusable, reasons::all_rejected(evidence))
        }
        (0, _) => decision(Action::Nothing, "there is no data"),
        (_, 0) => decision(
            Action::Wait,
            "no row has a label, so no first model can be fitted",
        ),
        _ => decision(
            Action::ColdStart,
            "no model was deployed when the run began",
        ),
    }
}

/// The decision by the test for model drift. The error says why there is no result, and more rows would not
/// help.
fn by_drift_test(evidence: &Evidence) -> Result<Decision, String> {
    let Some(verdicts) = &evidence.verdicts else {
        return Err("no test was made".into());
    };
    let model = &verdicts.model;
    let action = match (model.verdict, &model.undecided) {
        (Verdict::Ok, _) => Action::Keep,
        (Verdict::Drift, _) => Action::Retrain,
        (Verdict::InsufficientData, Some(why)) if why.needs_more_rows() => Action::Wait,
        (Verdict::InsufficientData, _) => return Err(model.to_string()),
    };
    Ok(decision(action, model.to_string()))
}

/// The decision by F1. The error says why two scores cannot be compared: F1 is undefined or 0. Both
/// happen if few clients leave and nobody is predicted to leave.
fn by_f1(
    evidence: &Evidence,
    deployed: &DeployedModel,
    policy: &Policy,
) -> Result<Decision, String> {
    let new = match evidence.score_on(policy.basis) {
        Some(f1) if f1.value > 0.0 => f1,
        Some(_) => return Err(reasons::zero_score(policy.basis)),
        None => return Err(reasons::undefined_score(policy.basis)),
    };
    if deployed.score <= 0.0 {
        return Err(
            "F1 at the deployment is 0 (no true positive), so it cannot be compared".into(),
        );
    }
    let (action, finding) = compare_scores(new.value, deployed.score, policy.on_tie);
    let reason = reasons::compared_scores(policy.basis, new, deployed, finding);
    Ok(decision(action, reason))
}

/// Compares the F1 on the new rows with the F1 at the deployment. Returns the action, and the
/// comparison as a phrase.
fn compare_scores(new: f64, deployed: f64, on_tie: OnTie) -> (Action, &'static str) {
    if same_score(new, 1.0) && same_score(deployed, 1.0) {
        return (Action::Keep, "as perfect as");
    }
    if same_score(new, deployed) {
        return match on_tie {
            OnTie::Retrain => (Action::Retrain, "not higher than"),
            OnTie::Keep => (Action::Keep, "equal to"),
        };
    }
    if new > deployed {
        (Action::Keep, "higher than")
    } else {
        (Action::Retrain, "not higher than")
    }
}

#[cfg(test)]
pub(crate) mod tests;
