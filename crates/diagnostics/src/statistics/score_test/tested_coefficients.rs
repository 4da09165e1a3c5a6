//! The coefficients that a score test includes, and its result.

use ndarray::{Array2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::terms::ScoreTerms;
use super::undecided::Undecided;
use crate::statistics::independent::IndependentEstimates;
use crate::statistics::tails::chi_square_tail;

/// Result of the score test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreTest {
    /// The statistic U'V⁻¹U.
    pub statistic: f64,
    /// Number of tested coefficients, with the intercept.
    pub degrees: usize,
    /// Probability of a statistic at least this large when the coefficients are right.
    pub p_value: f64,
    /// Method of the p-value.
    #[serde(default)]
    pub method: ScoreTestMethod,
    /// Component of each coefficient, the intercept first. Without drift each is standard normal.
    /// Their squares add up to the statistic. A positive component means that the coefficient has
    /// become larger.
    ///
    /// `None` where a coefficient was not tested. Its column is constant, has no values or a value
    /// out of range, or is a combination of other columns. Or its level is rare, or is the base
    /// level of its category. Or the shape of its effect holds it at 0, and the rows agree.
    pub components: Vec<Option<f64>>,
    /// True if the shapes of all effects hold the other coefficients at 0, so that a test of the
    /// intercept tests the whole model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_intercept_all: bool,
}

/// Method of the p-value of a score test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreTestMethod {
    /// From the χ² distribution, which holds for many rows.
    #[default]
    Asymptotic,
    /// From simulated labels of the same rows, because χ² alone indicated drift.
    Simulated,
}

/// The coefficients that a test includes, and the computation of its statistic.
pub(super) struct TestedCoefficients {
    /// Number of all coefficients.
    size: usize,
    /// Indices of the coefficients whose sums are used.
    usable: Vec<usize>,
    /// Those coefficients that the rows can distinguish.
    independent: IndependentEstimates,
}

impl TestedCoefficients {
    /// Selects all coefficients except `left_out`; index 0 is the intercept. Two rows of a client have
    /// the correlation `correlation`. Rows and standard errors of the coefficients in `left_out` still
    /// count for the others.
    pub(super) fn without(
        left_out: &[usize],
        terms: &ScoreTerms,
        covariance: &Array2<f64>,
        correlation: f64,
    ) -> Result<Self, Undecided> {
        let size = terms.score.len();
        if !terms.are_of(size) || covariance.dim() != (size, size) {
            return Err(Undecided::NoCovariance);
        }
        let usable = terms.usable();
        if usable.first() != Some(&0) {
            return Err(Undecided::TooLarge);
        }
        let variance = variance_of_the_score(
            &part_of(&terms.variance_of_labels(correlation), &usable),
            &part_of(&terms.information, &usable),
            &part_of(covariance, &usable),
        );
        let (positions, usable): (Vec<usize>, Vec<usize>) = usable
            .into_iter()
            .enumerate()
            .filter(|(_, of)| !left_out.contains(of))
            .unzip();
        terms.check_row_count(usable.len())?;
        let variance = part_of(&variance, &positions);
        // A constant column is collinear with the intercept, and the intercept is kept.
        let independent = IndependentEstimates::of(&variance, 1).ok_or(Undecided::TooLarge)?;
        Ok(Self {
            size,
            usable,
            independent,
        })
    }

    /// Tests a score vector.
    pub(super) fn test(&self, score: &[f64]) -> Result<ScoreTest, Undecided> {
        let mut components = vec![None; self.size];
        let found = self.independent.components(&self.scores(score));
        for (of, component) in self.usable.iter().zip(found) {
            components[*of] = component;
        }
        let statistic = self.statistic(score);
        if !statistic.is_finite() {
            return Err(Undecided::TooLarge);
        }
        let degrees = self.independent.kept().len();
        Ok(ScoreTest {
            statistic,
            degrees,
            p_value: chi_square_tail(statistic, degrees).ok_or(Undecided::TooLarge)?,
            method: ScoreTestMethod::Asymptotic,
            components,
            is_intercept_all: false,
        })
    }

    /// The statistic U'V⁻¹U.
    pub(super) fn statistic(&self, score: &[f64]) -> f64 {
        self.independent.statistic(&self.scores(score))
    }

    fn scores(&self, score: &[f64]) -> Vec<f64> {
        self.usable.iter().map(|of| score[*of]).collect()
    }
}

/// The rows and columns of a matrix with these indices.
fn part_of(matrix: &Array2<f64>, named: &[usize]) -> Array2<f64> {
    matrix.select(Axis(0), named).select(Axis(1), named)
}

/// V = I + ρ·P + I·C·I, made symmetric because of rounding; `of_labels` is I + ρ·P.
fn variance_of_the_score(
    of_labels: &Array2<f64>,
    information: &Array2<f64>,
    covariance: &Array2<f64>,
) -> Array2<f64> {
    let spread = information.dot(covariance).dot(information);
    of_labels + (&spread + &spread.t()) / 2.0
}
