//! Rao's score test: do the deployed coefficients still hold on new rows?
//!
//! With the deployed probabilities p and X including the intercept, U = Xᵀ(y − p) and
//! I = Xᵀdiag(p(1−p))X; the coefficients are themselves estimates with covariance C, so U has the
//! covariance V = I + I·C·I, and U'V⁻¹U is χ² with a degree of freedom a coefficient (Rao 1948;
//! C is the sandwich of White 1982). It asks whether the model is still right, not whether
//! clients have changed: features may move as they like.
//!
//! U and I add up over batches. They are taken on the standardised axes of the training rows,
//! which change nothing but the rounding.

mod deployed;
mod drawn_classes;
mod levels;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::independent::Independent;
use super::symmetric::product;
use super::tails::chi_square_tail;

pub use self::deployed::{DeployedCoefficients, recalibration_terms};
pub(crate) use self::levels::LeftOut;

/// No probability counts as closer to 0 or 1 than this: a single row that the model held to be
/// impossible must not decide alone.
const MIN_PROBABILITY: f64 = 1e-6;
/// Sums beyond it are left alone: their products with each other leave what a float holds. A column
/// comes here by a cell of 10⁵⁰ standard deviations.
const MAX_SUM: f64 = 1e100;
/// Of either class at least so many rows must be expected.
const MIN_EXPECTED: f64 = 5.0;
/// Rows needed for each coefficient that is asked about.
const ROWS_A_COEFFICIENT: u64 = 2;

/// What the test needs of a batch of labelled rows; mergeable over batches scored by the same
/// model. Of size p + 1, the intercept first, on the model's axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreTerms {
    /// Labelled rows.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Σp: rows of class 1 that the model expects.
    pub expected: f64,
    /// U.
    pub score: Vec<f64>,
    /// I.
    pub information: Vec<Vec<f64>>,
}

/// Whether the coefficients still hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreTest {
    /// U'V⁻¹U.
    pub statistic: f64,
    /// Coefficients that were tested, the intercept included.
    pub degrees: usize,
    /// How probable a statistic as large is when the coefficients hold.
    pub p_value: f64,
    /// How that was found.
    #[serde(default)]
    pub method: ScoreTestMethod,
    /// The part of each coefficient, the intercept first: standard normal when they hold, and
    /// their squares add up to the statistic. Above 0 where the coefficient has become larger;
    /// `None` for one that the rows cannot tell from the others, because its column is constant,
    /// has no values, one too large to be squared, or is made of other columns, and for a level of a
    /// category that is too rare, or that the others of its category are held against.
    pub components: Vec<Option<f64>>,
}

/// How the p-value of a score test was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreTestMethod {
    /// From χ², which the statistic comes near with many rows.
    #[default]
    Asymptotic,
    /// From classes drawn for the same rows under coefficients that hold, as χ² alone said drift.
    Simulated,
}

/// Why the test cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// There are not enough rows for so many coefficients.
    #[error("{rows} labelled rows are too few, at least {needed} are needed")]
    FewRows {
        /// Labelled rows.
        rows: u64,
        /// Rows that it takes.
        needed: u64,
    },
    /// The model expects almost nobody in one of the classes.
    #[error(
        "the model expects {expected:.1} rows of class {class} among {rows}, at least {MIN_EXPECTED} are needed"
    )]
    OneClassExpected {
        /// The class, 0 or 1.
        class: u8,
        /// Rows of it that are expected.
        expected: f64,
        /// Labelled rows.
        rows: u64,
    },
    /// The model was fitted without a covariance, or to another number of columns.
    #[error("the covariance of the model's coefficients is not known")]
    NoCovariance,
    /// The features are constant or made of each other, so that only the intercept can be tested.
    #[error("these rows are too alike to tell any coefficient from the intercept")]
    AlikeRows,
    /// A number is not finite.
    #[error("the numbers of a column are too large to be squared")]
    TooLarge,
}

impl Undecided {
    /// Whether more rows would make the test possible.
    pub fn is_for_want_of_rows(&self) -> bool {
        matches!(self, Self::FewRows { .. } | Self::OneClassExpected { .. })
    }
}

impl ScoreTerms {
    /// Whether all sums can be squared; others would spoil every sum that they are added to.
    pub fn are_usable(&self) -> bool {
        let information = self.information.iter().flatten();
        let mut sums = self.score.iter().chain(information);
        self.expected.is_finite() && sums.all(|sum| sum.abs() <= MAX_SUM)
    }

    /// Adds the terms of later rows, of the same model.
    ///
    /// Terms that cannot be squared, or that are of another number of coefficients, are an error
    /// and change nothing.
    pub fn merge(&mut self, later: &Self) -> Result<(), Undecided> {
        if !later.are_usable() {
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
        for (mine, other) in self.information.iter_mut().zip(&later.information) {
            mine.iter_mut()
                .zip(other)
                .for_each(|(mine, other)| *mine += other);
        }
        Ok(())
    }

    fn are_of(&self, size: usize) -> bool {
        self.score.len() == size && is_square(&self.information, size)
    }

    /// The coefficients whose sums can be squared.
    fn usable(&self) -> Vec<usize> {
        let is_usable = |of: &usize| {
            let sums = [self.score[*of], self.information[*of][*of]];
            sums.iter().all(|sum| sum.abs() <= MAX_SUM)
        };
        (0..self.score.len()).filter(is_usable).collect()
    }

    /// Whether the rows suffice for so many coefficients.
    fn sufficiency(&self, coefficients: usize) -> Result<(), Undecided> {
        let needed = ROWS_A_COEFFICIENT * coefficients as u64;
        if self.rows < needed {
            let rows = self.rows;
            return Err(Undecided::FewRows { rows, needed });
        }
        Ok(())
    }

    /// Whether the model expects enough rows of either label for χ² to hold.
    fn expects_both_labels(&self) -> Result<(), Undecided> {
        for (class, expected) in [(1, self.expected), (0, self.rows as f64 - self.expected)] {
            if expected < MIN_EXPECTED {
                let rows = self.rows;
                return Err(Undecided::OneClassExpected {
                    class,
                    expected,
                    rows,
                });
            }
        }
        Ok(())
    }
}

/// Tests the terms against the covariance of the coefficients on the same axes.
///
/// Coefficients that the rows cannot tell from others are left out, and so are those of which a
/// single cell is too large to be squared. An error, which is a result, where the rows are too few
/// or too alike.
pub fn score_test(terms: &ScoreTerms, covariance: &[Vec<f64>]) -> Result<ScoreTest, Undecided> {
    let tested = Tested::without(&[], terms, covariance)?;
    terms.expects_both_labels()?;
    tested.test(&terms.score)
}

/// What can be tested of some terms, and how its statistic is made of a score.
struct Tested {
    /// Coefficients in all.
    size: usize,
    /// Those whose scores are taken.
    usable: Vec<usize>,
    /// Those of them that the rows tell apart.
    independent: Independent,
}

impl Tested {
    /// All but some coefficients, the intercept being 0: the rows and the errors of those left out
    /// count for the others all the same.
    fn without(
        left_out: &[usize],
        terms: &ScoreTerms,
        covariance: &[Vec<f64>],
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
            &part_of(&terms.information, &usable),
            &part_of(covariance, &usable),
        );
        let (places, usable): (Vec<usize>, Vec<usize>) = usable
            .into_iter()
            .enumerate()
            .filter(|(_, of)| !left_out.contains(of))
            .unzip();
        terms.sufficiency(usable.len())?;
        let variance = part_of(&variance, &places);
        // A constant column is one with the intercept, which is the one to be kept.
        let independent = Independent::of(&variance, 1).ok_or(Undecided::TooLarge)?;
        Ok(Self {
            size,
            usable,
            independent,
        })
    }

    /// What a score comes to.
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

    /// U'V⁻¹U.
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

/// The rows and columns of a matrix that are named.
fn part_of(matrix: &[Vec<f64>], named: &[usize]) -> Vec<Vec<f64>> {
    let line = |row: &usize| named.iter().map(|column| matrix[*row][*column]).collect();
    named.iter().map(line).collect()
}

/// V = I + I·C·I, made symmetric again after rounding.
fn variance_of_the_score(information: &[Vec<f64>], covariance: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let spread = product(&product(information, covariance), information);
    let entry = |row: usize, column: usize| {
        information[row][column] + (spread[row][column] + spread[column][row]) / 2.0
    };
    let size = information.len();
    (0..size)
        .map(|row| (0..size).map(|column| entry(row, column)).collect())
        .collect()
}

/// The level of the k-th look at growing sums, α·6 / (π²k²): over any number of looks all levels
/// together are at most α (the sum of 1 / k² is π² / 6). `look` counts from 1; 0 counts as 1.
pub fn look_level(alpha: f64, look: u64) -> f64 {
    let look = look.max(1) as f64;
    alpha * 6.0 / (std::f64::consts::PI * look).powi(2)
}

/// The sums over all batches since a model went live, and how often they were tested.
///
/// Empty again when another model goes live, and after every judged retrain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CumulativeScore {
    /// The sums; `None` before the first batch.
    pub terms: Option<ScoreTerms>,
    /// Tests made of them.
    pub looks: u64,
}

impl CumulativeScore {
    /// Adds a batch and tests the sums by `test`: what it says, with the level that its p-value is
    /// held against so that all looks together err at most with `alpha`.
    ///
    /// Sums that cannot be tested yet are no look; a batch whose numbers are too large is left out,
    /// and sums that were spoilt already begin anew.
    pub fn look(
        &mut self,
        batch: &ScoreTerms,
        test: impl FnOnce(&ScoreTerms) -> Result<ScoreTest, Undecided>,
        alpha: f64,
    ) -> Result<(ScoreTest, f64), Undecided> {
        if !batch.are_usable() {
            return Err(Undecided::TooLarge);
        }
        let sums = match self.terms.clone().filter(ScoreTerms::are_usable) {
            Some(mut sums) => {
                sums.merge(batch)?;
                sums
            }
            None => batch.clone(),
        };
        let terms = self.terms.insert(sums);
        let test = test(terms)?;
        self.looks += 1;
        Ok((test, look_level(alpha, self.looks)))
    }
}

#[cfg(test)]
mod tests;
