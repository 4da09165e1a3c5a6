//! The independent check of a fit: no other coefficients have a clearly lower loss.
//!
//! The check shares no code with the fit. It reads the cells of the table with plain loops and takes
//! the coefficients that the model's file stores, in their own units. It computes the gradient of the
//! objective, which is 0 at the optimum.
//!
//! # Proof
//!
//! A row with the label y and the probability p has the residual r = p − y and the weight
//! v = p(1 − p). Change the log-odds of each row by Δ, at most 1 up or down, so that p + vΔ is still a
//! probability. If the sum of r + vΔ over all rows is 0, the duality of Fenchel gives, for the lowest
//! possible loss F*,
//!
//! F − F* ≤ Σ KL(p + vΔ ‖ p) + C/2 · Σⱼ (ρⱼ − eⱼ/C)², where ρⱼ = Σ xⱼ(r + vΔ) + (wⱼ + eⱼ)/C,
//!
//! and KL(p + vΔ ‖ p) is at most vΔ². The inner sums run over the rows, j over the parameters wⱼ and
//! their columns xⱼ. The bound holds for any Δ and e. The check takes those of a Newton step, which
//! changes the parameters by e and makes every ρⱼ 0. Conjugate gradients find it. Often their start is
//! enough: a shift of the intercept, with e = 0.
//!
//! A parameter that may not be negative adds nothing if it is 0 and ρⱼ is positive, because the
//! convex conjugate of its penalty is then 0. The same holds for a parameter that may not be
//! positive, with a negative ρⱼ.
//!
//! In floating-point numbers ρⱼ has a rounding error. Its bound εⱼ is the machine epsilon, times
//! the number of summands, times the sum of their absolute values. In a column of large values that
//! error alone would make the bound on F − F* large, because the penalty hardly limits the
//! coefficient. A ρⱼ of at most εⱼ may therefore count as 0. The bound then contains what an error
//! of 2εⱼ hides in the coefficient on its own. This is the only part of the bound that is not
//! proven.

mod newton_step;
mod parameters;

use dataset::RowSample;
use model::Check;

use self::newton_step::NewtonStep;
use self::parameters::{LogOdds, Parameters};
use crate::fit::{Fit, FitSettings};

/// The error that the fit is wrong: its loss is not the lowest one.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the fit states {fitted} as the lowest loss, but a separate calculation finds {found}")]
pub struct Beaten {
    /// The objective at the fitted coefficients.
    pub fitted: f64,
    /// The objective as the check computes it: at the fitted coefficients, or at better ones.
    pub found: f64,
}

/// Losses are equal if they differ by at most this much, relative to the fit's loss.
const SAME_LOSS: f64 = 1e-6;
/// Maximum number of iterations of conjugate gradients.
const MAX_ITERATIONS: usize = 100;
/// Maximum number of cells that conjugate gradients read, which takes about a second.
const MAX_READS: usize = 300_000_000;
/// Conjugate gradients end when the sum of the squared gradients has fallen to this share.
const SOLVED: f64 = 1e-10;
/// Maximum number of halvings of a step that may lower the loss.
const MAX_HALVINGS: i32 = 60;

/// Checks a fit on the labelled rows that it was fitted to. The fit must be finished: its curves and pairs
/// have effects, not steps and cells. Returns an error if the loss of the fit is not the lowest one.
pub fn check(settings: &FitSettings, labelled: &RowSample, fit: &Fit) -> Result<Check, Beaten> {
    let Some(parameters) = Parameters::of(&fit.predictor, labelled) else {
        return Ok(Check::Unconfirmed);
    };
    let point = Point::of(settings.c, &parameters);
    if !point.loss.is_finite() {
        return Ok(Check::Unconfirmed);
    }
    let same = SAME_LOSS * point.loss;
    if (fit.loss - point.loss).abs() > same + point.rounding {
        return Err(Beaten {
            fitted: fit.loss,
            found: point.loss,
        });
    }
    let Some(mut step) = NewtonStep::begin(settings.c, &parameters, &point) else {
        return Ok(Check::Unconfirmed);
    };
    let reads_of_iteration = 2 * (labelled.table().rows() * parameters.all.len()).max(1);
    for _ in 0..MAX_ITERATIONS.min(MAX_READS / reads_of_iteration) {
        if step.possible_reduction() <= same {
            return Ok(Check::Confirmed);
        }
        if step.is_solved() {
            break;
        }
        step.improve();
    }
    let lower = point.loss - same - point.rounding;
    let mut lengths = (0..MAX_HALVINGS).map(|halvings| 0.5f64.powi(halvings));
    let found = lengths.find_map(|length| {
        let loss = step.loss_after(length);
        (loss < lower).then_some(loss)
    });
    match found {
        Some(found) => Err(Beaten {
            fitted: point.loss,
            found,
        }),
        None => Ok(Check::Unconfirmed),
    }
}

/// The rows at the stored coefficients.
struct Point {
    /// The objective.
    loss: f64,
    /// Rounding error of the objective that comes from the log-odds.
    rounding: f64,
    rows: LogOdds,
    /// Probability minus label of each row.
    residuals: Vec<f64>,
    /// p(1 − p) of each row.
    weights: Vec<f64>,
}

impl Point {
    fn of(c: f64, parameters: &Parameters<'_>) -> Self {
        let rows = parameters.log_odds();
        let (mut loss, mut rounding) = (0.0, 0.0);
        let (mut residuals, mut weights) = (Vec::new(), Vec::new());
        for (row, label) in rows.labels.iter().enumerate() {
            let log_odds = rows.log_odds[row];
            let of_one = 1.0 / (1.0 + (-log_odds).exp());
            let of_zero = 1.0 / (1.0 + log_odds.exp());
            let residual = if *label { -of_zero } else { of_one };
            loss += log_loss(*label, log_odds);
            rounding += residual.abs() * rows.roundings[row];
            residuals.push(residual);
            weights.push(of_one * of_zero);
        }
        for parameter in &parameters.all {
            loss += parameter.value * parameter.value / (2.0 * c);
        }
        Self {
            loss,
            rounding,
            rows,
            residuals,
            weights,
        }
    }
}

fn log_loss(label: bool, log_odds: f64) -> f64 {
    let against = if label { -log_odds } else { log_odds };
    against.max(0.0) + (-against.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests;
