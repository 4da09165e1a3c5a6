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
    /// Difference of two shares of the values: the share of one level, of one number, or of all numbers
    /// outside the range of the reference.
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
    /// Probability of a difference at least this large without drift. `None` when nothing can be tested.
    pub p_value: Option<f64>,
    /// The smallest p-value that is possible with these numbers of rows.
    #[serde(
        default,
        rename = "least_p_value",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_p_value: Option<f64>,
    /// The corrected p-value: Holm's correction for the number of checks of this kind, divided by the share
    /// of the significance level that this kind of check gets; at most 1.
    pub corrected_p_value: Option<f64>,
    /// Effect size in `unit`. For categories with an asymptotic p-value, rare levels are pooled. `None` when it is undefined
    /// or out of range.
    pub effect: Option<f64>,
    /// Unit of the effect size.
    pub unit: Unit,
    /// Smallest effect that matters. For categories it includes the total variation that chance causes with
    /// these levels and rows. It is 0 if too many rows have a level that the reference does not have.
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

    /// True if the effect matters. A check with a p-value but without effect size has an effect out of
    /// range, which matters.
    pub(super) fn has_an_effect(&self) -> bool {
        self.effect
            .is_none_or(|effect| effect.abs() >= self.min_effect)
    }

    /// Sets the verdict, given the corrected p-value and the smallest one that is possible.
    fn set_verdict(&mut self, corrected: f64, smallest: f64) {
        self.corrected_p_value = Some(corrected);
        self.verdict = if self.has_an_effect() && corrected < CHECK_LEVEL {
            Verdict::Drift
        } else if smallest >= CHECK_LEVEL {
            // With so few rows, no result can be significant.
            Verdict::InsufficientData
        } else {
            Verdict::Ok
        };
    }
}

/// Kind of check. Each column has one check of each kind.
#[derive(Clone, Copy)]
pub(super) enum CheckKind {
    /// The distribution of the values.
    Distribution,
    /// The share of missing values.
    Missing,
    /// The part of the values that changed most.
    Part,
}

impl CheckKind {
    /// The share of [`CHECK_LEVEL`] that all checks of the kind have together.
    ///
    /// The check of a part has the largest share: a few wrong values in one of many columns are hard to
    /// find, and no other check finds them. The joint test also finds a moved distribution. Missing values
    /// have the smallest share: few columns have any, so few tests share this level.
    pub(super) fn share(self) -> f64 {
        match self {
            Self::Distribution => 2.0 / 8.0,
            Self::Missing => 1.0 / 8.0,
            Self::Part => 5.0 / 8.0,
        }
    }

    /// Significance level of one of `checks` checks of the kind.
    pub(super) fn level(self, checks: usize) -> f64 {
        CHECK_LEVEL * self.share() / checks.max(1) as f64
    }

    /// Corrects the p-values of one kind, as [`correct`] does.
    pub(super) fn correct(self, checks: Vec<Option<&mut Check>>) {
        correct(self.share(), checks);
    }
}

/// Corrects the p-values of checks for their number and for the share of [`CHECK_LEVEL`] that they have
/// together, and sets the verdict of each check that has a p-value.
///
/// A check that was not made, or has no p-value, counts with p = 1.
pub(super) fn correct(share: f64, mut checks: Vec<Option<&mut Check>>) {
    let p_values: Vec<f64> = checks
        .iter()
        .map(|check| check.as_ref().and_then(|it| it.p_value).unwrap_or(1.0))
        .collect();
    let n_checks = checks.len();
    for (check, corrected) in checks.iter_mut().zip(holm(&p_values)) {
        if let Some(check) = check.as_mut().filter(|it| it.p_value.is_some()) {
            let smallest = check.min_p_value.unwrap_or(0.0);
            let smallest = smallest * n_checks as f64 / share;
            check.set_verdict((corrected / share).min(1.0), smallest);
        }
    }
}
