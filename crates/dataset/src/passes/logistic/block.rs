//! The log-likelihood terms of a block of rows: the values of each row, and the sums over the rows.

use std::array;

use super::likelihood::{LogisticPoint, LogisticTerms};
use crate::cell::Label;
use crate::passes::block_rows::{BLOCK_ROWS, BlockRows};
use crate::passes::column::{Column, Sum, add_products, add_triangle};
use crate::passes::elementary::{exp_minus, ln_1p};
use crate::table::Table;

/// The kind of weight of each row's outer product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// p(1−p), for the Hessian.
    Curvature,
    /// (y−p)², for the sandwich covariance.
    SquaredResidual,
}

/// Number of columns on each side of a tile. The sums of a tile fit into the registers.
const TILE: usize = 4;

/// A block of rows, column by column.
pub(super) struct Block {
    /// The column of the intercept, which is 1, and then the standardised values of each term.
    /// Columns of 0 follow up to a multiple of [`TILE`].
    z: Vec<Column>,
    /// Labels, 1 or 0.
    classes: Column,
    log_odds: Column,
    /// e^−|log-odds|, in (0, 1], so that no value computed from it overflows.
    small: Column,
    losses: Column,
    /// p − y, the derivative of the loss with respect to the log-odds.
    residuals: Column,
    /// The weight of each row's outer product.
    factors: Column,
}

impl Block {
    pub(super) fn of_size(size: usize) -> Self {
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
    pub(super) fn read(&mut self, point: &LogisticPoint<'_>, table: &Table, rows: &BlockRows<'_>) {
        self.read_labels(table, rows);
        self.log_odds.values_mut().fill(point.weights[0]);
        for (place, (axis, term)) in point.axes.iter().copied().zip(point.terms).enumerate() {
            let z = &mut self.z[place + 1];
            term.fill(z, table, rows, move |raw| axis.standardise(raw));
            let weight = point.weights[place + 1];
            for (log_odds, z) in self.log_odds.values_mut().iter_mut().zip(z.values()) {
                *log_odds += weight * z;
            }
        }
    }

    /// Reads the labels of the rows.
    #[inline(always)]
    pub(super) fn read_labels(&mut self, table: &Table, rows: &BlockRows<'_>) {
        let class = |label: Label| f64::from(u8::from(label == Some(true)));
        self.classes.fill(&table.labels, rows, class);
    }

    /// The log-odds, row by row.
    pub(super) fn log_odds_mut(&mut self) -> &mut [f64] {
        self.log_odds.values_mut()
    }

    /// The residual and the factor of each row.
    pub(super) fn derivatives(&self) -> impl Iterator<Item = (f64, f64)> {
        let residuals = self.residuals.values().iter().copied();
        residuals.zip(self.factors.values().iter().copied())
    }

    /// Adds the number of positive labels and the losses of the rows.
    pub(super) fn add_losses(&self, terms: &mut LogisticTerms) {
        terms.positives += self.classes.sum() as u64;
        terms.loss += self.losses.sum();
    }

    /// Clamps all log-odds to the range from `-limit` to `limit`.
    #[inline(always)]
    pub(super) fn bound_log_odds(&mut self, limit: f64) {
        for log_odds in self.log_odds.values_mut() {
            *log_odds = log_odds.clamp(-limit, limit);
        }
    }

    /// Computes the losses, residuals and factors of all rows.
    ///
    /// Each step runs over all rows before the next one, so that the processor works on many rows
    /// at once.
    #[inline(always)]
    pub(super) fn evaluate(&mut self, weight: &Weight) {
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

    /// Sets losses, residuals and factors to 0 after the first `rows` rows.
    #[inline(always)]
    pub(super) fn clear_after(&mut self, rows: usize) {
        for column in [&mut self.losses, &mut self.residuals, &mut self.factors] {
            column.values_mut()[rows..].fill(0.0);
        }
    }

    /// Adds the loss, gradient and Hessian of the rows to the sums.
    #[inline(always)]
    pub(super) fn add_to(&self, sums: &mut Sums) {
        sums.positives += self.classes.sum() as u64;
        sums.loss += self.losses.sum();
        let mut tiles = sums.hessian.iter_mut();
        for (row, gradient) in sums.gradient.iter_mut().enumerate() {
            let rows = self.tile(row);
            add_products(gradient, &self.residuals, [&self.z[0]], rows);
            for (column, tile) in (0..row).zip(&mut tiles) {
                add_products(tile, &self.factors, rows, self.tile(column));
            }
            if let Some(tile) = tiles.next() {
                add_triangle(tile, &self.factors, rows);
            }
        }
    }

    #[inline(always)]
    fn tile(&self, number: usize) -> [&Column; TILE] {
        array::from_fn(|column| &self.z[number * TILE + column])
    }
}

/// The sums over the blocks of a chunk.
pub(super) struct Sums {
    pub(super) rows: u64,
    positives: u64,
    loss: f64,
    gradient: Vec<[[Sum; TILE]; 1]>,
    /// The tiles of the Hessian on and below the diagonal, row by row.
    hessian: Vec<[[Sum; TILE]; TILE]>,
}

impl Sums {
    pub(super) fn of_size(size: usize) -> Self {
        let tiles = size.div_ceil(TILE);
        Self {
            rows: 0,
            positives: 0,
            loss: 0.0,
            gradient: vec![Default::default(); tiles],
            hessian: vec![Default::default(); tiles * (tiles + 1) / 2],
        }
    }

    pub(super) fn add_to(self, terms: &mut LogisticTerms) {
        terms.rows += self.rows;
        terms.positives += self.positives;
        terms.loss += self.loss;
        let gradient = self.gradient.as_flattened().as_flattened();
        for (entry, sum) in terms.gradient.iter_mut().zip(gradient) {
            *entry += sum.total();
        }
        for row in 0..terms.gradient.len() {
            for column in 0..=row {
                let (down, across) = (row / TILE, column / TILE);
                let tile = &self.hessian[down * (down + 1) / 2 + across];
                terms.hessian[[row, column]] += tile[row % TILE][column % TILE].total();
            }
        }
    }
}
