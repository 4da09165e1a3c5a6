//! Sums over rows. Rows of the same client are summed first, because they are not independent.

use common::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::engine::{Chunk, Pass, run};
use super::expression::LinearExpression;
use super::log_odds::log_loss;
use super::remote::{Cut, RowNumber};
use crate::parallel::sort_by;
use crate::table::{Selection, Table};

/// Spread up to this share of the sum of squares counts as a rounding error.
const ROUNDING: f64 = 1e-12;

/// Root of the mean square up to which numbers count as rounding errors.
const ROUNDED_TO_ZERO: f64 = 1e-9;

/// Sums of a number over rows. Rows of one client count together, because they are not independent.
///
/// The number is 0, a log-loss, a difference of two log-losses, or 1 for a true positive and 0 for another
/// row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientSums {
    /// Number of rows.
    pub rows: u64,
    /// Number of clients. A client in several batches counts once for each batch.
    pub clients: u64,
    /// Sum of the number over all rows.
    pub sum: f64,
    /// Σ over clients: the squared sum of the client.
    pub squares: f64,
    /// Σ over clients: the sum of the client times the number of its rows.
    pub products: f64,
    /// Σ over clients: the squared number of rows of the client.
    pub squared_rows: f64,
}

impl ClientSums {
    /// Adds the sums of other clients, or of another batch.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.clients += other.clients;
        self.sum += other.sum;
        self.squares += other.squares;
        self.products += other.products;
        self.squared_rows += other.squared_rows;
    }

    /// The sums over rows, each with its client and the number.
    pub(super) fn of_rows(mut rows: Vec<(u64, f64)>) -> Self {
        // Sorting by number too makes the last digits independent of the order of the rows.
        sort_by(&mut rows, |a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut sums = Self::default();
        for of_client in rows.chunk_by(|a, b| a.0 == b.0) {
            let sum = of_client.iter().map(|row| row.1).sum();
            sums.add_client(of_client.len() as u64, sum);
        }
        sums
    }

    /// Adds a client with this number of rows and this sum.
    pub fn add_client(&mut self, rows: u64, sum: f64) {
        let of_client = rows as f64;
        self.rows += rows;
        self.clients += 1;
        self.sum += sum;
        self.squares += sum * sum;
        self.products += sum * of_client;
        self.squared_rows += of_client * of_client;
    }

    /// The mean of the number. `None` without rows.
    pub fn mean(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.sum / self.rows as f64)
    }

    /// The standard error of [`mean`](Self::mean), from the spread of the clients: the usual standard error
    /// if each client has one row. `None` with fewer than two clients, if all numbers are 0 within
    /// rounding, or if the clients have no spread.
    pub fn standard_error(&self) -> Option<f64> {
        let (mean, clients) = (self.mean()?, self.clients as f64);
        let spread = self.squares - 2.0 * mean * self.products + mean * mean * self.squared_rows;
        let is_rounding = spread <= ROUNDING * self.squares
            || self.squares <= clients * ROUNDED_TO_ZERO * ROUNDED_TO_ZERO;
        if self.clients < 2 || is_rounding || !spread.is_finite() {
            return None;
        }
        Some((spread * clients / (clients - 1.0)).sqrt() / self.rows as f64)
    }
}

impl std::iter::Sum for ClientSums {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        let mut total = Self::default();
        sums.for_each(|it| total.merge(&it));
        total
    }
}

/// Sums of true positives over the labelled rows of a selection, without the true negatives: the number is
/// 1 for a true positive, and 0 for another row. The positive label is predicted where the log-odds are
/// above `threshold`.
pub fn true_positive_sums(
    expression: &LinearExpression<'_>,
    threshold: f64,
    table: &Table,
    selection: &Selection,
) -> Result<ClientSums, Failure> {
    let cut = Cut {
        expression,
        threshold,
    };
    client_sums(&RowNumber::TruePositive(cut), table, selection)
}

/// Sums of a number over those selected rows that have this number.
pub fn client_sums(
    number: &RowNumber<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<ClientSums, Failure> {
    let selection = match number {
        RowNumber::Zero => selection.clone(),
        _ => selection.clone().labelled(),
    };
    match table.engine("sums by client")? {
        Some(engine) => engine.client_sums(number, &selection),
        None => Ok(ClientSums::of_rows(run(
            &Numbers { number },
            table,
            &selection,
        ))),
    }
}

struct Numbers<'a> {
    number: &'a RowNumber<'a>,
}

impl RowNumber<'_> {
    /// The number of a row; `None` if the row is left out.
    fn of_row(&self, table: &Table, position: usize) -> Option<f64> {
        let label = table.labels[position];
        let log_odds = |expression: &LinearExpression<'_>| expression.value_at(table, position);
        match self {
            Self::Zero => Some(0.0),
            Self::Loss(expression) => label.map(|label| log_loss(log_odds(expression), label)),
            Self::LossDifference { expressions, limit } => {
                let label = label?;
                let [one, other] = expressions
                    .map(|expression| log_loss(log_odds(expression).clamp(-limit, *limit), label));
                Some(one - other)
            }
            Self::TruePositive(cut) => {
                let label = label?;
                let is_predicted = log_odds(cut.expression) > cut.threshold;
                (label || is_predicted).then(|| f64::from(u8::from(label && is_predicted)))
            }
        }
    }
}

impl Pass for Numbers<'_> {
    /// The client and the number of each row.
    type Value = Vec<(u64, f64)>;

    fn empty(&self) -> Self::Value {
        Vec::new()
    }

    fn add(&self, rows: &mut Self::Value, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            if let Some(number) = self.number.of_row(chunk.table, position) {
                rows.push((chunk.table.clients[position], number));
            }
        }
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        earlier.extend(later);
    }
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;
    use crate::passes::{Term, WeightedTerm};

    #[test]
    fn repeated_rows_of_a_client_do_not_lower_the_standard_error() {
        let mut alone = ClientSums::default();
        let mut twice = ClientSums::default();
        for difference in [0.3, -0.1, 0.25, 0.4, 0.05, -0.2, 0.6] {
            alone.add_client(1, difference);
            twice.add_client(2, 2.0 * difference);
        }
        // The sample standard deviation of these seven numbers is 0.28389, divided by the root of 7.
        let error = alone.standard_error().unwrap();
        assert!((error - 0.107_301_47).abs() < 1e-8, "{error}");
        assert!((twice.standard_error().unwrap() - error).abs() < 1e-14);
    }

    #[test]
    fn without_spread_there_is_no_standard_error() {
        let of = |differences: &[f64]| {
            let mut sums = ClientSums::default();
            differences.iter().for_each(|it| sums.add_client(1, *it));
            sums.standard_error()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0.5]), None);
        assert_eq!(of(&[0.1; 7]), None);
        assert_eq!(of(&[0.0; 7]), None);
        assert_eq!(of(&[1e-16, -1e-16, 2e-16]), None);
    }

    #[test]
    fn true_positives_are_summed_by_client_without_true_negatives() {
        let mut table = Table::new(&Schema {
            features: vec!["x".into()],
            ..Schema::default()
        });
        for (id, x, label) in [
            ("a", 2.0, Some(true)),
            ("a", 2.0, Some(false)),
            ("b", -2.0, Some(false)),
            ("b", -2.0, Some(true)),
            ("c", 2.0, Some(true)),
            ("c", 2.0, None),
        ] {
            table.push(id.as_bytes(), &[x], label);
        }
        let expression = LinearExpression {
            intercept: 0.0,
            terms: vec![WeightedTerm {
                term: Term::number(0),
                coefficient: 1.0,
                imputed: 0.0,
            }],
        };
        let found = true_positive_sums(&expression, 0.0, &table, &table.all()).unwrap();
        let wanted = ClientSums {
            rows: 4,
            clients: 3,
            sum: 2.0,
            squares: 2.0,
            products: 3.0,
            squared_rows: 6.0,
        };
        assert_eq!(found, wanted);
    }
}
