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

/// A point: weights on the axes, and the terms of the objective at these weights, penalty included.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) weights: Array1<f64>,
    pub(super) terms: LogisticTerms,
}

impl Objective<'_> {
    pub(super) fn at(&self, weights: Array1<f64>) -> Point {
        let point = LogisticPoint {
            terms: self.terms,
            axes: self.axes,
            weights,
        };
        let terms = logistic_terms(&point, self.table, self.selection);
        Point::penalised(point.weights, terms, &self.penalty)
    }
}

impl Point {
    /// The point with these weights. The penalty is added to the terms of the rows.
    pub(super) fn penalised(
        weights: Array1<f64>,
        mut terms: LogisticTerms,
        penalty: &Array1<f64>,
    ) -> Self {
        let pull = penalty * &weights;
        terms.loss += pull.dot(&weights) / 2.0;
        terms.gradient += &pull;
        let mut diagonal = terms.hessian.diag_mut();
        diagonal += penalty;
        Self { weights, terms }
    }

    /// An error unless both labels occur: a fit needs rows of both.
    pub(super) fn both_classes(&self) -> Result<(), FitError> {
        let LogisticTerms {
            rows, positives, ..
        } = self.terms;
        match positives {
            _ if rows == 0 => Err(FitError::NoRows),
            0 => Err(FitError::OneClass { class: 0, rows }),
            all if all == rows => Err(FitError::OneClass { class: 1, rows }),
            _ => Ok(()),
        }
    }

    /// Euclidean norm of the gradient, without the weights that their shape holds at 0.
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
    /// the objective, where the weights have these shapes. `None` if the curvature is not finite.
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
