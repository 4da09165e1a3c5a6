//! Newton's method: from a point to the minimum, in steps that each lower the objective.

use ndarray::Array1;

use super::FitError;
use super::objective::{Objective, Point};

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
const MIN_GAIN: f64 = 0.25;
/// A loss per row that only features reach which separate the classes.
const SEPARATED: f64 = 1e-6;

/// How sure the minimum has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The objective was evaluated there, and no step is left that gains anything.
    Evaluated,
    /// The last step leads there: once the error is small, Newton squares it. It spares the pass
    /// that would only say so.
    Foreseen,
}

/// The minimum, and the steps that led there from the origin.
pub(super) fn minimise(
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
            return Err(not_converged(&here, steps, "its curvature is not finite"));
        };
        let decrement = -here.terms.gradient.dot(&direction);
        let loss = here.terms.loss;
        if decrement <= REACHED * loss {
            return Ok((here, steps));
        }
        if let Some((before, decrement_before)) = last
            && decrement_before <= NEAR * loss
            && decrement > MIN_GAIN * decrement_before
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
            None => return Err(not_converged(&here, steps, "no step lowers the loss")),
        }
    }
    let reason = if here.terms.loss < SEPARATED * here.terms.rows as f64 {
        "the features tell the classes apart without error, and the penalty is too weak in their units to hold the coefficients"
    } else {
        "it needs more steps than are allowed"
    };
    Err(not_converged(&here, max_steps, reason))
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

fn not_converged(here: &Point, iterations: u32, reason: &'static str) -> FitError {
    FitError::NotConverged {
        iterations,
        loss: here.terms.loss,
        gradient_norm: here.gradient_norm(),
        reason,
    }
}
