//! The Newton step from the stored coefficients, and by how much it may still lower the loss.
//!
//! The values of each parameter are divided by the largest one and centred by their weighted mean. The optimal
//! shift of the intercept then does not depend on the other parameters, so it is computed first. The objective
//! does not change: the intercept makes up for the centres.
//!
//! The letters Δ, ρ, e, r and v are those of the proof in the parent module.

use common::schema::EffectShape;

use super::parameters::{Parameter, Parameters};
use super::{Point, SOLVED, log_loss};

/// An approximate Newton step. Each call of [`improve`](Self::improve) makes it more exact by one iteration of
/// conjugate gradients, with the diagonal as preconditioner.
pub(super) struct NewtonStep<'a> {
    c: f64,
    parameters: &'a Parameters<'a>,
    point: &'a Point,
    axes: Vec<Axis>,
    /// Change of each row's log-odds by the step: Δ.
    changes: Vec<f64>,
    /// Probability minus label of each row after the step: r + vΔ.
    residuals: Vec<f64>,
    /// The direction that conjugate gradients follow, one entry for each parameter.
    direction: Vec<f64>,
    /// Σ gradient² / second derivative over the free axes: after the shift of the intercept, and now.
    gradient_sums: [f64; 2],
}

/// A parameter in the units of the step.
#[derive(Clone, Copy)]
struct Axis {
    /// Largest absolute value of the column, but at least 1.
    scale: f64,
    /// Weighted mean of the scaled column.
    centre: f64,
    /// Second derivative of the objective.
    curvature: f64,
    /// First derivative after the step: ρ, divided by the scale.
    gradient: f64,
    /// Rounding error of the first derivative.
    rounding: f64,
    /// Change of the parameter by the step: e, times the scale.
    step: f64,
    /// The shape that holds the parameter at 0, because only values that the shape does not allow
    /// lower the loss. `None` if the parameter is free.
    holding: Option<EffectShape>,
}

impl<'a> NewtonStep<'a> {
    /// The step of the intercept alone. `None` if it is not a number.
    pub(super) fn begin(c: f64, parameters: &'a Parameters<'a>, point: &'a Point) -> Option<Self> {
        let weights: f64 = point.weights.iter().sum();
        let residuals: f64 = point.residuals.iter().sum();
        let shift = if residuals == 0.0 {
            0.0
        } else {
            -residuals / weights
        };
        let mut step = Self {
            c,
            parameters,
            point,
            axes: Vec::new(),
            changes: vec![shift; point.weights.len()],
            residuals: Vec::new(),
            direction: Vec::new(),
            gradient_sums: [0.0; 2],
        };
        step.compute_residuals();
        let mut column = Vec::new();
        for parameter in &parameters.all {
            parameters.read(parameter, &mut column);
            let axis = step.axis(&column, weights, parameter);
            step.axes.push(axis);
        }
        step.gradient_sums = [step.gradient_sum(); 2];
        step.direction = step.axes.iter().map(Axis::towards_minimum).collect();
        shift.is_finite().then_some(step)
    }

    fn compute_residuals(&mut self) {
        let rows = self.point.residuals.iter().zip(&self.point.weights);
        let changed = rows.zip(&self.changes);
        let residuals = changed.map(|((residual, weight), change)| residual + weight * change);
        self.residuals = residuals.collect();
    }

    fn axis(&self, column: &[f64], weights: f64, parameter: &Parameter<'_>) -> Axis {
        let scale = column.iter().fold(1.0, |max: f64, x| max.max(x.abs()));
        let mut centre = 0.0;
        for (weight, number) in self.point.weights.iter().zip(column) {
            centre += weight * (number / scale);
        }
        if weights > 0.0 {
            centre /= weights;
        }
        let (mut curvature, mut gradient) = (0.0, 0.0);
        let (mut absolute_sum, mut log_odds_rounding) = (0.0, 0.0);
        for (row, number) in column.iter().enumerate() {
            let centred = number / scale - centre;
            let weighted = self.point.weights[row] * centred;
            curvature += weighted * centred;
            let summand = centred * self.residuals[row];
            gradient += summand;
            absolute_sum += summand.abs();
            log_odds_rounding += weighted.abs() * self.point.rows.roundings[row];
        }
        let penalty_gradient = parameter.value / (self.c * scale);
        absolute_sum += penalty_gradient.abs();
        let n_summands = column.len() as f64 + 1.0;
        Axis {
            scale,
            centre,
            curvature: curvature + self.penalty_curvature(scale),
            gradient: gradient + penalty_gradient,
            rounding: n_summands * f64::EPSILON * absolute_sum + log_odds_rounding,
            step: 0.0,
            holding: (parameter.value == 0.0 && !parameter.shape.allows(-gradient))
                .then_some(parameter.shape),
        }
    }

    /// Second derivative of the penalty on an axis.
    fn penalty_curvature(&self, scale: f64) -> f64 {
        1.0 / (self.c * scale * scale)
    }

    /// Computes the gradient after the step from the rows.
    fn compute_gradient(&mut self) {
        self.compute_residuals();
        let mut column = Vec::new();
        for (place, parameter) in self.parameters.all.iter().enumerate() {
            self.parameters.read(parameter, &mut column);
            let axis = &mut self.axes[place];
            let mut sum = 0.0;
            for (residual, number) in self.residuals.iter().zip(&column) {
                sum += (number / axis.scale - axis.centre) * residual;
            }
            let moved = parameter.value + axis.step / axis.scale;
            axis.gradient = sum + moved / (self.c * axis.scale);
        }
        self.gradient_sums[1] = self.gradient_sum();
    }

    fn gradient_sum(&self) -> f64 {
        let summands = self
            .axes
            .iter()
            .map(|it| -it.gradient * it.towards_minimum());
        summands.sum()
    }

    /// One iteration of conjugate gradients.
    pub(super) fn improve(&mut self) {
        let before = self.gradient_sums[1];
        let mut along = vec![0.0; self.changes.len()];
        let mut column = Vec::new();
        let mut curvature = 0.0;
        for (place, parameter) in self.parameters.all.iter().enumerate() {
            let (axis, part) = (self.axes[place], self.direction[place]);
            self.parameters.read(parameter, &mut column);
            for (sum, number) in along.iter_mut().zip(&column) {
                *sum += part * (number / axis.scale - axis.centre);
            }
            curvature += part * part * self.penalty_curvature(axis.scale);
        }
        let of_rows = self.point.weights.iter().zip(&along);
        curvature += of_rows.map(|(weight, it)| weight * it * it).sum::<f64>();
        if curvature <= 0.0 {
            return;
        }
        let length = before / curvature;
        for (change, it) in self.changes.iter_mut().zip(&along) {
            *change += length * it;
        }
        for (axis, part) in self.axes.iter_mut().zip(&self.direction) {
            axis.step += length * part;
        }
        self.compute_gradient();
        let share = self.gradient_sums[1] / before;
        for (part, axis) in self.direction.iter_mut().zip(&self.axes) {
            *part = axis.towards_minimum() + share * *part;
        }
    }

    /// True if a further iteration would hardly change the step.
    pub(super) fn is_solved(&self) -> bool {
        let [first, now] = self.gradient_sums;
        now <= SOLVED * first || !now.is_finite()
    }

    /// The most by which other coefficients can lower the loss. It is infinite if the step proves
    /// nothing.
    pub(super) fn possible_reduction(&self) -> f64 {
        if !self.changes.iter().all(|change| change.abs() <= 1.0) {
            return f64::INFINITY;
        }
        let rows = self.point.weights.iter().zip(&self.changes);
        let of_rows: f64 = rows.map(|(weight, change)| weight * change * change).sum();
        let of_axes = self.axes.iter().map(|axis| axis.possible_reduction(self.c));
        of_rows + of_axes.sum::<f64>()
    }

    /// The objective after this share of the step. It is infinite if a shape does not allow the
    /// step.
    pub(super) fn loss_after(&self, share: f64) -> f64 {
        let rows = &self.point.rows;
        let moved = rows.log_odds.iter().zip(&self.changes);
        let moved = moved.map(|(log_odds, change)| log_odds + share * change);
        let losses = rows.labels.iter().zip(moved);
        let losses = losses.map(|(label, log_odds)| log_loss(*label, log_odds));
        let moved = self
            .parameters
            .all
            .iter()
            .zip(&self.axes)
            .map(|(parameter, axis)| {
                let moved = parameter.value + share * axis.step / axis.scale;
                if parameter.shape.allows(moved) {
                    moved
                } else {
                    f64::INFINITY
                }
            });
        losses.sum::<f64>() + moved.map(|it| it * it / (2.0 * self.c)).sum::<f64>()
    }
}

impl Axis {
    /// The step to the minimum along this axis alone.
    fn towards_minimum(&self) -> f64 {
        // A constant column whose penalty underflows has no curvature, and no gradient either.
        if self.holding.is_none() && self.curvature > 0.0 {
            -self.gradient / self.curvature
        } else {
            0.0
        }
    }

    /// The part of the possible reduction of the loss that is due to this axis.
    fn possible_reduction(&self, c: f64) -> f64 {
        let is_clear = self.gradient.abs() > self.rounding;
        if is_clear
            && self
                .holding
                .is_some_and(|shape| !shape.allows(-self.gradient))
        {
            return 0.0;
        }
        let of_step = self.step / (c * self.scale);
        // C/2 · (ρ − e/C)² of the proof, with the rounding error of ρ.
        let gradient = (self.scale * self.gradient - of_step).abs() + self.scale * self.rounding;
        let proven = c / 2.0 * gradient * gradient;
        if is_clear {
            return proven;
        }
        // The gradient may be only a rounding error. Then ρ counts as 0, and the error of the coefficient that the
        // rounding hides is added.
        let hidden = self.gradient.abs() + self.rounding;
        let within_rounding = c / 2.0 * of_step * of_step + hidden * hidden / self.curvature;
        // The minimum of a number and NaN, for an axis without curvature, is the number.
        proven.min(within_rounding)
    }
}
