//! A logistic regression with a weight for each range of rows, for the policies of the comparison.
//!
//! The objective is that of the product: log-losses + ‖w‖² / (2C) on raw coefficients, a missing
//! value imputed by the mean. The derivatives of a range of rows are the product's own
//! ([`logistic_terms`]), so that a thousand fits take seconds. The steps, the linear equations and
//! the imputed means are this file's. A test compares the fit with the product's and with plain
//! sums over rows.

use std::ops::Range;

use dataset::passes::{Axis, LogisticPoint, Moments, Term, logistic_terms, moments};
use dataset::{Selection, Table};
use model::{Design, LinearPredictor};
use ndarray::{Array1, Array2};

/// Squared Newton decrement, relative to the objective, below which the next step is the last one.
const NEAR: f64 = 1e-9;
/// Maximum number of Newton steps, and of halvings of a step.
const MAX_STEPS: usize = 200;
const MAX_HALVINGS: i32 = 40;

/// Rows that count alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) rows: Range<usize>,
    pub(crate) weight: f64,
}

/// The settings that all fits of a stream share.
pub(crate) struct Fitter {
    design: Design,
    /// Scale of each column. It does not change the optimum.
    scales: Vec<f64>,
    c: f64,
}

/// A value of the objective with its derivatives; the intercept comes first.
struct Point {
    weights: Array1<f64>,
    loss: f64,
    gradient: Array1<f64>,
    hessian: Array2<f64>,
}

/// The rows of a fit.
struct Objective<'a> {
    terms: &'a [Term<'a>],
    axes: Vec<Axis>,
    parts: &'a [Part],
    table: &'a Table,
    c: f64,
}

impl Fitter {
    /// A fitter for rows like those of `table`.
    pub(crate) fn new(design: Design, table: &Table, c: f64) -> Self {
        let terms = design.terms(table.features.len());
        let scales = moments(&terms, table, &table.labelled());
        let scale = |column: &Moments| column.standard_deviation().filter(|scale| *scale > 0.0);
        let scales = scales.iter().map(|column| scale(column).unwrap_or(1.0));
        Self {
            scales: scales.collect(),
            design: design.clone(),
            c,
        }
    }

    /// The predictor that fits the labelled rows of `parts`. `near` is a start.
    pub(crate) fn fit(
        &self,
        table: &Table,
        parts: &[Part],
        near: &LinearPredictor,
    ) -> LinearPredictor {
        let terms = self.design.terms(table.features.len());
        let means = means(&terms, table, parts);
        let axes = means.into_iter().zip(&self.scales);
        let objective = Objective {
            terms: &terms,
            axes: axes
                .map(|(imputed, scale)| Axis {
                    scale: *scale,
                    shift: imputed / scale,
                    imputed,
                })
                .collect(),
            parts,
            table,
            c: self.c,
        };
        let origin = objective.at(Array1::zeros(terms.len() + 1));
        let near = objective.at(objective.weights_of(near));
        let start = if near.loss < origin.loss {
            near
        } else {
            origin
        };
        self.predictor(&objective.minimum(start), &objective.axes)
    }

    /// The predictor in raw units that has these weights on the axes.
    fn predictor(&self, weights: &Array1<f64>, axes: &[Axis]) -> LinearPredictor {
        let on_axes = || axes.iter().zip(weights.iter().skip(1));
        let offset: f64 = on_axes().map(|(axis, weight)| weight * axis.shift).sum();
        LinearPredictor {
            intercept: weights[0] - offset,
            coefficients: on_axes()
                .map(|(axis, weight)| weight / axis.scale)
                .collect(),
            imputed: axes.iter().map(|axis| axis.imputed).collect(),
            design: self.design.clone(),
        }
    }

    /// A predictor with all coefficients 0.
    pub(crate) fn origin(&self) -> LinearPredictor {
        LinearPredictor {
            coefficients: vec![0.0; self.scales.len()],
            imputed: vec![0.0; self.scales.len()],
            design: self.design.clone(),
            intercept: 0.0,
        }
    }
}

/// The weighted mean of each column's present values in the labelled rows; 0 if there are none.
fn means(terms: &[Term<'_>], table: &Table, parts: &[Part]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); terms.len()];
    for part in parts {
        let columns = moments(terms, table, &Selection::rows(part.rows.clone()).labelled());
        for ((sum, count), column) in sums.iter_mut().zip(&columns) {
            let weight = part.weight * column.count as f64;
            *sum += weight * column.mean().unwrap_or(0.0);
            *count += weight;
        }
    }
    let mean = |(sum, count)| if count > 0.0 { sum / count } else { 0.0 };
    sums.into_iter().map(mean).collect()
}

impl Objective<'_> {
    fn at(&self, weights: Array1<f64>) -> Point {
        let size = weights.len();
        let point = LogisticPoint {
            terms: self.terms,
            axes: &self.axes,
            weights,
        };
        let (mut loss, mut gradient) = (0.0, Array1::zeros(size));
        let mut hessian = Array2::zeros((size, size));
        for part in self.parts {
            let rows = Selection::rows(part.rows.clone()).labelled();
            let terms = logistic_terms(&point, self.table, &rows);
            loss += part.weight * terms.loss;
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

#[cfg(test)]
mod tests {
    use dataset::passes::profile;
    use training::FitSettings;

    use super::*;
    use crate::streams::Stream;
    use crate::worlds::{World, worlds};

    fn world(name: &str) -> World {
        let found = worlds().into_iter().find(|world| world.name == name);
        found.expect("a world")
    }

    fn fitter(world: &World, table: &Table) -> Fitter {
        let profile = profile(&world.schema, table, &table.all());
        Fitter::new(Design::choose(&world.schema, &profile), table, 1.0)
    }

    fn all(table: &Table, weight: f64) -> Vec<Part> {
        let rows = 0..table.rows();
        vec![Part { rows, weight }]
    }

    #[test]
    fn with_equal_weights_the_fit_is_that_of_the_product() {
        for name in ["sudden drift", "STAGGER", "Agrawal 1 to 4", "LED"] {
            let world = world(name);
            let table = Stream::draw(&world, 0).first;
            let fitter = fitter(&world, &table);
            let settings = FitSettings { c: 1.0 };
            let theirs = training::fit(&settings, &fitter.design, &table, &table.all());
            let theirs = theirs.expect("a fit").predictor;
            let ours = fitter.fit(&table, &all(&table, 1.0), &fitter.origin());
            for (our, their) in ours.coefficients.iter().zip(&theirs.coefficients) {
                let error = (our - their).abs();
                assert!(
                    error <= 1e-6 * their.abs().max(1e-3),
                    "{name}: {our} {their}"
                );
            }
        }
    }

    #[test]
    fn a_weight_of_two_counts_rows_twice_wherever_the_fit_begins() {
        let world = world("SEA");
        let Stream { first, batches, .. } = Stream::draw(&world, 0);
        let fitter = fitter(&world, &first);
        let (mut once, mut twice) = (first.clone(), first.clone());
        once.extend(&batches[0].told);
        twice.extend(&batches[0].told);
        twice.extend(&batches[0].told);
        let parts = [(0..first.rows(), 1.0), (first.rows()..once.rows(), 2.0)];
        let parts = parts.map(|(rows, weight)| Part { rows, weight });
        let by_weight = fitter.fit(&once, &parts, &fitter.origin());
        let by_rows = fitter.fit(&twice, &all(&twice, 1.0), &by_weight);
        for (one, other) in by_weight.coefficients.iter().zip(&by_rows.coefficients) {
            assert!((one - other).abs() < 1e-7, "{one} {other}");
        }
    }

    #[test]
    fn at_the_optimum_plain_sums_over_rows_are_zero() {
        let world = world("SEA");
        let table = Stream::draw(&world, 0).first;
        let fitter = fitter(&world, &table);
        let fit = fitter.fit(&table, &all(&table, 0.5), &fitter.origin());
        let mut gradient = [0.0; 4];
        for (row, label) in table.labels.iter().enumerate() {
            let values: Vec<f64> = std::iter::once(1.0).chain(table.row(row)).collect();
            let weights = [&[fit.intercept], &fit.coefficients[..]].concat();
            let terms = weights.iter().zip(&values);
            let log_odds: f64 = terms.map(|(weight, value)| weight * value).sum();
            let residual = 1.0 / (1.0 + (-log_odds).exp()) - f64::from(u8::from(label.unwrap()));
            for (sum, value) in gradient.iter_mut().zip(values) {
                *sum += 0.5 * residual * value;
            }
        }
        for (sum, coefficient) in gradient.iter_mut().skip(1).zip(&fit.coefficients) {
            *sum += coefficient;
        }
        assert!(gradient.iter().all(|sum| sum.abs() < 1e-4), "{gradient:?}");
    }
}
