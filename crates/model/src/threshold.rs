//! The operating threshold of a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The probability above which the positive label is predicted. It is above 0 and below 1; the
/// default is one half.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Threshold(f64);

impl Threshold {
    /// The default threshold of one half.
    pub const HALF: Self = Self(0.5);

    /// The threshold at a probability; `None` unless the probability is above 0 and below 1.
    pub fn new(probability: f64) -> Option<Self> {
        Some(Self(probability)).filter(|threshold| threshold.is_valid())
    }

    /// The probability.
    pub fn probability(self) -> f64 {
        self.0
    }

    /// The log-odds above which the positive label is predicted; 0 for one half.
    pub fn log_odds(self) -> f64 {
        (self.0 / (1.0 - self.0)).ln()
    }

    pub(crate) fn is_valid(self) -> bool {
        self.0 > 0.0 && self.0 < 1.0
    }

    pub(crate) fn is_half(&self) -> bool {
        *self == Self::HALF
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self::HALF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_probability_between_0_and_1() {
        assert_eq!(Threshold::HALF.log_odds(), 0.0);
        let low = Threshold::new(0.2).unwrap();
        assert!((low.log_odds() + 4.0_f64.ln()).abs() < 1e-15);
        for probability in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(Threshold::new(probability), None, "{probability}");
        }
    }
}
