//! Predictions for rows, and the contributions of the features to them.

use dataset::passes::{Encoding, LinearExpression, Term, WeightedTerm, probability};

use crate::model::Model;

/// Number of rows that are evaluated in one pass over the terms.
const CHUNK_ROWS: usize = 64;

/// A model prepared to predict rows.
///
/// A row has one value per feature in schema order: NaN if it is missing, a level as its
/// [code](dataset::level_code).
#[derive(Clone, Debug)]
pub struct Scorer<'m> {
    expression: LinearExpression<'m>,
    /// The terms that are 1 for an unseen level.
    of_unseen: Vec<Term<'m>>,
    n_features: usize,
}

impl Scorer<'_> {
    /// The log-odds of the positive label; finite for finite values of any size.
    pub fn log_odds(&self, row: &[f64]) -> f64 {
        self.expression.value(|feature| cell(row, feature))
    }

    /// The probability of the positive label.
    pub fn probability(&self, row: &[f64]) -> f64 {
        probability(self.log_odds(row))
    }

    /// The probabilities of the positive label for rows that are stored one after another in one
    /// slice.
    pub fn probabilities(&self, rows: &[f64]) -> impl Iterator<Item = f64> {
        let chunks = rows.chunks(CHUNK_ROWS * self.n_features);
        chunks.flat_map(|rows| {
            let n_rows = rows.len() / self.n_features;
            let mut log_odds = [0.0; CHUNK_ROWS];
            let filled = &mut log_odds[..n_rows];
            self.expression.fill(filled, rows, self.n_features);
            log_odds.into_iter().take(n_rows).map(probability)
        })
    }

    /// The log-odds of the mean training row, to which the contributions of a row are added.
    pub fn base(&self) -> f64 {
        self.expression.mean_value()
    }

    /// The contribution of each feature, in schema order, and then of each pair, in the order of
    /// [`pair_names`](Model::pair_names). A contribution is what the feature or pair adds to the
    /// log-odds of the mean training row. It is finite for finite values of any size, and 0 for a
    /// value that is imputed.
    pub fn contributions(&self, row: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_features];
        for weighted in &self.expression.terms {
            let feature = weighted.term.feature;
            if weighted.term.encoding.is_of_two_features() {
                let value = weighted.term.value(|feature| cell(row, feature));
                sums.push(contribution(weighted.coefficient, value, weighted.imputed));
            } else {
                sums[feature] = with_contribution(sums[feature], weighted, cell(row, feature));
            }
        }
        sums
    }

    /// Number of unseen levels in a row: levels without their own coefficient.
    #[inline]
    pub fn unseen_levels(&self, row: &[f64]) -> usize {
        let of_unseen = self.of_unseen.iter();
        of_unseen
            .filter(|term| term.value(|feature| cell(row, feature)) == 1.0)
            .count()
    }
}

impl Model {
    /// Number of values in a row that are outside the range of the training rows, where the model
    /// extrapolates. Missing values and levels do not count.
    #[inline]
    pub fn extrapolated(&self, row: &[f64]) -> usize {
        let cells = row.iter().zip(&self.profile.columns);
        cells
            .filter(|(cell, column)| {
                column.moments().is_some_and(|moments| {
                    let is_below = moments.minimum().is_some_and(|minimum| **cell < minimum);
                    is_below || moments.maximum().is_some_and(|maximum| **cell > maximum)
                })
            })
            .count()
    }

    /// Prepares the model to predict rows.
    pub fn scorer(&self) -> Scorer<'_> {
        let expression = self.predictor.expression();
        let terms = expression.terms.iter().map(|weighted| weighted.term);
        let of_unseen = terms.filter(|term| matches!(term.encoding, Encoding::OtherThan(_)));
        Scorer {
            of_unseen: of_unseen.collect(),
            expression,
            n_features: self.schema.features.len(),
        }
    }
}

/// A cell of a row; NaN if it is missing or the row is too short.
fn cell(row: &[f64], feature: usize) -> f64 {
    row.get(feature).copied().unwrap_or(f64::NAN)
}

/// The contribution of a feature's terms at a cell of the feature.
pub(crate) fn contribution_of(terms: &[WeightedTerm<'_>], cell: f64) -> f64 {
    let add = |sum, weighted| with_contribution(sum, weighted, cell);
    terms.iter().fold(0.0, add)
}

fn with_contribution(sum: f64, weighted: &WeightedTerm<'_>, cell: f64) -> f64 {
    let value = weighted.term.value(|_| cell);
    let share = contribution(weighted.coefficient, value, weighted.imputed);
    (sum + share).clamp(f64::MIN, f64::MAX)
}

fn contribution(coefficient: f64, value: f64, imputed: f64) -> f64 {
    if value.is_nan() || coefficient == 0.0 {
        return 0.0;
    }
    (coefficient * (value - imputed)).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_are_finite_whatever_the_value() {
        assert_eq!(contribution(2.0, 5.0, 3.0), 4.0);
        assert_eq!(contribution(2.0, f64::NAN, 3.0), 0.0);
        assert_eq!(contribution(0.0, f64::MAX, f64::MIN), 0.0);
        assert_eq!(contribution(-1e300, f64::MAX, 0.0), f64::MIN);
    }
}
