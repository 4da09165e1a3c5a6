//! Newton's method with step halving: every step lowers the objective until its minimum is reached.

use ndarray::Array1;

use super::error::FitError;
use super::objective::{Objective, Point};

/// Maximum number of halvings of a step. After them, a step is shorter than the rounding errors of
/// the weights.
const MAX_HALVINGS: u32 = 60;
/// Minimum share of the predicted decrease that a step must reach (Nocedal and Wright 2006, 3.1).
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Relative rounding error of the objective. A smaller change means nothing.
const ROUNDING: f64 = 1e-12;
/// Limit of the squared Newton decrement, relative to the objective, below which a point is near
/// the optimum.
///
/// This ratio is about the square of the coefficients' relative error. Near the optimum, Newton's
/// method ends once a step gains too little or does not lower the objective.
const NEAR: f64 = 1e-12;
/// Limit of the same ratio at the optimum: the coefficients are then right to about twelve digits.
const REACHED: f64 = 1e-24;
/// Limit of the same ratio below which one more step is enough. That step squares the error, and
/// the rest of the error changes no prediction.
const ONE_STEP_LEFT: f64 = 1e-10;
/// Maximum ratio of a squared decrement to the one before it, near the optimum. Newton's method squares its
/// error there, so a higher ratio means that only rounding errors are left.
const MAX_DECREMENT_RATIO: f64 = 0.25;
/// Loss per row below which the features separate the labels without error.
const SEPARATED: f64 = 1e-6;

/// When Newton's method may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The objective was evaluated at the last point, and no further step gains anything.
    Verified,
    /// The objective is not evaluated after the last step. Newton's method squares a small error,
    /// so this saves a pass that would only confirm the optimum.
    Unverified,
}

/// The minimum, and the number of steps from `origin` to it. Returns an error if the minimum is not reached
/// within `max_steps` steps.
pub(super) fn minimise(
    objective: &Objective<'_>,
    origin: Point,
    max_steps: u32,
    goal: Goal,
) -> Result<(Point, u32), FitError> {
    let mut here = origin;
    let mut last: Option<(Point, f64)> = None;
    for steps in 0..=max_steps {
        if here.gradient_norm(objective.shapes) == 0.0 {
            return Ok((here, steps));
        }
        let Some(direction) = here.newton_direction(objective.shapes) else {
            return Err(not_converged(
                objective,
                &here,
                steps,
                "the curvature of the loss is not finite, or no step was found that keeps the configured effects (increasing, decreasing)",
            ));
        };
        // The squared Newton decrement.
        let decrement = -here.terms.gradient.dot(&direction);
        let loss = here.terms.loss;
        if decrement <= REACHED * loss {
            return Ok((here, steps));
        }
        if let Some((before, decrement_before)) = last
            && decrement_before <= NEAR * loss
            && decrement > MAX_DECREMENT_RATIO * decrement_before
        {
            return Ok(if decrement < decrement_before {
                (here, steps)
            } else {
                (before, steps - 1)
            });
        }
        if goal == Goal::Unverified && decrement <= ONE_STEP_LEFT * loss {
            here.weights += &direction;
            return Ok((here, steps + 1));
        }
        if steps == max_steps {
            break;
        }
        match step(objective, &here, &direction, decrement)? {
            Some(next) => last = Some((std::mem::replace(&mut here, next), decrement)),
            None if decrement <= NEAR * loss => return Ok((here, steps)),
            None => {
                return Err(not_converged(
                    objective,
                    &here,
                    steps,
                    "no step lowers the loss",
                ));
            }
        }
    }
    let reason = if here.terms.loss < SEPARATED * here.terms.rows as f64 {
        "the features separate the labels without error, and the penalty is too weak in their units to limit the coefficients"
    } else {
        "it needs more steps than are allowed"
    };
    Err(not_converged(objective, &here, max_steps, reason))
}

/// The point after a step in the Newton direction. `None` if no length of the step lowers the objective enough.
///
/// If the full step lowers the objective enough, it is taken. Otherwise the step is halved until it does, and
/// then as long as each halving lowers the objective further: the first low point may lie beyond the minimum.
fn step(
    objective: &Objective<'_>,
    here: &Point,
    direction: &Array1<f64>,
    decrement: f64,
) -> Result<Option<Point>, FitError> {
    let mut best: Option<Point> = None;
    let mut length = 1.0;
    for _ in 0..MAX_HALVINGS {
        let next = objective.at(&here.weights + &(direction * length))?;
        let enough = here.terms.loss * (1.0 + ROUNDING) - SUFFICIENT_DECREASE * length * decrement;
        match best {
            Some(best) if next.terms.loss >= best.terms.loss => return Ok(Some(best)),
            Some(_) => best = Some(next),
            None if next.terms.loss <= enough => {
                if length == 1.0 {
                    return Ok(Some(next));
                }
                best = Some(next);
            }
            None => {}
        }
        length /= 2.0;
    }
    Ok(best)
}

fn not_converged(
    objective: &Objective<'_>,
    here: &Point,
    iterations: u32,
    reason: &'static str,
) -> FitError {
    FitError::NotConverged {
        iterations,
        loss: here.terms.loss,
        gradient_norm: here.gradient_norm(objective.shapes),
        reason,
    }
}
