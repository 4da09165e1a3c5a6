//! The fit: logistic regression with a penalty on the raw coefficients, solved to its optimum.
//!
//! What is minimised is the sum of the rows' log-losses + ‖w‖² / (2C), w in raw feature units and
//! the intercept free: scikit-learn's default objective. Newton's method runs on standardised
//! axes, where columns of any magnitude meet as equals; each axis carries the penalty that its
//! raw coefficient has. A missing value enters as the mean of the present ones, a missing level as
//! the shares of the levels.
//!
//! The start of Newton's method decides only how many passes over the rows it takes. A start that
//! leads nowhere is dropped.

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

/// How a model is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitSettings {
    /// Inverse strength of the penalty; finite and above 0.
    pub c: f64,
}

/// The optimum, and what was found there.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The fitted predictor.
    pub predictor: LinearPredictor,
    /// Labelled rows.
    pub rows: u64,
    /// Positive labels among them.
    pub positives: u64,
    /// Newton steps taken on all rows.
    pub iterations: u32,
    /// Value of the objective, penalty included.
    pub loss: f64,
    /// Euclidean norm of the objective's gradient on the standardised axes.
    pub gradient_norm: f64,
    /// How the features were standardised.
    pub(crate) axes: Vec<Axis>,
    /// Intercept and coefficients on those axes.
    pub(crate) weights: Array1<f64>,
    /// Second derivatives of the objective on those axes.
    pub(crate) curvature: Array2<f64>,
}

/// Why there is no fit.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// No row has a label.
    #[error("no row has a known class")]
    NoRows,
    /// All labels are equal.
    #[error("all {rows} labelled rows are of class {class}")]
    OneClass {
        /// 0 or 1.
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
        /// Norm of the gradient there.
        gradient_norm: f64,
        /// Why the fit stopped.
        reason: &'static str,
    },
}

/// Newton needs 5 to 10 steps on ordinary data. On separable data each step adds about 1 to the
/// log-odds until the penalty holds them; one that is lost in rounding lets them grow to about
/// 745, where the loss itself vanishes.
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

/// [`fit`] with a known profile of the selection's labelled rows. It saves a pass if all features are
/// numbers.
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

/// The fit of a model that is kept. If the moments of the design's columns are not known, a pass over
/// the labelled rows finds them.
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
    /// Of the columns of the design, in the labelled ones.
    moments: &'a [Moments],
}

/// Finds the optimum, from a start if one helps.
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
        axes,
    })
}

#[cfg(test)]
pub(crate) mod tests;
