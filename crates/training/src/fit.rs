//! The fit of a logistic regression with a penalty on the raw coefficients, solved to its optimum.
//!
//! The objective is the sum of the rows' log-losses + ‖w‖² / (2C). The coefficients w are in raw
//! feature units, and the intercept is not penalised. This is scikit-learn's default objective.
//! Newton's method runs on standardised axes, so that the magnitude of a column does not matter.
//! The penalty of an axis is that of its raw coefficient. A missing number is imputed by the mean
//! of the present ones, a missing level by the shares of the levels.
//!
//! The start of Newton's method affects only the number of passes over the rows. If Newton's method
//! fails from a start, it begins again with all weights 0.

mod axes;
mod folds;
mod newton;
mod objective;
mod start;

use dataset::passes::{self, Axis, Moments, Profile, Term};
use dataset::{Selection, Table};
use model::{Design, LinearPredictor};
use ndarray::{Array1, Array2};
use thiserror::Error;

use self::axes::{axes, penalty, raw_predictor};
use self::newton::{Goal, minimise};
use self::objective::{Objective, Point};

pub use folds::OutOfFold;

/// Settings of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitSettings {
    /// Inverse strength of the penalty; finite and above 0.
    pub c: f64,
}

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
    /// Euclidean norm of the objective's gradient on the standardised axes.
    pub gradient_norm: f64,
    /// The standardised axes, one for each column of the design.
    pub(crate) axes: Vec<Axis>,
    /// Intercept and coefficients on the standardised axes.
    pub(crate) weights: Array1<f64>,
    /// Second derivatives of the objective on the standardised axes.
    pub(crate) curvature: Array2<f64>,
    /// Second derivatives of the penalty, which are a part of those; 0 for the intercept.
    pub(crate) penalty: Array1<f64>,
}

/// The reason why a fit failed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// No row has a label.
    #[error("no row has a known class")]
    NoRows,
    /// All labels are equal.
    #[error("all {rows} labelled rows are of class {class}")]
    OneClass {
        /// The only label, 0 or 1.
        class: u8,
        /// Labelled rows.
        rows: u64,
    },
    /// The optimum was not reached.
    #[error(
        "the fit stopped short of its optimum after {iterations} steps (loss {loss:.3e}, gradient norm {gradient_norm:.3e}): {reason}"
    )]
    NotConverged {
        /// Newton steps taken.
        iterations: u32,
        /// Value of the objective where the fit stopped.
        loss: f64,
        /// Norm of the gradient where the fit stopped.
        gradient_norm: f64,
        /// Why the fit stopped.
        reason: &'static str,
    },
}

/// Maximum number of Newton steps.
///
/// Newton's method needs 5 to 10 steps on ordinary data. On separable data each step adds about 1
/// to the log-odds until the penalty stops their growth. If the penalty is lost in rounding, the
/// log-odds grow to about 745, where the loss underflows to 0.
const MAX_STEPS: u32 = 1000;

/// Fits the labelled rows of a selection, on the columns of a design.
pub fn fit(
    settings: &FitSettings,
    design: &Design,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    fit_measured(settings, design, None, table, selection)
}

/// [`fit`] with a known profile of the selection's labelled rows. The profile saves a pass over the
/// rows if all features are numbers.
pub(crate) fn fit_profiled(
    settings: &FitSettings,
    design: &Design,
    profile: &Profile,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let features = profile.columns.iter().take(table.features.len());
    let known: Option<Vec<Moments>> = features.map(|column| column.moments().copied()).collect();
    fit_measured(settings, design, known, table, selection)
}

/// The fit of a model that is kept. `known` has the moments of the design's columns. If it is
/// `None`, a pass over the labelled rows computes them.
fn fit_measured(
    settings: &FitSettings,
    design: &Design,
    known: Option<Vec<Moments>>,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let terms = design.terms(table.features.len());
    let measured = || passes::moments(&terms, table, &selection.clone().labelled());
    let rows = Rows {
        design,
        terms: &terms,
        table,
        selection,
        moments: &known.unwrap_or_else(measured),
    };
    solve(settings, &rows, Goal::Evaluated, start::of_few_rows)
}

/// The rows that are fitted.
struct Rows<'a> {
    design: &'a Design,
    /// The columns of the design.
    terms: &'a [Term<'a>],
    table: &'a Table,
    selection: &'a Selection,
    /// Moments of the design's columns in the labelled rows.
    moments: &'a [Moments],
}

/// Finds the optimum. Newton's method begins at `start`, or with all weights 0 if `start` is `None`
/// or does not lead to the optimum.
fn solve(
    settings: &FitSettings,
    rows: &Rows<'_>,
    goal: Goal,
    start: impl Fn(&Objective<'_>) -> Option<Point>,
) -> Result<Fit, FitError> {
    let axes = axes(rows.moments, settings);
    let objective = Objective {
        penalty: penalty(&axes, settings),
        terms: rows.terms,
        axes: &axes,
        table: rows.table,
        selection: &rows.selection.clone().labelled(),
    };
    let begun =
        start(&objective).and_then(|start| minimise(&objective, start, MAX_STEPS, goal).ok());
    let (optimum, iterations) = match begun {
        Some(reached) => reached,
        None => {
            let origin = objective.at(Array1::zeros(axes.len() + 1));
            origin.both_classes()?;
            minimise(&objective, origin, MAX_STEPS, goal)?
        }
    };
    Ok(Fit {
        predictor: raw_predictor(rows.design, &axes, &optimum.weights),
        rows: optimum.terms.rows,
        positives: optimum.terms.positives,
        iterations,
        loss: optimum.terms.loss,
        gradient_norm: optimum.gradient_norm(),
        weights: optimum.weights,
        curvature: optimum.terms.hessian,
        penalty: objective.penalty,
        axes,
    })
}

#[cfg(test)]
pub(crate) mod tests;
