//! One check of one column, its verdict, and the correction for many checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::CHECK_LEVEL;
use crate::statistics::holm;

/// Result of a drift check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No drift: the difference is not significant, or it is too small to matter.
    Ok,
    /// Drift: the difference is significant and large enough to matter.
    Drift,
    /// Too few rows or values to test.
    InsufficientData,
}

/// The statistical test of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ColumnTest")]
pub enum Test {
    /// Kolmogorov-Smirnov test of two distributions of numbers.
    KolmogorovSmirnov,
    /// Chi-square test of a contingency table.
    ChiSquare,
    /// Fisher's exact test of a 2×2 table.
    Fisher,
    /// Exact test of the number of values outside the range of the reference.
    Range,
}

/// Unit of an effect size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EffectUnit")]
pub enum Unit {
    /// Standard deviations of the reference.
    StandardDeviations,
    /// Total variation: half the sum of the absolute differences of all shares.
    TotalVariation,
    /// Difference of the shares of missing values.
    MissingShare,
    /// Difference of the shares that one level, one number, or the numbers outside the range of the
    /// reference have of the values.
    ValueShare,
}

/// Method that a p-value was computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TestMethod")]
pub enum Method {
    /// From the exact distribution of the statistic.
    Exact,
    /// From the limit distribution for many rows.
    Asymptotic,
    /// From random splits of the same rows.
    Simulated,
}

/// One check of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ColumnCheck")]
pub struct Check {
    /// The test that was used.
    pub test: Test,
    /// Numbers of values that the check compares: reference, then current file. A check of missing
    /// values counts rows instead.
    #[serde(default)]
    pub rows: [u64; 2],
    /// Degrees of freedom of chi-square; `None` for other tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees: Option<usize>,
    /// Method of the p-value; `None` without a p-value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The test statistic; `None` where the test has none.
    pub statistic: Option<f64>,
    /// Probability of so large a difference without drift. `None` when nothing can be tested.
    pub p_value: Option<f64>,
    /// The smallest p-value that is possible with these numbers of rows.
    #[serde(
        default,
        rename = "least_p_value",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_p_value: Option<f64>,
    /// The p-value, corrected for the number of checks of all columns (Holm).
    pub corrected_p_value: Option<f64>,
    /// Effect size in `unit`. For categories with an asymptotic p-value, rare levels are pooled. `None` when it is undefined
    /// or out of range.
    pub effect: Option<f64>,
    /// Unit of the effect size.
    pub unit: Unit,
    /// The smallest effect that matters. For categories it includes the total variation to expect
    /// by chance with these levels and rows; it is 0 if too many rows have a level that the reference
    /// does not have.
    #[serde(rename = "least_effect")]
    pub min_effect: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// The result as a sentence about the column.
    #[serde(default)]
    pub sentence: String,
}

impl Verdict {
    /// Combines verdicts: drift when one is drift, insufficient data when all are, else ok.
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
    /// True if the difference is significant, but too small to be drift.
    pub fn is_significant_but_small(&self) -> bool {
        let is_significant = self.corrected_p_value.is_some_and(|p| p < CHECK_LEVEL);
        is_significant && self.verdict == Verdict::Ok
    }

    /// Sets the verdict, given the corrected p-value and the number of checks that were corrected
    /// together.
    fn set_verdict(&mut self, corrected: f64, checks: usize) {
        self.corrected_p_value = Some(corrected);
        let smallest = self.min_p_value.unwrap_or(0.0) * checks as f64;
        // If a tested check has no effect size, the effect is out of range, so it matters.
        let matters = self
            .effect
            .is_none_or(|effect| effect.abs() >= self.min_effect);
        self.verdict = if matters && corrected < CHECK_LEVEL {
            Verdict::Drift
        } else if smallest >= CHECK_LEVEL {
            // So few rows cannot reach a significant result by themselves.
            Verdict::InsufficientData
        } else {
            Verdict::Ok
        };
    }
}

/// Corrects the p-values for the number of checks, and sets the verdict of each check that has one.
///
/// A check that was not made, or has no p-value, counts with p = 1. The correction of one column must not depend on
/// missing values in another.
pub(super) fn correct_p_values<'a>(checks: impl Iterator<Item = Option<&'a mut Check>>) {
    let mut checks: Vec<Option<&mut Check>> = checks.collect();
    let n_checks = checks.len();
    let p_values: Vec<f64> = checks
        .iter()
        .map(|check| check.as_ref().and_then(|it| it.p_value).unwrap_or(1.0))
        .collect();
    for (check, corrected) in checks.iter_mut().zip(holm(&p_values)) {
        if let Some(check) = check.as_mut().filter(|it| it.p_value.is_some()) {
            check.set_verdict(corrected, n_checks);
        }
    }
}
