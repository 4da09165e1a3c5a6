//! The sums over a batch of rows that the score test needs.

use dataset::passes::{Agreement, ClientPairs};
use model::matrix::Matrix;
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::undecided::{MIN_EXPECTED, Undecided};

/// Largest absolute sum that the test uses. Products of larger sums overflow. A cell of 10⁵⁰
/// standard deviations makes a column reach it.
const MAX_SUM: f64 = 1e100;
/// Rows that the test needs for each tested coefficient.
const MIN_ROWS_PER_COEFFICIENT: u64 = 2;

/// Sums over a batch of labelled rows that the test needs. Batches scored by the same model can be
/// merged.
///
/// Vector and matrix have an entry for each coefficient, the intercept first, in standardised
/// units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    pub information: Matrix,
    /// Pairs of rows of the same client in the same batch. `None` where every client has one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairTerms>,
}

/// Sums over the pairs of rows of the same client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairTerms {
    /// P, the sum of the products of the rows' spreads.
    pub spreads: Matrix,
    /// How far the residuals of a client agree.
    pub agreement: Agreement,
}

impl ScoreTerms {
    /// True when all sums are within range. A sum out of range would make every total out of range.
    pub fn are_in_range(&self) -> bool {
        let pairs = self.pairs.iter().flat_map(|pairs| pairs.spreads.iter());
        let matrices = self.information.iter().chain(pairs);
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
        *self.information += &*later.information;
        match (&mut self.pairs, &later.pairs) {
            (Some(mine), Some(other)) => mine.merge(other),
            (mine @ None, other) => mine.clone_from(other),
            (Some(_), None) => {}
        }
        Ok(())
    }

    pub(super) fn are_of(&self, size: usize) -> bool {
        let pairs = self.pairs.as_ref();
        self.score.len() == size
            && self.information.dim() == (size, size)
            && pairs.is_none_or(|pairs| pairs.spreads.dim() == (size, size))
    }

    /// The variance of U for the deployed coefficients: I + ρ·P, where ρ is the correlation of two
    /// rows of a client.
    pub(super) fn variance_of_labels(&self, correlation: f64) -> Array2<f64> {
        let mut variance = Array2::clone(&self.information);
        if let Some(pairs) = &self.pairs {
            variance.scaled_add(correlation, &pairs.spreads);
        }
        variance
    }

    /// Indices of the coefficients whose sums are within range.
    pub(super) fn usable(&self) -> Vec<usize> {
        let is_usable = |of: &usize| {
            let sums = [self.score[*of], self.information[[*of, *of]]];
            sums.iter().all(|sum| sum.abs() <= MAX_SUM)
        };
        (0..self.score.len()).filter(is_usable).collect()
    }

    /// Fails when the rows are too few for this number of coefficients.
    pub(super) fn check_row_count(&self, coefficients: usize) -> Result<(), Undecided> {
        let needed = MIN_ROWS_PER_COEFFICIENT * coefficients as u64;
        if self.rows < needed {
            let rows = self.rows;
            return Err(Undecided::FewRows { rows, needed });
        }
        Ok(())
    }

    /// Fails when the model expects too few rows of either label for χ² to be valid.
    pub(super) fn check_expected_labels(&self) -> Result<(), Undecided> {
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
        *self.spreads += &*later.spreads;
        self.agreement.merge(&later.agreement);
    }
}

impl From<ClientPairs> for PairTerms {
    fn from(pairs: ClientPairs) -> Self {
        Self {
            spreads: pairs.spreads.into(),
            agreement: pairs.agreement,
        }
    }
}
