//! Rao's score test of model drift: are the deployed coefficients still right for new rows?
//!
//! Let p be the deployed probabilities, and X the columns with the intercept. Then U = Xᵀ(y − p)
//! and I = Xᵀdiag(p(1−p))X. The coefficients are estimates with covariance C, so U has the
//! covariance V = I + I·C·I. U'V⁻¹U is χ² with one degree of freedom per coefficient (Rao 1948; C
//! is the sandwich estimator of White 1982).
//!
//! Rows of one client are not independent. Where clients have several rows, any two rows of a client
//! have the correlation ρ, and V = I + ρ·P + I·C·I (Liang and Zeger 1986). P is the sum of
//! √(p(1−p))·√(p′(1−p′))·x·x′ᵀ over all pairs of rows of a client. ρ is estimated from these
//! rows and the training rows, and its standard error is added, because few clients leave it
//! uncertain. Summing (y − p)·x
//! by client would need far more clients than coefficients. With one row per client P is absent.
//!
//! A client may also have training rows. Its part of U and its part of the estimation error then
//! cancel in part, so V is too large, and the test is cautious.
//!
//! The test detects a change of the model, not of the features: a shift of the features alone is no
//! model drift.
//!
//! U and I of several batches can be added. They use the standardised columns of the training rows,
//! which affects rounding only.

mod deployed;
mod label_simulation;
mod levels;
mod rare_values;
mod sums;

use dataset::passes::{Agreement, ClientPairs};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::independent::IndependentEstimates;
use super::tails::chi_square_tail;
use model::symmetric::product;

pub use self::deployed::{DeployedCoefficients, recalibration_terms};
pub(crate) use self::levels::ExclusionReason;
pub(crate) use self::rare_values::MIN_TRAINING_ROWS;
pub use self::sums::{CumulativeScore, WINDOWS, look_level};

/// Distance that a probability keeps from 0 and 1. Without it, one row that the model considers
/// impossible could decide the test.
const MIN_PROBABILITY: f64 = 1e-6;
/// Largest absolute sum that the test uses. Products of larger sums overflow. A cell of 10⁵⁰
/// standard deviations makes a column reach it.
const MAX_SUM: f64 = 1e100;
/// Smallest expected number of rows with either label.
const MIN_EXPECTED: f64 = 5.0;
/// Rows that the test needs for each tested coefficient.
const ROWS_A_COEFFICIENT: u64 = 2;

/// Sums over a batch of labelled rows that the test needs. Batches scored by the same model can be
/// merged.
///
/// Vector and matrix have an entry for each coefficient, the intercept first, in standardised
/// units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreTerms {
    /// Number of labelled rows.
    pub rows: u64,
    /// Number of rows with a positive label.
    pub positives: u64,
    /// Σp: number of positive labels that the model expects.
    pub expected: f64,
    /// U, the score vector.
    pub score: Vec<f64>,
    /// I, the information matrix.
    pub information: Vec<Vec<f64>>,
    /// Pairs of rows of the same client in the same batch. `None` where every client has one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairTerms>,
}

/// Sums over the pairs of rows of the same client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairTerms {
    /// P, the sum of the products of the rows' spreads.
    pub spreads: Vec<Vec<f64>>,
    /// How far the residuals of a client agree.
    pub agreement: Agreement,
}

/// Result of the score test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreTest {
    /// The statistic U'V⁻¹U.
    pub statistic: f64,
    /// Number of tested coefficients, with the intercept.
    pub degrees: usize,
    /// Probability of so large a statistic when the coefficients are right.
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
    /// level of its category.
    pub components: Vec<Option<f64>>,
}

/// Method of the p-value of a score test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreTestMethod {
    /// From the χ² distribution, which holds for many rows.
    #[default]
    Asymptotic,
    /// From simulated labels of the same rows, because χ² alone indicated drift.
    Simulated,
}

/// Reason why the test gives no result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// Too few labelled rows for the number of coefficients.
    #[error("{rows} labelled rows, at least {needed} are needed")]
    FewRows {
        /// Number of labelled rows.
        rows: u64,
        /// Number of rows that are needed.
        needed: u64,
    },
    /// The model expects too few rows with one of the labels.
    #[serde(rename = "one_class_expected")]
    #[error(
        "the model expects {expected:.1} rows with label {label} among {rows}, at least {MIN_EXPECTED} are needed"
    )]
    FewExpectedOfOneLabel {
        /// The rare label, 0 or 1.
        #[serde(rename = "class")]
        label: u8,
        /// Expected number of rows with this label.
        expected: f64,
        /// Number of labelled rows.
        rows: u64,
    },
    /// The model has no covariance, or its covariance has another number of columns.
    #[error("the covariance of the model's coefficients is not known")]
    NoCovariance,
    /// The features are constant or collinear, so that only the intercept can be tested.
    #[serde(rename = "alike_rows")]
    #[error("the features of these rows are collinear, so only the intercept can be tested")]
    CollinearFeatures,
    /// A number is not finite.
    #[error("a column has numbers out of range")]
    TooLarge,
}

impl Undecided {
    /// True when more rows would make the test possible.
    pub fn needs_more_rows(&self) -> bool {
        matches!(
            self,
            Self::FewRows { .. } | Self::FewExpectedOfOneLabel { .. }
        )
    }
}

impl ScoreTerms {
    /// True when all sums are within range. Other sums would spoil every sum that they are added
    /// to.
    pub fn are_in_range(&self) -> bool {
        let pairs = self.pairs.iter().flat_map(|pairs| &pairs.spreads);
        let matrices = self.information.iter().chain(pairs).flatten();
        let mut sums = self.score.iter().chain(matrices);
        self.expected.is_finite() && sums.all(|sum| sum.abs() <= MAX_SUM)
    }

    /// Adds the sums of later rows of the same model.
    ///
    /// Fails, and changes nothing, when a sum is out of range or the number of coefficients
    /// differs.
    pub fn merge(&mut self, later: &Self) -> Result<(), Undecided> {
        if !later.are_in_range() {
            return Err(Undecided::TooLarge);
        }
        let size = self.score.len();
        if !self.are_of(size) || !later.are_of(size) {
            return Err(Undecided::NoCovariance);
        }
        self.rows += later.rows;
        self.positives += later.positives;
        self.expected += later.expected;
        for (mine, other) in self.score.iter_mut().zip(&later.score) {
            *mine += other;
        }
        add_matrix(&mut self.information, &later.information, 1.0);
        match (&mut self.pairs, &later.pairs) {
            (Some(mine), Some(other)) => mine.merge(other),
            (mine @ None, other) => mine.clone_from(other),
            (Some(_), None) => {}
        }
        Ok(())
    }

    fn are_of(&self, size: usize) -> bool {
        let pairs = self.pairs.as_ref();
        self.score.len() == size
            && is_square(&self.information, size)
            && pairs.is_none_or(|pairs| is_square(&pairs.spreads, size))
    }

    /// The variance of U for the deployed coefficients: I + ρ·P, where ρ is the correlation of two
    /// rows of a client.
    fn variance_of_labels(&self, correlation: f64) -> Vec<Vec<f64>> {
        let mut variance = self.information.clone();
        if let Some(pairs) = &self.pairs {
            add_matrix(&mut variance, &pairs.spreads, correlation);
        }
        variance
    }

    /// Indices of the coefficients whose sums are within range.
    fn usable(&self) -> Vec<usize> {
        let is_usable = |of: &usize| {
            let sums = [self.score[*of], self.information[*of][*of]];
            sums.iter().all(|sum| sum.abs() <= MAX_SUM)
        };
        (0..self.score.len()).filter(is_usable).collect()
    }

    /// Fails when the rows are too few for this number of coefficients.
    fn check_row_count(&self, coefficients: usize) -> Result<(), Undecided> {
        let needed = ROWS_A_COEFFICIENT * coefficients as u64;
        if self.rows < needed {
            let rows = self.rows;
            return Err(Undecided::FewRows { rows, needed });
        }
        Ok(())
    }

    /// Fails when the model expects too few rows of either label for χ² to be valid.
    fn check_expected_labels(&self) -> Result<(), Undecided> {
        for (label, expected) in [(1, self.expected), (0, self.rows as f64 - self.expected)] {
            if expected < MIN_EXPECTED {
                let rows = self.rows;
                return Err(Undecided::FewExpectedOfOneLabel {
                    label,
                    expected,
                    rows,
                });
            }
        }
        Ok(())
    }
}

impl PairTerms {
    fn merge(&mut self, later: &Self) {
        add_matrix(&mut self.spreads, &later.spreads, 1.0);
        self.agreement.merge(&later.agreement);
    }
}

impl From<ClientPairs> for PairTerms {
    fn from(pairs: ClientPairs) -> Self {
        let lines = pairs.spreads.outer_iter();
        Self {
            spreads: lines.map(|line| line.to_vec()).collect(),
            agreement: pairs.agreement,
        }
    }
}

/// Tests sums of rows, given the covariance of the coefficients in the same units.
///
/// Redundant coefficients are left out, and so are those with a cell out of range. All rows count as
/// independent. Fails when the rows are too few or the model expects too few of either label; that is a result, too.
pub fn score_test(terms: &ScoreTerms, covariance: &[Vec<f64>]) -> Result<ScoreTest, Undecided> {
    let tested = TestedCoefficients::without(&[], terms, covariance, 0.0)?;
    terms.check_expected_labels()?;
    tested.test(&terms.score)
}

/// The coefficients that a test includes, and the computation of its statistic.
struct TestedCoefficients {
    /// Number of all coefficients.
    size: usize,
    /// Indices of the coefficients whose sums are used.
    usable: Vec<usize>,
    /// Those coefficients that the rows can distinguish.
    independent: IndependentEstimates,
}

impl TestedCoefficients {
    /// Selects all coefficients without `left_out`; index 0 is the intercept. Two rows of a client
    /// have the correlation `correlation`. Rows and standard
    /// errors of the coefficients in `left_out` still count for the others.
    fn without(
        left_out: &[usize],
        terms: &ScoreTerms,
        covariance: &[Vec<f64>],
        correlation: f64,
    ) -> Result<Self, Undecided> {
        let size = terms.score.len();
        if !terms.are_of(size) || !is_square(covariance, size) {
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
    fn test(&self, score: &[f64]) -> Result<ScoreTest, Undecided> {
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
        })
    }

    /// The statistic U'V⁻¹U.
    fn statistic(&self, score: &[f64]) -> f64 {
        self.independent.statistic(&self.scores(score))
    }

    fn scores(&self, score: &[f64]) -> Vec<f64> {
        self.usable.iter().map(|of| score[*of]).collect()
    }
}

fn is_square(matrix: &[Vec<f64>], size: usize) -> bool {
    matrix.len() == size && matrix.iter().all(|row| row.len() == size)
}

/// Adds `times` a matrix to another one of the same size.
fn add_matrix(to: &mut [Vec<f64>], matrix: &[Vec<f64>], times: f64) {
    for (to, line) in to.iter_mut().zip(matrix) {
        to.iter_mut()
            .zip(line)
            .for_each(|(to, entry)| *to += times * entry);
    }
}

/// The rows and columns of a matrix with these indices.
fn part_of(matrix: &[Vec<f64>], named: &[usize]) -> Vec<Vec<f64>> {
    let line = |row: &usize| named.iter().map(|column| matrix[*row][*column]).collect();
    named.iter().map(line).collect()
}

/// V = I + ρ·P + I·C·I, made symmetric because of rounding; `of_labels` is I + ρ·P.
fn variance_of_the_score(
    of_labels: &[Vec<f64>],
    information: &[Vec<f64>],
    covariance: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    let spread = product(&product(information, covariance), information);
    let entry = |row: usize, column: usize| {
        of_labels[row][column] + (spread[row][column] + spread[column][row]) / 2.0
    };
    let size = information.len();
    (0..size)
        .map(|row| (0..size).map(|column| entry(row, column)).collect())
        .collect()
}

#[cfg(test)]
mod tests;
