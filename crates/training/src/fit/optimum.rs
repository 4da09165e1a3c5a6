//! The optimum of the objective on some rows, and the fit that it gives.

use dataset::passes::{Axis, Moments, Term};
use dataset::{Selection, Table};
use model::{Design, LinearPredictor};
use ndarray::{Array1, Array2};

use super::axes::{axes, penalty, raw_predictor};
use super::error::{FitError, if_possible};
use super::newton::{Goal, minimise};
use super::objective::{Objective, Point};
use super::settings::FitSettings;

/// Maximum number of Newton steps.
///
/// Newton's method needs 5 to 10 steps on ordinary data. On separable data each step adds about 1
/// to the log-odds until the penalty stops their growth. If the penalty is lost in rounding, the
/// log-odds grow to about 745, where the loss underflows to 0.
const MAX_STEPS: u32 = 1000;

/// A fitted predictor, with figures of the objective at its optimum.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The fitted predictor.
    pub predictor: LinearPredictor,
    /// Number of labelled rows.
    pub rows: u64,
    /// Number of positive labels.
    pub positives: u64,
    /// Newton steps taken on all rows.
    pub iterations: u32,
    /// Value of the objective, penalty included.
    pub loss: f64,
    /// Euclidean norm of the objective's gradient on the standardised axes. Axes whose coefficient is 0
    /// because of the prescribed shape are left out.
    pub gradient_norm: f64,
    /// The standardised axes, one for each column of the design.
    pub(crate) axes: Vec<Axis>,
    /// Intercept and coefficients on the standardised axes.
    pub(crate) weights: Array1<f64>,
    /// Second derivatives of the objective on the standardised axes.
    pub(crate) curvature: Array2<f64>,
    /// Second derivatives of the penalty, which `curvature` includes; 0 for the intercept.
    pub(crate) penalty: Array1<f64>,
    /// Degrees of freedom that were fitted, in addition to one for each coefficient.
    pub(crate) hidden_coefficients: f64,
    /// Variances of the raw coefficients in addition to the variances of the fit. Empty if there are none.
    pub(crate) extra_variances: Vec<f64>,
}

/// The rows that are fitted.
pub(super) struct Rows<'a> {
    pub(super) design: &'a Design,
    /// The columns of the design.
    pub(super) terms: &'a [Term<'a>],
    pub(super) table: &'a Table,
    pub(super) selection: &'a Selection,
    /// Moments of the design's columns in the labelled rows.
    pub(super) moments: &'a [Moments],
}

/// Finds the optimum. Newton's method begins at `start`, or with all weights 0 if `start` is `None`
/// or does not lead to the optimum.
pub(super) fn solve(
    settings: &FitSettings,
    rows: &Rows<'_>,
    goal: Goal,
    start: impl Fn(&Objective<'_>) -> Result<Option<Point>, FitError>,
) -> Result<Fit, FitError> {
    let axes = axes(rows.moments, settings);
    let shapes = rows.design.shapes(rows.table.n_features());
    let objective = Objective {
        penalty: penalty(&axes, settings),
        terms: rows.terms,
        axes: &axes,
        shapes: &shapes,
        table: rows.table,
        selection: &rows.selection.clone().labelled(),
    };
    let begun = match start(&objective)? {
        Some(start) => if_possible(minimise(&objective, start, MAX_STEPS, goal))?,
        None => None,
    };
    let (optimum, iterations) = match begun {
        Some(reached) => reached,
        None => {
            let origin = objective.at(Array1::zeros(axes.len() + 1))?;
            origin.check_both_labels()?;
            minimise(&objective, origin, MAX_STEPS, goal)?
        }
    };
    Ok(Fit {
        predictor: raw_predictor(rows.design, &axes, &optimum.weights),
        rows: optimum.terms.rows,
        positives: optimum.terms.positives,
        iterations,
        loss: optimum.terms.loss,
        gradient_norm: optimum.gradient_norm(&shapes),
        weights: optimum.weights,
        curvature: optimum.terms.hessian,
        penalty: objective.penalty,
        hidden_coefficients: 0.0,
        extra_variances: Vec::new(),
        axes,
    })
}
