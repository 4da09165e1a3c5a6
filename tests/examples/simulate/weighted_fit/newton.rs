//! Newton's method on the objective of a weighted fit.

use std::f64::consts::LN_2;

use dataset::passes::{Axis, LogisticPoint, Term, logistic_terms};
use dataset::{Selection, Table};
use model::LinearPredictor;
use ndarray::{Array1, Array2};

use super::Part;

/// Squared Newton decrement, relative to the objective, below which the next step is the last one.
const NEAR: f64 = 1e-9;
/// Maximum number of Newton steps, and of halvings of a step.
const MAX_STEPS: usize = 200;
const MAX_HALVINGS: i32 = 40;

/// A value of the objective with its derivatives; the intercept comes first.
struct Point {
    weights: Array1<f64>,
    loss: f64,
    /// The objective with all weights 0.
    loss_at_origin: f64,
    gradient: Array1<f64>,
    hessian: Array2<f64>,
}

/// The rows of a fit.
pub(super) struct Objective<'a> {
    pub(super) terms: &'a [Term<'a>],
    pub(super) axes: Vec<Axis>,
    pub(super) parts: &'a [Part],
    pub(super) table: &'a Table,
    pub(super) c: f64,
}

impl Objective<'_> {
    /// The weights at the minimum. `near` is a start; with all weights 0 the objective may be lower.
    pub(super) fn minimum_near(&self, near: &LinearPredictor) -> Array1<f64> {
        let near = self.at(self.weights_of(near));
        self.minimum(if near.loss < near.loss_at_origin {
            near
        } else {
            self.at(Array1::zeros(self.terms.len() + 1))
        })
    }

    fn at(&self, weights: Array1<f64>) -> Point {
        let size = weights.len();
        let point = LogisticPoint {
            terms: self.terms,
            axes: &self.axes,
            weights,
        };
        let (mut loss, mut loss_at_origin) = (0.0, 0.0);
        let mut gradient = Array1::zeros(size);
        let mut hessian = Array2::zeros((size, size));
        for part in self.parts {
            let rows = Selection::rows(part.rows.clone()).labelled();
            let terms = logistic_terms(&point, self.table, &rows).expect("the rows are in memory");
            loss += part.weight * terms.loss;
            loss_at_origin += part.weight * terms.rows as f64 * LN_2;
            gradient.scaled_add(part.weight, &terms.gradient);
            hessian.scaled_add(part.weight, &terms.hessian);
        }
        for (column, axis) in self.axes.iter().enumerate() {
            let penalty = 1.0 / (self.c * axis.scale * axis.scale);
            let weight = point.weights[column + 1];
            loss += penalty * weight * weight / 2.0;
            gradient[column + 1] += penalty * weight;
            hessian[[column + 1, column + 1]] += penalty;
        }
        Point {
            weights: point.weights,
            loss,
            loss_at_origin,
            gradient,
            hessian,
        }
    }

    /// The weights on the axes that a predictor has.
    fn weights_of(&self, predictor: &LinearPredictor) -> Array1<f64> {
        let mut weights = vec![predictor.intercept];
        for (coefficient, axis) in predictor.coefficients.iter().zip(&self.axes) {
            weights[0] += coefficient * axis.scale * axis.shift;
            weights.push(coefficient * axis.scale);
        }
        weights.into()
    }

    /// The weights at the minimum, by Newton's method with step halving.
    fn minimum(&self, start: Point) -> Array1<f64> {
        let mut here = start;
        for _ in 0..MAX_STEPS {
            let direction = solved(here.hessian.clone(), here.gradient.clone());
            let decrement = here.gradient.dot(&direction);
            if decrement <= NEAR * here.loss {
                return here.weights - direction;
            }
            let shorter = (0..MAX_HALVINGS)
                .map(|halvings| self.at(&here.weights - &(&direction * 0.5_f64.powi(halvings))))
                .find(|point| point.loss < here.loss);
            match shorter {
                Some(next) => here = next,
                None => break,
            }
        }
        here.weights
    }
}

/// Solves a linear system with a positive definite matrix, by elimination.
fn solved(mut matrix: Array2<f64>, mut right: Array1<f64>) -> Array1<f64> {
    let size = right.len();
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = matrix[[row, pivot]] / matrix[[pivot, pivot]];
            for column in pivot..size {
                matrix[[row, column]] -= factor * matrix[[pivot, column]];
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size)
            .map(|column| matrix[[row, column]] * right[column])
            .sum();
        right[row] = (right[row] - known) / matrix[[row, row]];
    }
    right
}
