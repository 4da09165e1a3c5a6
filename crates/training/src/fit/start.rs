//! Where a fit begins, other than with no weight at all.
//!
//! Each start is a guess: it is taken where it is better than no weight, and `None` stands for
//! one that is not.

use std::f64::consts::LN_2;

use dataset::FEW;
use dataset::passes::Axis;
use model::LinearPredictor;
use ndarray::Array1;

use super::{Goal, Objective, Point, minimise};

/// Minimum rows for a first fit to a few of them: the few then represent the others, and a pass over
/// all rows takes long enough to be worth saving.
const MANY_ROWS: usize = 1 << 17;
/// Maximum steps of the fit to a few rows: one that takes more says nothing about the others.
const FEW_STEPS: u32 = 20;

/// The optimum of a few of many rows.
///
/// It costs about half a pass over all rows, and saves about half of the passes that follow.
pub(super) fn of_few_rows(objective: &Objective<'_>) -> Option<Point> {
    if objective.selection.rows.len() < MANY_ROWS {
        return None;
    }
    let selection = objective.selection.clone().few();
    let few = Objective {
        // As strong for a few rows as it is for all.
        penalty: &objective.penalty / FEW as f64,
        selection: &selection,
        ..*objective
    };
    let origin = few.at(Array1::zeros(objective.axes.len() + 1));
    origin.both_classes().ok()?;
    let (optimum, _) = minimise(&few, origin, FEW_STEPS, Goal::Evaluated).ok()?;
    if_better(objective.at(optimum.weights))
}

/// Intercept and coefficients of a predictor of raw values on as many axes.
pub(super) fn weights(predictor: &LinearPredictor, axes: &[Axis]) -> Array1<f64> {
    let mut weights = vec![predictor.intercept];
    for (coefficient, axis) in predictor.coefficients.iter().zip(axes) {
        let weight = coefficient * axis.scale;
        weights[0] += weight * axis.shift;
        weights.push(weight);
    }
    weights.into()
}

/// A point, where it is better than no weight.
pub(super) fn if_better(start: Point) -> Option<Point> {
    // What each row costs without any weight; a loss that is no number is not below it.
    let is_better = start.terms.loss < start.terms.rows as f64 * LN_2;
    (is_better && start.both_classes().is_ok()).then_some(start)
}
