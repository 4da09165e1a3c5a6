//! The objective of a fit, and its value and derivatives at a point.

use common::schema::EffectShape;
use dataset::passes::{Axis, LogisticPoint, LogisticTerms, Term, logistic_terms};
use dataset::{Selection, Table};
use ndarray::Array1;

use super::direction::{Approximation, is_held_at_bound};
use super::error::FitError;

/// The objective of a fit: the log-losses of the labelled rows plus the penalty.
pub(super) struct Objective<'a> {
    pub(super) penalty: Array1<f64>,
    pub(super) terms: &'a [Term<'a>],
    pub(super) axes: &'a [Axis],
    /// The shape that each term's part of the log-odds must have.
    pub(super) shapes: &'a [EffectShape],
    pub(super) table: &'a Table,
    pub(super) selection: &'a Selection,
}

/// Weights on the axes, with the value and derivatives of the objective at these weights. The
/// penalty is included.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) weights: Array1<f64>,
    pub(super) terms: LogisticTerms,
}

impl Objective<'_> {
    pub(super) fn at(&self, weights: Array1<f64>) -> Result<Point, FitError> {
        let point = LogisticPoint {
            terms: self.terms,
            axes: self.axes,
            weights,
        };
        let terms = logistic_terms(&point, self.table, self.selection)?;
        Ok(Point::penalised(point.weights, terms, &self.penalty))
    }
}

impl Point {
    /// The point with these weights. `terms` has the sums over the rows; the penalty is added to
    /// them.
    pub(super) fn penalised(
        weights: Array1<f64>,
        mut terms: LogisticTerms,
        penalty: &Array1<f64>,
    ) -> Self {
        let penalty_gradient = penalty * &weights;
        terms.loss += penalty_gradient.dot(&weights) / 2.0;
        terms.gradient += &penalty_gradient;
        let mut diagonal = terms.hessian.diag_mut();
        diagonal += penalty;
        Self { weights, terms }
    }

    /// An error unless the rows have both labels, because a fit needs both.
    pub(super) fn check_both_labels(&self) -> Result<(), FitError> {
        let LogisticTerms {
            rows, positives, ..
        } = self.terms;
        match positives {
            _ if rows == 0 => Err(FitError::NoRows),
            0 => Err(FitError::OneLabel { label: 0, rows }),
            all if all == rows => Err(FitError::OneLabel { label: 1, rows }),
            _ => Ok(()),
        }
    }

    /// Euclidean norm of the gradient. A weight that its shape holds at 0 does not count.
    pub(super) fn gradient_norm(&self, shapes: &[EffectShape]) -> f64 {
        let mut free = self.terms.gradient.clone();
        for (place, shape) in shapes.iter().enumerate() {
            if is_held_at_bound(*shape, self.weights[place + 1], free[place + 1]) {
                free[place + 1] = 0.0;
            }
        }
        free.dot(&free).sqrt()
    }

    /// The Newton direction: from this point to the minimum of the second-order approximation of
    /// the objective, among the weights that the shapes allow. `None` if the curvature is not
    /// finite, or if the minimum is not found.
    pub(super) fn newton_direction(&self, shapes: &[EffectShape]) -> Option<Array1<f64>> {
        let approximation = Approximation {
            weights: &self.weights,
            gradient: &self.terms.gradient,
            hessian: &self.terms.hessian,
            shapes,
        };
        approximation.direction()
    }
}
