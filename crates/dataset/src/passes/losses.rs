//! Log-losses of predictions, and the differences of two models' log-losses.

use super::client_sums::{ClientSums, client_sums};
use super::engine::{Chunk, Pass, run};
use super::expression::LinearExpression;
use super::log_odds::log_loss;
use super::remote::RowNumber;
use crate::table::{Selection, Table};
use common::Failure;

/// The log-losses of labelled rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSum {
    /// Number of labelled rows.
    pub rows: u64,
    /// Sum of their log-losses.
    pub sum: f64,
}

impl LossSum {
    /// The mean log-loss, at most the largest finite number; `None` without rows.
    pub fn mean(self) -> Option<f64> {
        (self.rows > 0).then(|| (self.sum / self.rows as f64).min(f64::MAX))
    }
}

impl std::iter::Sum for LossSum {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        let mut total = Self::default();
        for sums in sums {
            total.rows += sums.rows;
            total.sum += sums.sum;
        }
        total
    }
}

/// The log-losses of the labelled rows of a selection.
pub fn loss_sum(
    expression: &LinearExpression<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<LossSum, Failure> {
    let labelled = selection.clone().labelled();
    if let Some(engine) = table.engine("the sum of log-losses")? {
        let sums = engine.client_sums(&RowNumber::Loss(expression), &labelled)?;
        return Ok(LossSum {
            rows: sums.rows,
            sum: sums.sum,
        });
    }
    Ok(run(&Losses { expression }, table, &labelled))
}

struct Losses<'a> {
    expression: &'a LinearExpression<'a>,
}

impl Pass for Losses<'_> {
    type Value = LossSum;

    fn empty(&self) -> LossSum {
        LossSum::default()
    }

    fn add(&self, losses: &mut LossSum, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            if let Some(label) = chunk.table.labels[position] {
                losses.rows += 1;
                losses.sum += log_loss(self.expression.value_at(chunk.table, position), label);
            }
        }
    }

    fn merge(&self, earlier: &mut LossSum, later: LossSum) {
        *earlier = [*earlier, later].into_iter().sum();
    }
}

/// Largest absolute log-odds when two models are compared. Larger log-odds are clamped, so that the
/// squares of log-losses stay finite.
const FARTHEST_LOG_ODDS: f64 = 1e100;

/// The log-loss of the first expression minus that of the second on the labelled rows of a selection.
///
/// Log-odds are clamped to the range from `-limit` to `limit`, if there is a limit. The limit is above 0.
/// Without a limit, a single client could outweigh all others.
pub fn paired_losses(
    expressions: [&LinearExpression<'_>; 2],
    limit: Option<f64>,
    table: &Table,
    selection: &Selection,
) -> Result<ClientSums, Failure> {
    let number = RowNumber::LossDifference {
        expressions,
        limit: limit.unwrap_or(FARTHEST_LOG_ODDS),
    };
    client_sums(&number, table, selection)
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;
    use crate::passes::{Encoding, Term, WeightedTerm};

    fn times(coefficient: f64) -> LinearExpression<'static> {
        LinearExpression {
            intercept: 0.0,
            terms: vec![WeightedTerm {
                term: Term {
                    feature: 0,
                    encoding: Encoding::Number,
                    if_missing: None,
                },
                coefficient,
                imputed: 0.0,
            }],
        }
    }

    fn table() -> Table {
        let mut table = Table::new(&Schema {
            features: vec!["x".into()],
            ..Schema::default()
        });
        for (id, x, label) in [
            ("a", 1.0, Some(true)),
            ("b", -2.0, Some(true)),
            ("a", 3.0, Some(false)),
            ("c", 9.0, None),
        ] {
            table.push(id.as_bytes(), &[x], label);
        }
        table
    }

    #[test]
    fn the_log_losses_of_labelled_rows_are_summed() {
        let found = loss_sum(&times(1.0), &table(), &table().all()).unwrap();
        let wanted = log_loss(1.0, true) + log_loss(-2.0, true) + log_loss(3.0, false);
        assert_eq!(found.rows, 3);
        assert!((found.sum - wanted).abs() < 1e-15);
        assert_eq!(found.mean(), Some(found.sum / 3.0));
        assert_eq!(LossSum::default().mean(), None);
    }

    #[test]
    fn differences_are_summed_by_client_within_the_limit() {
        let [one, none] = [times(1.0), times(0.0)];
        let even = std::f64::consts::LN_2;
        let found = paired_losses([&one, &none], None, &table(), &table().all()).unwrap();
        let of_b = log_loss(-2.0, true) - even;
        let of_a = log_loss(1.0, true) + log_loss(3.0, false) - 2.0 * even;
        assert_eq!((found.rows, found.clients), (3, 2));
        for (found, wanted) in [
            (found.sum, of_a + of_b),
            (found.squares, of_a * of_a + of_b * of_b),
            (found.products, 2.0 * of_a + of_b),
            (found.squared_rows, 5.0),
        ] {
            assert!((found - wanted).abs() < 1e-14, "{found} {wanted}");
        }
        let limited = paired_losses([&one, &none], Some(0.5), &table(), &table().all()).unwrap();
        assert!(limited.sum.abs() < 1.0, "{limited:?}");
        let huge = paired_losses([&times(1e308), &none], None, &table(), &table().all()).unwrap();
        assert!(huge.squares.is_finite(), "{huge:?}");
    }
}
