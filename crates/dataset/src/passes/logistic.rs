//! The terms of the logistic log-likelihood at given coefficients.
//!
//! Features enter standardised, z = x / scale − shift, so that columns of any magnitude can be
//! summed without loss. Vectors and matrices have p + 1 entries a side, the intercept first.

use std::array;

use fearless_simd::{Level, dispatch};
use ndarray::{Array1, Array2};

use super::block::{BLOCK_ROWS, Column, products};
use super::elementary::{exp_minus, ln_1p};
use super::{Chunk, Pass, Rows, run};
use crate::cell::Label;
use crate::table::{Selection, Table};

/// How one raw feature is standardised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Divides the raw value; above 0.
    pub scale: f64,
    /// Is subtracted after that.
    pub shift: f64,
    /// Raw value used for a missing one.
    pub imputed: f64,
}

impl Axis {
    /// The standardised value of a raw one.
    #[inline(always)]
    pub fn standardise(&self, raw: f64) -> f64 {
        let raw = if raw.is_nan() { self.imputed } else { raw };
        raw / self.scale - self.shift
    }
}

/// Where the terms are taken: the axes, and intercept and coefficients on them.
#[derive(Clone, Debug)]
pub struct LogisticPoint<'a> {
    /// One axis per feature.
    pub axes: &'a [Axis],
    /// Intercept first, then one coefficient per axis.
    pub weights: Array1<f64>,
}

/// Sums over labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticTerms {
    /// Rows.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Sum of the rows' log-losses.
    pub loss: f64,
    /// Its first derivatives.
    pub gradient: Array1<f64>,
    /// Its second derivatives, Zᵀdiag(p(1−p))Z.
    pub hessian: Array2<f64>,
}

/// The log-likelihood terms of the labelled rows of a selection.
pub fn logistic_terms(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> LogisticTerms {
    let terms = run(
        &Terms {
            point,
            weight: Weight::Curvature,
        },
        table,
        &selection.clone().labelled(),
    );
    terms.symmetric()
}

/// The middle part of the sandwich covariance, Zᵀdiag((y−p)²)Z.
pub fn sandwich_meat(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Array2<f64> {
    let terms = run(
        &Terms {
            point,
            weight: Weight::SquaredResidual,
        },
        table,
        &selection.clone().labelled(),
    );
    terms.symmetric().hessian
}

impl LogisticTerms {
    fn zero(size: usize) -> Self {
        Self {
            rows: 0,
            positives: 0,
            loss: 0.0,
            gradient: Array1::zeros(size),
            hessian: Array2::zeros((size, size)),
        }
    }

    /// Only the lower triangle was summed in full.
    fn symmetric(mut self) -> Self {
        let size = self.gradient.len();
        for row in 0..size {
            for column in row + 1..size {
                self.hessian[[row, column]] = self.hessian[[column, row]];
            }
        }
        self
    }
}

/// What each row's outer product is weighted with.
enum Weight {
    /// p(1−p)
    Curvature,
    /// (y−p)²
    SquaredResidual,
}

struct Terms<'a> {
    point: &'a LogisticPoint<'a>,
    weight: Weight,
}

impl Pass for Terms<'_> {
    type Value = LogisticTerms;

    fn empty(&self) -> LogisticTerms {
        LogisticTerms::zero(self.point.weights.len())
    }

    fn add(&self, terms: &mut LogisticTerms, chunk: &Chunk<'_>) {
        // Compiled once for each generation of processors, and the best one taken.
        dispatch!(Level::new(), _ => self.add_rows(terms, chunk));
    }

    fn merge(&self, earlier: &mut LogisticTerms, later: LogisticTerms) {
        earlier.rows += later.rows;
        earlier.positives += later.positives;
        earlier.loss += later.loss;
        earlier.gradient += &later.gradient;
        earlier.hessian += &later.hessian;
    }
}

impl Terms<'_> {
    #[inline(always)]
    fn add_rows(&self, terms: &mut LogisticTerms, chunk: &Chunk<'_>) {
        let mut block = Block::of_size(self.point.weights.len());
        for rows in chunk.blocks() {
            block.read(self.point, chunk.table, &rows);
            block.evaluate(&self.weight);
            block.clear_after(rows.len());
            block.add_to(terms);
            terms.rows += rows.len() as u64;
        }
    }
}

/// Columns whose products are summed together: as many sums as registers hold.
const TILE: usize = 3;

/// Some rows, column by column.
struct Block {
    /// The intercept's, which is 1, and one of standardised values per feature. Empty ones follow
    /// up to a multiple of [`TILE`].
    z: Vec<Column>,
    /// 1 or 0.
    classes: Column,
    log_odds: Column,
    /// e^−|log-odds|, in (0, 1]: nothing that is made of it overflows.
    small: Column,
    losses: Column,
    /// p − y, the derivative of the loss by the log-odds.
    residuals: Column,
    /// What the row's outer product is weighted with.
    factors: Column,
}

impl Block {
    fn of_size(size: usize) -> Self {
        let mut z = vec![Column::of(0.0); size.next_multiple_of(TILE)];
        z[0] = Column::of(1.0);
        Self {
            z,
            classes: Column::of(0.0),
            log_odds: Column::of(0.0),
            small: Column::of(0.0),
            losses: Column::of(0.0),
            residuals: Column::of(0.0),
            factors: Column::of(0.0),
        }
    }

    #[inline(always)]
    fn read(&mut self, point: &LogisticPoint<'_>, table: &Table, rows: &Rows<'_>) {
        let class = |label: Label| f64::from(u8::from(label == Some(true)));
        self.classes.fill(&table.labels, rows, class);
        self.log_odds.values_mut().fill(point.weights[0]);
        for (feature, axis) in point.axes.iter().copied().enumerate() {
            let z = &mut self.z[feature + 1];
            z.fill(&table.features[feature], rows, move |raw| {
                axis.standardise(raw)
            });
            let weight = point.weights[feature + 1];
            for (log_odds, z) in self.log_odds.values_mut().iter_mut().zip(z.values()) {
                *log_odds += weight * z;
            }
        }
    }

    /// Losses, residuals and factors of all rows.
    ///
    /// One thing after the other for all of them, so that many rows are under way at once.
    #[inline(always)]
    fn evaluate(&mut self, weight: &Weight) {
        let small = &mut self.small;
        small.map(&self.log_odds, |log_odds| exp_minus(log_odds.abs()));
        self.losses.map(small, ln_1p);
        let (log_odds, classes) = (self.log_odds.values(), self.classes.values());
        let (small, losses) = (small.values(), self.losses.values_mut());
        let residuals = self.residuals.values_mut();
        let factors = self.factors.values_mut();
        for row in 0..BLOCK_ROWS {
            let larger = 1.0 / (1.0 + small[row]);
            let smaller = small[row] * larger;
            let class = classes[row] > 0.5;
            let is_hit = class == (log_odds[row] >= 0.0);
            let miss = if is_hit { smaller } else { larger };
            residuals[row] = if class { -miss } else { miss };
            factors[row] = match weight {
                Weight::Curvature => smaller * larger,
                Weight::SquaredResidual => miss * miss,
            };
            losses[row] += if is_hit { 0.0 } else { log_odds[row].abs() };
        }
    }

    /// Empties the rows from this one on.
    #[inline(always)]
    fn clear_after(&mut self, rows: usize) {
        for column in [&mut self.losses, &mut self.residuals, &mut self.factors] {
            column.values_mut()[rows..].fill(0.0);
        }
    }

    #[inline(always)]
    fn add_to(&self, terms: &mut LogisticTerms) {
        terms.positives += self.classes.sum() as u64;
        terms.loss += self.losses.sum();
        let ones = &self.z[0];
        for first in (0..terms.gradient.len()).step_by(TILE) {
            let [sums] = products(&self.residuals, [ones], self.tile(first));
            for (gradient, sum) in terms.gradient.iter_mut().skip(first).zip(sums) {
                *gradient += sum;
            }
            for left in (0..=first).step_by(TILE) {
                let sums = products(&self.factors, self.tile(first), self.tile(left));
                add_tile(&mut terms.hessian, [first, left], &sums);
            }
        }
    }

    #[inline(always)]
    fn tile(&self, first: usize) -> [&Column; TILE] {
        array::from_fn(|column| &self.z[first + column])
    }
}

/// Adds sums to the part of a matrix that begins at a corner; what lies outside it is nothing.
#[inline(always)]
fn add_tile(matrix: &mut Array2<f64>, corner: [usize; 2], sums: &[[f64; TILE]; TILE]) {
    for (row, sums) in sums.iter().enumerate() {
        for (column, sum) in sums.iter().enumerate() {
            if let Some(entry) = matrix.get_mut([corner[0] + row, corner[1] + column]) {
                *entry += sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use common::Schema;

    fn table() -> Table {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (id, x, label) in [
            ("a", 1.0, Some(true)),
            ("b", -2.0, Some(false)),
            ("c", f64::NAN, Some(true)),
            ("d", 7.0, None),
        ] {
            table.push(id.as_bytes(), &[x], label, 0);
        }
        table
    }

    fn loss_at(weights: [f64; 2]) -> LogisticTerms {
        let axes = [Axis {
            scale: 2.0,
            shift: 0.5,
            imputed: 3.0,
        }];
        let point = LogisticPoint {
            axes: &axes,
            weights: Array1::from(weights.to_vec()),
        };
        let table = table();
        logistic_terms(&point, &table, &table.all())
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let at = [0.3, -0.7];
        let terms = loss_at(at);
        assert_eq!(terms.rows, 3);
        let step = 1e-5;
        for axis in 0..2 {
            let moved = |by: f64| {
                let mut point = at;
                point[axis] += by;
                loss_at(point)
            };
            let (up, down) = (moved(step), moved(-step));
            let slope = (up.loss - down.loss) / (2.0 * step);
            assert!((slope - terms.gradient[axis]).abs() < 1e-8);
            for other in 0..2 {
                let bend = (up.gradient[other] - down.gradient[other]) / (2.0 * step);
                assert!((bend - terms.hessian[[axis, other]]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn extreme_log_odds_stay_finite() {
        let terms = loss_at([1e300, -1e300]);
        assert!(terms.loss.is_finite());
        assert!(terms.gradient.iter().all(|value| value.is_finite()));
        assert!(terms.hessian.iter().all(|value| value.is_finite()));
    }
}
