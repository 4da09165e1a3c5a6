//! The fit: logistic regression with a penalty on the raw coefficients, solved to its optimum.
//!
//! What is minimised is the sum of the rows' log-losses + ‖w‖² / (2C), w in raw feature units and
//! the intercept free: scikit-learn's default objective. Newton's method runs on standardised
//! axes, where columns of any magnitude meet as equals; each axis carries the penalty that its
//! raw coefficient has. Missing values enter as the mean of the present ones, a missing category as
//! the shares of its levels.
//!
//! Where Newton begins decides how many passes over the rows it takes, and nothing else: a start
//! that leads nowhere is forgotten.

mod folds;
mod start;

use dataset::passes::{
    self, Axis, Design, LinearPredictor, LogisticPoint, LogisticTerms, Moments, Profile,
    logistic_terms,
};
use dataset::{Selection, Table};
use ndarray::{Array1, Array2};
use thiserror::Error;

use crate::linear::Cholesky;

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
    /// The fitted function of the raw features.
    pub predictor: LinearPredictor,
    /// Labelled rows.
    pub rows: u64,
    /// Rows of class 1 among them.
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
    /// No row has a known class.
    #[error("no row has a known class")]
    NoRows,
    /// All rows are of one class.
    #[error("all {rows} labelled rows are of class {class}")]
    OneClass {
        /// 0 or 1.
        class: u8,
        /// Rows of that class.
        rows: u64,
    },
    /// The optimum was not reached.
    #[error(
        "the fit stopped short of its optimum after {iterations} steps (loss {loss:.3e}, gradient norm {gradient_norm:.3e}): {reason}"
    )]
    NotConverged {
        /// Newton steps taken.
        iterations: u32,
        /// Objective where it stopped.
        loss: f64,
        /// Norm of the gradient there.
        gradient_norm: f64,
        /// What stopped it.
        reason: &'static str,
    },
}

/// Newton needs 5 to 10 steps on ordinary data. On separable data each step adds about 1 to the
/// log-odds until the penalty holds them; one that is lost in rounding lets them grow to about
/// 745, where the loss itself vanishes.
const MAX_STEPS: u32 = 1000;
/// Halvings after which a step is shorter than the rounding of what it is added to.
const MAX_HALVINGS: u32 = 60;
/// Share of the predicted decrease that a step has to bring (Nocedal and Wright 2006, 3.1).
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Rounding of the objective, relative to it, beneath which a change means nothing.
const ROUNDING: f64 = 1e-12;
/// The squared Newton decrement over the objective is about the square of the coefficients'
/// relative error. From here on each step is taken whole, until it no longer helps.
const NEAR: f64 = 1e-12;
/// At this one the coefficients are right to about twelve digits: nothing is left to gain.
const REACHED: f64 = 1e-24;
/// From here one more step leaves an error that no prediction shows: about its square.
const FORESEEN: f64 = 1e-10;
/// Near the optimum Newton squares its error: a step that gains less has met the rounding.
const LEAST_GAIN: f64 = 0.25;
/// A loss per row that only features reach which separate the classes.
const SEPARATED: f64 = 1e-6;

/// Fits the labelled rows of a selection, whose features a design makes columns of.
pub fn fit(
    settings: &FitSettings,
    design: &Design,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    fit_measured(settings, design, None, table, selection)
}

/// [`fit`], where the profile of the labelled rows of the selection is known already: it spares a
/// pass where all features are numbers.
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

/// The fit of a model that is kept; a pass over the labelled rows finds the moments of the columns
/// of the design where they are not known.
fn fit_measured(
    settings: &FitSettings,
    design: &Design,
    known: Option<Vec<Moments>>,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let measured = || passes::moments(design, table, &selection.clone().labelled());
    let rows = Rows {
        design,
        table,
        selection,
        moments: &known.unwrap_or_else(measured),
    };
    solve(settings, &rows, Goal::Evaluated, start::of_few_rows)
}

/// The rows that are fitted.
struct Rows<'a> {
    design: &'a Design,
    table: &'a Table,
    selection: &'a Selection,
    /// Of the columns of the design, in the labelled ones.
    moments: &'a [Moments],
}

/// How sure the minimum has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// The objective was evaluated there, and no step is left that gains anything.
    Evaluated,
    /// The last step leads there: once the error is small, Newton squares it. It spares the pass
    /// that would only say so.
    Foreseen,
}

fn solve(
    settings: &FitSettings,
    rows: &Rows<'_>,
    goal: Goal,
    start: impl Fn(&Objective<'_>) -> Option<Point>,
) -> Result<Fit, FitError> {
    let axes = axes(rows.moments, settings);
    let objective = Objective {
        penalty: penalty(&axes, settings),
        design: rows.design,
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

fn axes(moments: &[Moments], settings: &FitSettings) -> Vec<Axis> {
    moments
        .iter()
        .map(|column| axis(column, settings))
        .collect()
}

/// The scale is a power of two, so that dividing by it loses no digit.
fn axis(column: &Moments, settings: &FitSettings) -> Axis {
    let (Some(mean), Some(minimum)) = (column.mean(), column.minimum()) else {
        // Nothing is known of an empty column: 0 stands in for every value of it.
        return Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: 0.0,
        };
    };
    if column.maximum() == Some(minimum) {
        return Axis {
            scale: 1.0,
            shift: minimum,
            imputed: minimum,
        };
    }
    // Below this spread the penalty rules the coefficient; a smaller scale would only blow it up.
    let ruled_by_penalty = 1.0 / (settings.c.sqrt() * (column.count as f64).sqrt());
    let spread = column.standard_deviation().unwrap_or(0.0);
    let scale = power_of_two_below(spread.max(ruled_by_penalty));
    Axis {
        scale,
        shift: mean / scale,
        imputed: mean,
    }
}

/// The largest power of two that is not above a normal positive number.
fn power_of_two_below(number: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    f64::from_bits(number.to_bits() & EXPONENT)
}

/// Second derivative of the penalty by each weight; 0 where the raw unit is beyond measure.
fn penalty(axes: &[Axis], settings: &FitSettings) -> Array1<f64> {
    let of_axis = |axis: &Axis| (1.0 / (axis.scale * settings.c.sqrt())).powi(2);
    std::iter::once(0.0)
        .chain(axes.iter().map(of_axis))
        .collect()
}

/// What is minimised.
struct Objective<'a> {
    penalty: Array1<f64>,
    design: &'a Design,
    axes: &'a [Axis],
    table: &'a Table,
    selection: &'a Selection,
}

/// A point and the objective's terms there, penalty included.
#[derive(Clone)]
struct Point {
    weights: Array1<f64>,
    terms: LogisticTerms,
}

impl Objective<'_> {
    fn at(&self, weights: Array1<f64>) -> Point {
        let point = LogisticPoint {
            design: self.design,
            axes: self.axes,
            weights,
        };
        let terms = logistic_terms(&point, self.table, self.selection);
        Point::penalised(point.weights, terms, &self.penalty)
    }
}

impl Point {
    /// With the penalty added to the rows' terms.
    fn penalised(weights: Array1<f64>, mut terms: LogisticTerms, penalty: &Array1<f64>) -> Self {
        let pull = penalty * &weights;
        terms.loss += pull.dot(&weights) / 2.0;
        terms.gradient += &pull;
        let mut diagonal = terms.hessian.diag_mut();
        diagonal += penalty;
        Self { weights, terms }
    }

    /// A fit needs rows of both.
    fn both_classes(&self) -> Result<(), FitError> {
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

    fn gradient_norm(&self) -> f64 {
        self.terms.gradient.dot(&self.terms.gradient).sqrt()
    }

    /// The way to the minimum of the quadratic that touches the objective here.
    fn newton_direction(&self) -> Option<Array1<f64>> {
        let factor = Cholesky::of(&self.terms.hessian)?;
        Some(-factor.solve(&self.terms.gradient))
    }

    fn not_converged(&self, iterations: u32, reason: &'static str) -> FitError {
        FitError::NotConverged {
            iterations,
            loss: self.terms.loss,
            gradient_norm: self.gradient_norm(),
            reason,
        }
    }
}

fn minimise(
    objective: &Objective<'_>,
    origin: Point,
    max_steps: u32,
    goal: Goal,
) -> Result<(Point, u32), FitError> {
    let mut here = origin;
    let mut last: Option<(Point, f64)> = None;
    for steps in 0..=max_steps {
        if here.gradient_norm() == 0.0 {
            return Ok((here, steps));
        }
        let Some(direction) = here.newton_direction() else {
            return Err(here.not_converged(steps, "its curvature is not finite"));
        };
        let decrement = -here.terms.gradient.dot(&direction);
        let loss = here.terms.loss;
        if decrement <= REACHED * loss {
            return Ok((here, steps));
        }
        if let Some((before, decrement_before)) = last
            && decrement_before <= NEAR * loss
            && decrement > LEAST_GAIN * decrement_before
        {
            return Ok(if decrement < decrement_before {
                (here, steps)
            } else {
                (before, steps - 1)
            });
        }
        if goal == Goal::Foreseen && decrement <= FORESEEN * loss {
            here.weights += &direction;
            return Ok((here, steps + 1));
        }
        if steps == max_steps {
            break;
        }
        match step(objective, &here, &direction, decrement) {
            Some(next) => last = Some((std::mem::replace(&mut here, next), decrement)),
            None if decrement <= NEAR * loss => return Ok((here, steps)),
            None => return Err(here.not_converged(steps, "no step lowers the loss")),
        }
    }
    let reason = if here.terms.loss < SEPARATED * here.terms.rows as f64 {
        "the features tell the classes apart without error, and the penalty is too weak in their units to hold the coefficients"
    } else {
        "it needs more steps than are allowed"
    };
    Err(here.not_converged(max_steps, reason))
}

/// A point on the way, halving it each time, that lowers the objective enough.
///
/// Where the whole way is too long, halving goes on while it helps: the first point that is low
/// enough may lie on the far slope of a valley, from where the next step comes back.
fn step(
    objective: &Objective<'_>,
    here: &Point,
    direction: &Array1<f64>,
    decrement: f64,
) -> Option<Point> {
    let mut best: Option<Point> = None;
    let mut length = 1.0;
    for _ in 0..MAX_HALVINGS {
        let next = objective.at(&here.weights + &(direction * length));
        let enough = here.terms.loss * (1.0 + ROUNDING) - SUFFICIENT_DECREASE * length * decrement;
        match best {
            Some(best) if next.terms.loss >= best.terms.loss => return Some(best),
            Some(_) => best = Some(next),
            None if next.terms.loss <= enough => {
                if length == 1.0 {
                    return Some(next);
                }
                best = Some(next);
            }
            None => {}
        }
        length /= 2.0;
    }
    best
}

fn raw_predictor(design: &Design, axes: &[Axis], weights: &Array1<f64>) -> LinearPredictor {
    let on_axes = || axes.iter().zip(weights.iter().skip(1));
    let offset: f64 = on_axes().map(|(axis, weight)| weight * axis.shift).sum();
    LinearPredictor {
        // Adding 0 turns a negative zero into the ordinary one.
        intercept: weights[0] - offset + 0.0,
        coefficients: on_axes()
            .map(|(axis, weight)| weight / axis.scale + 0.0)
            .collect(),
        imputed: axes.iter().map(|axis| axis.imputed).collect(),
        design: design.clone(),
    }
}

#[cfg(test)]
mod category_tests;
#[cfg(test)]
pub(crate) mod tests;
