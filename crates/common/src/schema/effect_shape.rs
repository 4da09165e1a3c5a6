//! The shape of a number's effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a model's probability may depend on a number; in any way by default.
///
/// A number with a shape other than `any` is in no pair of features, because its effect would then
/// depend on the other feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectShape {
    /// Any shape: the training rows decide.
    #[default]
    Any,
    /// A higher number never has a lower probability.
    Increasing,
    /// A higher number never has a higher probability.
    Decreasing,
    /// The log-odds are a straight line.
    Linear,
}

impl EffectShape {
    /// True unless the shape is restricted.
    pub fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// True if the effect may go only one way.
    pub fn is_monotone(self) -> bool {
        matches!(self, Self::Increasing | Self::Decreasing)
    }

    /// True if the shape allows this difference: the log-odds of a higher number minus those of a
    /// lower one.
    pub fn allows(self, difference: f64) -> bool {
        match self {
            Self::Any | Self::Linear => true,
            Self::Increasing => difference >= 0.0,
            Self::Decreasing => difference <= 0.0,
        }
    }
}
