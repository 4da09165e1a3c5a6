//! Sums over pairs of rows of the same client: they show how far the rows of a client agree.
//!
//! Rows of one client are not independent. The variance of a sum over rows has two parts: the sum
//! of the rows' variances, and the sum of the covariances of rows of the same client. This file
//! computes the second part. It is absent if every client has one row.

use common::Failure;
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::likelihood::LogisticPoint;
use super::row::Row;
use crate::parallel::{each_in_parallel, sort_in_parallel};
use crate::passes::engine::selected_rows;
use crate::table::{Selection, Table};

/// Rows whose pairs one thread adds up at once. The sums have the same bits with any number of
/// threads.
const ROWS_AT_ONCE: usize = 4_096;

/// Sums over all ordered pairs of different rows of the same client.
///
/// For a row with the label y, the probability p and the standardised values z, the residual is
/// y − p, and the spread is √(p(1−p)).
#[derive(Clone, Debug, PartialEq)]
pub struct ClientPairs {
    /// Sum of z·zᵀ times both residuals.
    pub scores: Array2<f64>,
    /// Sum of z·zᵀ times both spreads.
    pub spreads: Array2<f64>,
    /// How far the residuals of a client agree.
    pub agreement: Agreement,
}

/// How far the residuals of a client's rows agree.
///
/// For each client, a is the sum over its pairs of the product of both residuals, and b the sum of
/// the product of both spreads. If any two rows of a client have the correlation ρ, then a is ρ·b on
/// average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Σ a over the clients.
    products: f64,
    /// Σ b.
    spreads: f64,
    /// Σ a².
    squared_products: f64,
    /// Σ a·b.
    mixed: f64,
    /// Σ b².
    squared_spreads: f64,
}

impl Agreement {
    /// The sums of one client, with the sums of its products and of its spreads.
    fn of_client(products: f64, spreads: f64) -> Self {
        Self {
            products,
            spreads,
            squared_products: products * products,
            mixed: products * spreads,
            squared_spreads: spreads * spreads,
        }
    }

    /// The agreement with these sums over the clients: Σ a, Σ b, Σ a², Σ a·b and Σ b².
    pub fn of_sums(
        [products, spreads, squared_products, mixed, squared_spreads]: [f64; 5],
    ) -> Self {
        Self {
            products,
            spreads,
            squared_products,
            mixed,
            squared_spreads,
        }
    }

    /// Adds the sums over other clients, or over later rows.
    pub fn merge(&mut self, other: &Self) {
        self.products += other.products;
        self.spreads += other.spreads;
        self.squared_products += other.squared_products;
        self.mixed += other.mixed;
        self.squared_spreads += other.squared_spreads;
    }

    /// The estimated correlation of two rows of a client, from 0 to 1.
    pub fn correlation(&self) -> f64 {
        self.bounded(self.ratio())
    }

    /// The estimated correlation plus its standard error, from 0 to 1. Few clients leave it
    /// uncertain.
    pub fn cautious_correlation(&self) -> f64 {
        let ratio = self.ratio();
        let squares =
            self.squared_products - 2.0 * ratio * self.mixed + ratio * ratio * self.squared_spreads;
        self.bounded(ratio + squares.max(0.0).sqrt() / self.spreads)
    }

    fn ratio(&self) -> f64 {
        self.products / self.spreads
    }

    /// A correlation within its bounds; 0 where the spreads are 0.
    fn bounded(&self, correlation: f64) -> f64 {
        if self.spreads > 0.0 {
            correlation.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

impl ClientPairs {
    /// The sums over zero pairs, with `size` weights.
    fn zero(size: usize) -> Self {
        Self {
            scores: Array2::zeros((size, size)),
            spreads: Array2::zeros((size, size)),
            agreement: Agreement::default(),
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.scores += &other.scores;
        self.spreads += &other.spreads;
        self.agreement.merge(&other.agreement);
        self
    }

    /// Adds the pairs of one client's rows.
    fn add_client(&mut self, rows: &[Row]) {
        let products = add_pairs(&mut self.scores, rows, |row| row.residual);
        let spreads = add_pairs(&mut self.spreads, rows, |row| row.spread);
        self.agreement
            .merge(&Agreement::of_client(products, spreads));
    }

    /// Copies the lower triangles, the only parts that were summed, to the upper ones.
    fn symmetric(mut self) -> Self {
        for matrix in [&mut self.scores, &mut self.spreads] {
            for row in 0..matrix.nrows() {
                for column in row + 1..matrix.nrows() {
                    matrix[[row, column]] = matrix[[column, row]];
                }
            }
        }
        self
    }
}

/// Adds z·zᵀ times both factors to the lower triangle of a matrix, for all pairs of rows. Returns the
/// sum of the products of the factors.
fn add_pairs(to: &mut Array2<f64>, rows: &[Row], factor: impl Fn(&Row) -> f64) -> f64 {
    let mut sum = Array1::zeros(to.nrows());
    let (mut factors, mut products) = (0.0, 0.0);
    for row in rows {
        let factor = factor(row);
        products += 2.0 * factors * factor;
        factors += factor;
        sum.scaled_add(factor, &row.z);
        // The square of the sum also has the product of each row with itself.
        add_square(to, &row.z, -factor * factor);
    }
    add_square(to, &sum, 1.0);
    products
}

/// Adds `times` · vector · vectorᵀ to the lower triangle of a matrix.
fn add_square(matrix: &mut Array2<f64>, vector: &Array1<f64>, times: f64) {
    for (row, value) in vector.iter().enumerate() {
        let scaled = times * value;
        for column in 0..=row {
            matrix[[row, column]] += scaled * vector[column];
        }
    }
}

/// The sums over pairs of labelled rows of the same client. `None` where no client has two.
///
/// Log-odds are clamped to the range from `-limit` to `limit`, as by
/// [`bounded_logistic_terms`](super::bounded_logistic_terms).
pub fn client_pairs(
    point: &LogisticPoint<'_>,
    limit: f64,
    table: &Table,
    selection: &Selection,
) -> Result<Option<ClientPairs>, Failure> {
    if let Some(engine) = table.engine("sums over pairs of rows")? {
        return engine.client_pairs(point, limit, &selection.clone().labelled());
    }
    let rows = rows_of_repeated_clients(table, selection);
    let size = point.weights.len();
    let sums = each_in_parallel(parts(&rows), |part: &[(u64, u32)]| {
        let mut pairs = ClientPairs::zero(size);
        for client in part.chunk_by(|one, other| one.0 == other.0) {
            let rows = client.iter();
            let rows = rows.map(|(_, position)| Row::at(point, limit, table, *position as usize));
            pairs.add_client(&rows.collect::<Vec<_>>());
        }
        pairs
    });
    let sum = sums.iter().fold(None, |sum: Option<ClientPairs>, part| {
        Some(match sum {
            Some(sum) => sum.merge(part),
            None => part.clone(),
        })
    });
    Ok(sum.map(ClientPairs::symmetric))
}

/// Client and position of each selected labelled row whose client has several, sorted.
pub(super) fn rows_of_repeated_clients(table: &Table, selection: &Selection) -> Vec<(u64, u32)> {
    let rows = selected_rows(table, &selection.clone().labelled());
    let mut clients: Vec<u64> = rows.iter().map(|row| table.clients[*row]).collect();
    sort_in_parallel(&mut clients);
    if clients.windows(2).all(|pair| pair[0] != pair[1]) {
        return Vec::new();
    }
    let mut all: Vec<(u64, u32)> = rows
        .iter()
        .map(|row| (table.clients[*row], *row as u32))
        .collect();
    sort_in_parallel(&mut all);
    let clients = all.chunk_by(|one, other| one.0 == other.0);
    clients
        .filter(|rows| rows.len() > 1)
        .flatten()
        .copied()
        .collect()
}

/// The rows in several parts. All rows of a client are in the same part.
pub(super) fn parts(rows: &[(u64, u32)]) -> Vec<&[(u64, u32)]> {
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for client in rows.chunk_by(|one, other| one.0 == other.0) {
        end += client.len();
        if end - start >= ROWS_AT_ONCE {
            parts.push(&rows[start..end]);
            start = end;
        }
    }
    if start < end {
        parts.push(&rows[start..end]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use common::Schema;

    use super::*;
    use crate::passes::{Axis, Term, sandwich_meat};

    fn table(clients: &[&str]) -> Table {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (row, client) in clients.iter().enumerate() {
            let x = (row as f64 * 1.7).sin();
            let label = (row % 7 != 6).then_some(row % 3 == 0);
            table.push(client.as_bytes(), &[x], label);
        }
        table
    }

    fn pairs_of(table: &Table) -> Option<ClientPairs> {
        with_point(|point| client_pairs(point, f64::MAX, table, &table.all()).unwrap())
    }

    fn with_point<T>(work: impl Fn(&LogisticPoint<'_>) -> T) -> T {
        let axis = Axis {
            scale: 2.0,
            shift: 0.1,
            imputed: 0.5,
        };
        work(&LogisticPoint {
            terms: &Term::numbers(1),
            axes: &[axis],
            weights: Array1::from(vec![0.3, -0.7]),
        })
    }

    #[test]
    fn one_labelled_row_a_client_gives_none() {
        assert_eq!(pairs_of(&table(&["a", "b", "c"])), None);
        // The seventh row has no label, so that its client has one labelled row.
        let clients = ["a", "b", "c", "d", "e", "f", "a"];
        assert_eq!(pairs_of(&table(&clients)), None);
    }

    #[test]
    fn scores_and_those_of_single_rows_add_up_to_the_scores_of_clients() {
        let clients: Vec<String> = (0..60).map(|row| (row * row % 13).to_string()).collect();
        let table = table(&clients.iter().map(String::as_str).collect::<Vec<_>>());
        let found = pairs_of(&table).unwrap();
        let own = with_point(|point| sandwich_meat(point, &table, &table.all()).unwrap());
        let mut by_client: BTreeMap<u64, Array1<f64>> = BTreeMap::new();
        for row in (0..60).filter(|row| table.labels[*row].is_some()) {
            let at = with_point(|point| Row::at(point, f64::MAX, &table, row));
            let sum = by_client.entry(table.clients[row]);
            let sum = sum.or_insert_with(|| Array1::zeros(2));
            sum.scaled_add(at.residual, &at.z);
        }
        for row in 0..2 {
            for column in 0..2 {
                let wanted: f64 = by_client.values().map(|sum| sum[row] * sum[column]).sum();
                let sum = own[[row, column]] + found.scores[[row, column]];
                assert!((sum - wanted).abs() < 1e-12, "{sum} {wanted}");
            }
        }
    }

    #[test]
    fn equal_rows_of_a_client_have_a_correlation_of_one() {
        let mut twice = table(&["a", "b", "c", "d", "e"]);
        let again = twice.clone();
        twice.extend(&again);
        let found = pairs_of(&twice).unwrap();
        let own = with_point(|point| sandwich_meat(point, &again, &again.all()).unwrap());
        let twice = 2.0 * own[[1, 1]];
        assert!((found.scores[[1, 1]] - twice).abs() < 1e-12);
        assert!(found.agreement.correlation() > 0.8);
        assert!(found.agreement.cautious_correlation() >= found.agreement.correlation());
    }

    #[test]
    fn disagreement_counts_as_no_correlation() {
        let agreement = Agreement::of_client(-3.0, 2.0);
        assert_eq!(agreement.correlation(), 0.0);
        assert_eq!(Agreement::default().cautious_correlation(), 0.0);
        let mut clients = Agreement::of_client(1.0, 4.0);
        clients.merge(&Agreement::of_client(3.0, 4.0));
        assert_eq!(clients.correlation(), 0.5);
        // Each a is 1 from its mean; √2 / 8 is the standard error.
        let cautious = clients.cautious_correlation();
        assert!((cautious - 0.5 - 2.0_f64.sqrt() / 8.0).abs() < 1e-15);
    }
}
