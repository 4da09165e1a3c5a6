//! One check of one column, and what follows from it once all are known.

use serde::{Deserialize, Serialize};

use super::CHECK_LEVEL;
use crate::statistics::holm;

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that chance would not bring about, or nothing that matters.
    Ok,
    /// More than chance brings about, and enough to matter.
    Drift,
    /// There is nothing to test.
    InsufficientData,
}

/// A test of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Of two distributions of numbers.
    KolmogorovSmirnov,
    /// Of counts in a table.
    ChiSquare,
    /// Of counts in a table of two rows and two columns, exactly.
    Fisher,
}

/// What an effect is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Standard deviations of the reference.
    StandardDeviations,
    /// Half the sum of the differences of all shares.
    TotalVariation,
    /// Share of missing values.
    MissingShare,
}

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// From the distribution itself.
    Exact,
    /// From the one that it comes near with many rows.
    Asymptotic,
}

/// One check of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The test that was made.
    pub test: Test,
    /// Values, or for missing ones rows, of reference and current file that it is made of.
    #[serde(default)]
    pub rows: [u64; 2],
    /// Degrees of freedom of chi-square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees: Option<usize>,
    /// How p was found; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Its statistic; `None` where it has none.
    pub statistic: Option<f64>,
    /// How probable a difference as large is without drift; `None` where there is nothing to test.
    pub p_value: Option<f64>,
    /// The smallest p that any values of so many rows could have given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_p_value: Option<f64>,
    /// That p, corrected for the number of all columns' checks (Holm).
    pub corrected_p_value: Option<f64>,
    /// How large the difference is; of categories with the rare levels taken as one.
    pub effect: Option<f64>,
    /// The unit of the effect.
    pub unit: Unit,
    /// The least effect that matters; of categories what chance makes of so many levels and rows is
    /// a part of it.
    pub least_effect: f64,
    /// What follows.
    pub verdict: Verdict,
    /// That as a sentence about the column.
    #[serde(default)]
    pub sentence: String,
}

impl Verdict {
    /// Drift when anything has drifted, insufficient data when nothing could be tested.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let worse = |one, other| match (one, other) {
            (Self::Drift, _) | (_, Self::Drift) => Self::Drift,
            (Self::Ok, _) | (_, Self::Ok) => Self::Ok,
            (Self::InsufficientData, Self::InsufficientData) => Self::InsufficientData,
        };
        verdicts.into_iter().fold(Self::InsufficientData, worse)
    }
}

impl Check {
    /// One of so many checks whose p-values were corrected together.
    fn judge(&mut self, corrected: f64, checks: usize) {
        self.corrected_p_value = Some(corrected);
        let least = self.least_p_value.unwrap_or(0.0) * checks as f64;
        // What was tested and has no effect has one beyond a float.
        let matters = self
            .effect
            .is_none_or(|effect| effect.abs() >= self.least_effect);
        self.verdict = if matters && corrected < CHECK_LEVEL {
            Verdict::Drift
        } else if least >= CHECK_LEVEL {
            // No values of so few rows could have said more by themselves.
            Verdict::InsufficientData
        } else {
            Verdict::Ok
        };
    }
}

/// Corrects the p-values for their number and judges all checks that have one.
///
/// A check without one counts like one that found nothing: how strict the others are held must not
/// hang on whether a column has values.
pub(super) fn correct<'a>(checks: impl Iterator<Item = &'a mut Check>) {
    let mut checks: Vec<&mut Check> = checks.collect();
    let n_checks = checks.len();
    let p_values: Vec<f64> = checks
        .iter()
        .map(|check| check.p_value.unwrap_or(1.0))
        .collect();
    for (check, corrected) in checks.iter_mut().zip(holm(&p_values)) {
        if check.p_value.is_some() {
            check.judge(corrected, n_checks);
        }
    }
}
