//! How a run ended, and which of its effects are done.

use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::{self, StrDeserializer};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The first model was fitted and deployed.
    ColdStart,
    /// There was no new input.
    NothingNew,
    /// No model drift was found on the new rows, and the deployed model is kept.
    Steady,
    /// The score test found model drift, but the deployed model is kept because of its F1.
    DriftNoted,
    /// A new model is deployed after a retrain: it passed the gate, or the gate accepts all.
    Redeployed,
    /// The deployed model had drifted, but the gate refused the candidate.
    CandidateRefused,
    /// A candidate passed the gate and waits for a person to deploy it.
    CandidateWaiting,
    /// The deployed model had drifted, but no candidate could be fitted.
    TrainingRefused,
    /// Data changed, but there were no labels, or too few, to evaluate the model on.
    NotJudged,
    /// The run failed before its decision.
    Failed,
    /// The run was interrupted before its decision, or cannot be finished as it was decided.
    Interrupted,
    /// The outcome of a newer program, by its name.
    #[serde(untagged)]
    Other(String),
}

/// A lasting effect of a run. It is done once, even if the run is interrupted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RunEffect")]
pub enum Effect {
    /// The candidate and its score are in the model folder.
    Trained,
    /// The candidate is deployed as a release.
    Published,
    /// The new rows count as evaluated.
    #[serde(rename = "judged")]
    Evaluated,
    /// The report is written.
    Reported,
    /// The API was called.
    Called,
}

impl Outcome {
    /// The outcome with this name; [`Self::Other`] if this program does not know the name.
    pub fn of_name(name: &str) -> Self {
        let text: StrDeserializer<'_, value::Error> = name.into_deserializer();
        Self::deserialize(text).unwrap_or_else(|_| Self::Other(name.to_owned()))
    }

    /// Name of the outcome in the history and in JSON.
    pub fn name(&self) -> &str {
        match self {
            Self::ColdStart => "cold_start",
            Self::NothingNew => "nothing_new",
            Self::Steady => "steady",
            Self::DriftNoted => "drift_noted",
            Self::Redeployed => "redeployed",
            Self::CandidateRefused => "candidate_refused",
            Self::CandidateWaiting => "candidate_waiting",
            Self::TrainingRefused => "training_refused",
            Self::NotJudged => "not_judged",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_outcome_is_stored_by_its_name_and_an_unknown_one_keeps_it() {
        for name in [
            "cold_start",
            "nothing_new",
            "steady",
            "drift_noted",
            "redeployed",
            "candidate_refused",
            "candidate_waiting",
            "training_refused",
            "not_judged",
            "failed",
            "interrupted",
        ] {
            let read: Outcome = serde_json::from_value(json!(name)).unwrap();
            assert!(!matches!(read, Outcome::Other(_)), "{name}");
            assert_eq!(read.name(), name);
            assert_eq!(Outcome::of_name(name), read);
            assert_eq!(serde_json::to_value(&read).unwrap(), name);
        }
        let newer: Outcome = serde_json::from_value(json!("candidate_praised")).unwrap();
        assert_eq!(newer, Outcome::Other("candidate_praised".into()));
        assert_eq!(Outcome::of_name("candidate_praised"), newer);
        assert_eq!(serde_json::to_value(&newer).unwrap(), "candidate_praised");
    }
}
