//! The actions that a run can decide on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run does after its evidence is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: there is no data.
    Nothing,
    /// Nothing: all input was rejected, so no first model can be fitted.
    Unusable,
    /// Fit and deploy the first model.
    ColdStart,
    /// Keep the deployed model; the new rows count as evaluated.
    Keep,
    /// Fit a candidate and compare it with the deployed model.
    Retrain,
    /// Keep the deployed model; the predictions for the new rows wait for their labels.
    Predict,
    /// Keep the deployed model; the new rows wait until more rows have arrived.
    Wait,
}

impl Action {
    /// True if all rows count as evaluated after the action, provided that a model is deployed then.
    pub fn marks_as_evaluated(self) -> bool {
        match self {
            Self::ColdStart | Self::Keep | Self::Retrain | Self::Predict => true,
            Self::Nothing | Self::Unusable | Self::Wait => false,
        }
    }
}
