//! A linear expression of a table's columns.

use super::term::Term;
use crate::table::Table;

/// An intercept and a weighted sum of terms.
///
/// The expression is plain data: it says what is computed from a row, not where or how. The terms of
/// a feature are its number, curves of it, and indicators, of which at most one is 1. Terms of two
/// features follow after all others.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearExpression<'a> {
    /// The value where all terms are 0.
    pub intercept: f64,
    /// The terms, added in this order.
    pub terms: Vec<WeightedTerm<'a>>,
}

/// A term and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedTerm<'a> {
    /// The term.
    pub term: Term<'a>,
    /// The factor of the term.
    pub coefficient: f64,
    /// The term's mean in the training rows, which replaces a missing value.
    pub imputed: f64,
}

/// Factor that scales both factors of a product. It is so small that no sum of such products
/// overflows.
const OVERFLOW_SCALE: f64 = 1e-160;

impl LinearExpression<'_> {
    /// The value for a row; `cell` returns the row's cell of a feature. The value is finite if all
    /// cells are finite or missing (NaN).
    #[inline]
    pub fn value(&self, cell: impl Fn(usize) -> f64) -> f64 {
        let whole = self.sum(&cell, 1.0);
        match whole.is_finite() {
            true => whole,
            false => self.overflowed(&cell),
        }
    }

    /// The value for a row whose sum overflows.
    #[cold]
    fn overflowed(&self, cell: &impl Fn(usize) -> f64) -> f64 {
        bound(self.sum(cell, OVERFLOW_SCALE))
    }

    /// Writes the [`value`](Self::value) of each of some rows. A row has `width` cells, and the rows
    /// stand one after another. This is faster than one row at a time.
    pub fn fill(&self, to: &mut [f64], rows: &[f64], width: usize) {
        to.fill(self.intercept);
        let with_value = self.terms.iter().filter(|it| it.coefficient != 0.0);
        for weighted in with_value {
            for (sum, row) in to.iter_mut().zip(rows.chunks_exact(width)) {
                let value = weighted.term.value(|feature| row[feature]);
                *sum = weighted.added_to(*sum, value, 1.0);
            }
        }
        for (sum, row) in to.iter_mut().zip(rows.chunks_exact(width)) {
            if !sum.is_finite() {
                *sum = self.overflowed(&|feature: usize| row[feature]);
            }
        }
    }

    /// The value for a row in which each term has its mean.
    pub fn mean_value(&self) -> f64 {
        let sum = |scale: f64| {
            let means = self.terms.iter().map(|weighted| weighted.mean(scale));
            means.fold(self.intercept * scale * scale, |sum, mean| sum + mean)
        };
        let whole = sum(1.0);
        match whole.is_finite() {
            true => whole,
            false => bound(sum(OVERFLOW_SCALE)),
        }
    }

    /// The value for the row at a position of a table.
    #[inline]
    pub(super) fn value_at(&self, table: &Table, position: usize) -> f64 {
        self.value(|feature| table.features[feature][position])
    }

    #[inline(always)]
    fn sum(&self, cell: &impl Fn(usize) -> f64, scale: f64) -> f64 {
        let mut sum = self.intercept * scale * scale;
        // The feature whose indicator was 1: its other indicators are 0.
        let mut found = usize::MAX;
        for weighted in &self.terms {
            let Term {
                feature, encoding, ..
            } = weighted.term;
            let adds_nothing = weighted.coefficient == 0.0;
            if adds_nothing || (found == feature && encoding.is_indicator()) {
                continue;
            }
            let value = weighted.term.value(cell);
            if value == 1.0 && encoding.is_indicator() {
                found = feature;
            }
            sum = weighted.added_to(sum, value, scale);
        }
        sum
    }
}

impl WeightedTerm<'_> {
    /// Returns `sum` plus the contribution of the term at `value`. Both factors are multiplied by `scale`.
    #[inline(always)]
    fn added_to(&self, sum: f64, value: f64, scale: f64) -> f64 {
        if value.is_nan() {
            sum + self.mean(scale)
        } else if value == 0.0 && self.term.encoding.is_indicator() {
            sum
        } else {
            sum + (value * scale) * (self.coefficient * scale)
        }
    }

    /// The term's part of the expression's mean value, with both factors scaled.
    #[inline(always)]
    fn mean(&self, scale: f64) -> f64 {
        (self.imputed * scale) * (self.coefficient * scale)
    }
}

/// The largest finite number with the sign of a sum that overflows.
fn bound(scaled: f64) -> f64 {
    scaled.signum() * f64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Level, level_code};
    use crate::passes::Encoding;

    /// An expression of two numbers. Each of `weights` is a coefficient and an imputed value.
    fn of_numbers(intercept: f64, weights: [(f64, f64); 2]) -> LinearExpression<'static> {
        let weighted = Term::numbers(2).into_iter().zip(weights);
        LinearExpression {
            intercept,
            terms: weighted
                .map(|(term, (coefficient, imputed))| WeightedTerm {
                    term,
                    coefficient,
                    imputed,
                })
                .collect(),
        }
    }

    #[test]
    fn missing_values_are_imputed_and_huge_ones_stay_finite() {
        let expression = of_numbers(1.0, [(2.0, 10.0), (-3.0, 100.0)]);
        let value = |cells: [f64; 2]| expression.value(|feature| cells[feature]);
        assert_eq!(value([1.0, 1.0]), 0.0);
        assert_eq!(value([f64::NAN, 1.0]), 18.0);
        assert_eq!(value([1e308, 1e308]), -f64::MAX);
        assert_eq!(value([1.7e308, 1e308]), f64::MAX);
        let huge = of_numbers(1.0, [(1e308, 10.0), (-1e308, 100.0)]);
        assert!(huge.value(|_| 1e308).is_finite());
    }

    #[test]
    fn fill_gives_each_row_the_value_of_that_row() {
        let values = |expression: &LinearExpression<'_>, rows: &[[f64; 2]]| {
            let mut found = vec![0.0; rows.len()];
            expression.fill(&mut found, rows.as_flattened(), 2);
            let each = |row: &[f64; 2]| expression.value(|feature| row[feature]);
            let wanted: Vec<f64> = rows.iter().map(each).collect();
            assert_eq!(bits(&found), bits(&wanted));
        };
        let cells = [0.0, -0.0, 0.1, -7.3, 1e308, -1.7e308, f64::NAN];
        let rows = cells.map(|first| cells.map(|second| [first, second]));
        for intercept in [0.0, -0.0, 0.7] {
            for weights in [
                [(2.0, 10.0), (-3.0, 100.0)],
                [(0.0, 10.0), (1e308, -0.1)],
                [(1e308, 10.0), (-1e308, 100.0)],
            ] {
                values(&of_numbers(intercept, weights), rows.as_flattened());
            }
        }
        let levels = ["a", "b"].map(|text| Level::from(text.to_owned()));
        let of_level = |encoding, coefficient| WeightedTerm {
            term: Term {
                feature: 1,
                encoding,
                if_missing: None,
            },
            coefficient,
            imputed: 0.3,
        };
        let mut expression = of_numbers(-0.0, [(0.4, 3.0), (0.0, 0.0)]);
        expression.terms.extend([
            of_level(Encoding::Level(&levels[0]), 0.1),
            of_level(Encoding::Level(&levels[1]), -0.2),
            of_level(Encoding::OtherThan(&levels), 0.7),
        ]);
        let codes = ["a", "b", "never seen"].map(level_code);
        let rows = codes.map(|code| cells.map(|cell| [cell, code]));
        values(&expression, rows.as_flattened());
        values(&expression, &[[0.5, f64::NAN], [f64::NAN, f64::NAN]]);
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn an_indicator_adds_its_coefficient_and_a_missing_level_the_shares() {
        let levels = ["a", "b"].map(|text| Level::from(text.to_owned()));
        let encodings = [
            Encoding::Level(&levels[0]),
            Encoding::Level(&levels[1]),
            Encoding::OtherThan(&levels),
        ];
        let weights = [(1.0, 0.5), (10.0, 0.25), (100.0, 0.25)];
        let terms = encodings.into_iter().zip(weights);
        let expression = LinearExpression {
            intercept: 0.5,
            terms: terms
                .map(|(encoding, (coefficient, imputed))| WeightedTerm {
                    term: Term {
                        feature: 0,
                        encoding,
                        if_missing: None,
                    },
                    coefficient,
                    imputed,
                })
                .collect(),
        };
        let value = |cell: f64| expression.value(|_| cell);
        let found = ["a", "b", "never seen"].map(|level| value(level_code(level)));
        assert_eq!(found, [1.5, 10.5, 100.5]);
        assert_eq!(value(f64::NAN), 0.5 + 0.5 + 2.5 + 25.0);
    }
}
