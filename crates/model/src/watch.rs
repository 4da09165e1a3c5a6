//! What drift tests watch in a coefficient.

use common::schema::EffectShape;

/// The changes of a coefficient that drift tests look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Any change.
    BothWays,
    /// Only an increase. The shape of the effect allows no coefficient below 0 and holds this one
    /// at 0, so rows may suggest a smaller one even without drift.
    IfLarger,
    /// Only a decrease. The shape allows no coefficient above 0 and holds this one at 0.
    IfSmaller,
    /// No change. Another coefficient has nearly the same effect, or this one may be noise.
    Never,
}

impl Watch {
    /// What to watch in a coefficient that its shape holds at 0.
    pub(crate) fn for_coefficient_at_limit(shape: EffectShape) -> Self {
        match shape {
            EffectShape::Increasing => Self::IfLarger,
            EffectShape::Decreasing => Self::IfSmaller,
            EffectShape::Any | EffectShape::Linear => Self::BothWays,
        }
    }

    /// True if drift tests count a change of the coefficient in the direction of `score`, the
    /// derivative of the log-likelihood.
    pub fn counts(self, score: f64) -> bool {
        match self {
            Self::BothWays => true,
            Self::IfLarger => score > 0.0,
            Self::IfSmaller => score < 0.0,
            Self::Never => false,
        }
    }
}
