//! The promises of the verdicts and of the gate, checked against simulated figures.

mod batches;
mod promotions;
mod slow_drift;
mod streams;

use std::fmt;

use crate::intervals::{Mean, Share};

pub(crate) use self::batches::single_batches;
pub(crate) use self::promotions::{f1_intervals, flipped_labels};
pub(crate) use self::slow_drift::slow_drifts;
pub(crate) use self::streams::streams;

/// A promise and the simulated figure for it.
pub(crate) struct Target {
    name: String,
    wanted: String,
    measured: String,
    is_met: bool,
}

/// The promised range of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Between(least, most) => (least..=most).contains(&value),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(to, "≤ {most}"),
            Self::AtLeast(least) => write!(to, "≥ {least}"),
            Self::Between(least, most) => write!(to, "{least} to {most}"),
        }
    }
}

impl Target {
    /// The target of a share, with a bound in percent.
    pub(crate) fn share(name: String, bound: Bound, share: Share) -> Self {
        Self {
            name,
            wanted: format!("{bound} %"),
            measured: format!("{share} %"),
            is_met: bound.holds(100.0 * share.value()),
        }
    }

    /// The target of a figure in percent.
    pub(crate) fn percent(name: String, bound: Bound, value: f64) -> Self {
        Self {
            name,
            wanted: format!("{bound} %"),
            measured: format!("{value:.2} %"),
            is_met: bound.holds(value),
        }
    }

    /// The target of a figure.
    pub(crate) fn number(name: String, bound: Bound, value: f64) -> Self {
        Self {
            name,
            wanted: bound.to_string(),
            measured: format!("{value:.2}"),
            is_met: bound.holds(value),
        }
    }

    /// The target of a mean.
    pub(crate) fn mean(name: String, bound: Bound, mean: Mean) -> Self {
        Self {
            name,
            wanted: bound.to_string(),
            measured: mean.to_string(),
            is_met: bound.holds(mean.value()),
        }
    }
}

/// Writes a target as a row of the table.
impl fmt::Display for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            wanted,
            measured,
            is_met,
        } = self;
        let verdict = if *is_met { "met" } else { "missed" };
        write!(to, "| {name} | {wanted} | {measured} | {verdict} |")
    }
}
