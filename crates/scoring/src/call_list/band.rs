//! Bands of risk: a word for a probability.

use std::fmt;

use model::Threshold;
use serde::{Deserialize, Serialize};

/// A band of risk, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// The client is predicted to leave.
    High,
    /// The client is between the other two bands.
    Medium,
    /// The client is likely to stay.
    Low,
}

impl Band {
    /// All bands, the highest risk first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// The name of the band in files and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// The band of a name; `None` for any other text.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|band| band.name() == name)
    }
}

impl fmt::Display for Band {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

/// The limits of the bands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bands {
    high: f64,
    medium: f64,
}

impl Bands {
    /// Bands around a model's threshold: `high` above it, `medium` above half of it.
    pub(super) fn new(threshold: Threshold) -> Self {
        let high = threshold.probability();
        Self {
            high,
            medium: high / 2.0,
        }
    }

    /// The band of a probability.
    pub(super) fn of(self, probability: f64) -> Band {
        if probability > self.high {
            Band::High
        } else if probability > self.medium {
            Band::Medium
        } else {
            Band::Low
        }
    }
}
