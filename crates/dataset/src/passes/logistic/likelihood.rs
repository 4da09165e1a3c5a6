//! The values around a log-likelihood: the point, the axes and the sums.

use ndarray::{Array1, Array2};

use crate::passes::term::Term;

/// The standardisation of one term's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Divisor of the raw value; above 0.
    pub scale: f64,
    /// Subtrahend after the division.
    pub shift: f64,
    /// Raw value that is imputed for a missing one.
    pub imputed: f64,
}

impl Axis {
    /// The standardised value of a raw value, which may be missing (NaN).
    #[inline(always)]
    pub fn standardise(&self, raw: f64) -> f64 {
        let raw = if raw.is_nan() { self.imputed } else { raw };
        raw / self.scale - self.shift
    }
}

/// The point at which the likelihood is evaluated: intercept and coefficients on axes.
#[derive(Clone, Debug)]
pub struct LogisticPoint<'a> {
    /// The terms of a row.
    pub terms: &'a [Term<'a>],
    /// One axis per term.
    pub axes: &'a [Axis],
    /// The intercept, then one coefficient per axis.
    pub weights: Array1<f64>,
}

/// The log-likelihood terms: sums over labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticTerms {
    /// Number of rows.
    pub rows: u64,
    /// Number of positive labels.
    pub positives: u64,
    /// Sum of the rows' log-losses.
    pub loss: f64,
    /// First derivatives of the loss.
    pub gradient: Array1<f64>,
    /// Second derivatives of the loss, Zᵀdiag(p(1−p))Z.
    pub hessian: Array2<f64>,
}

impl LogisticTerms {
    /// The terms of zero rows, with `size` weights.
    pub fn zero(size: usize) -> Self {
        Self {
            rows: 0,
            positives: 0,
            loss: 0.0,
            gradient: Array1::zeros(size),
            hessian: Array2::zeros((size, size)),
        }
    }

    /// Adds the sums over other rows at the same point.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.positives += other.positives;
        self.loss += other.loss;
        self.gradient += &other.gradient;
        self.hessian += &other.hessian;
    }

    /// Copies the lower triangle of the Hessian, the only part that was summed, to the upper one.
    pub(super) fn symmetric(mut self) -> Self {
        let size = self.gradient.len();
        for row in 0..size {
            for column in row + 1..size {
                self.hessian[[row, column]] = self.hessian[[column, row]];
            }
        }
        self
    }
}
