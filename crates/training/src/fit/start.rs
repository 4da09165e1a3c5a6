//! Starting points of a fit. By default all weights are 0. A better guess saves passes over the rows.

use std::f64::consts::LN_2;

use dataset::passes::Axis;
use model::LinearPredictor;
use ndarray::Array1;

use super::error::{FitError, if_possible};
use super::newton::{Goal, minimise};
use super::objective::{Objective, Point};

/// Minimum number of rows for a first fit to a sample. From this number on the sample represents
/// all rows, and saving a pass over all rows is worth the cost.
const MIN_ROWS: usize = 1 << 17;
/// Maximum number of Newton steps of the fit to a sample. A sample that needs more steps does not
/// represent the other rows.
const MAX_STEPS: u32 = 20;
/// The sample takes one row in this many. That is enough for a first estimate on many rows.
const SAMPLE_ONE_IN: usize = 16;

/// The optimum of a sample of the rows, as a start. `None` if there are fewer than [`MIN_ROWS`], if the sample
/// cannot be fitted, or if all weights 0 are as good.
///
/// The sample costs about half a pass over all rows. It saves about half of the later passes.
pub(super) fn of_sample(objective: &Objective<'_>) -> Result<Option<Point>, FitError> {
    if objective.selection.rows.len() < MIN_ROWS {
        return Ok(None);
    }
    let selection = objective.selection.clone().one_in(SAMPLE_ONE_IN);
    let sample = Objective {
        // The penalty shrinks with the number of rows, so its relative weight stays the same.
        penalty: &objective.penalty / SAMPLE_ONE_IN as f64,
        selection: &selection,
        ..*objective
    };
    let origin = sample.at(Array1::zeros(objective.axes.len() + 1))?;
    if origin.check_both_labels().is_err() {
        return Ok(None);
    }
    match if_possible(minimise(&sample, origin, MAX_STEPS, Goal::Verified))? {
        Some((optimum, _)) => Ok(if_better(objective.at(optimum.weights)?)),
        None => Ok(None),
    }
}

/// Converts the intercept and the raw coefficients of a predictor to weights on axes. There must be
/// one axis per coefficient.
pub(super) fn weights(predictor: &LinearPredictor, axes: &[Axis]) -> Array1<f64> {
    let mut weights = vec![predictor.intercept];
    for (coefficient, axis) in predictor.coefficients.iter().zip(axes) {
        let weight = coefficient * axis.scale;
        weights[0] += weight * axis.shift;
        weights.push(weight);
    }
    weights.into()
}

/// The start, if its loss is lower than with all weights 0 and if both labels occur; otherwise
/// `None`.
pub(super) fn if_better(start: Point) -> Option<Point> {
    // With all weights 0 each row has a log-loss of ln 2. A loss of NaN is never below that.
    let is_better = start.terms.loss < start.terms.rows as f64 * LN_2;
    (is_better && start.check_both_labels().is_ok()).then_some(start)
}
