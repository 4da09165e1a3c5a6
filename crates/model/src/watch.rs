//! What drift tests watch in a coefficient.

use common::schema::EffectShape;

/// The changes of a coefficient that drift tests look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Any change.
    BothWays,
    /// Only a larger coefficient. The shape of the effect holds it at 0, so the rows may always say
    /// that it should be smaller.
    IfLarger,
    /// Only a smaller coefficient, for the opposite reason.
    IfSmaller,
    /// No change, because another coefficient says nearly the same, or because this one may be
    /// noise.
    Never,
}

impl Watch {
    /// What to watch in a coefficient that its shape holds at 0.
    pub(crate) fn of_held(shape: EffectShape) -> Self {
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
