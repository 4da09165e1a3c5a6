//! The standardised axes of a fit, and the conversion of weights back to raw units.

use dataset::passes::{Axis, Moments};
use model::{Design, LinearPredictor};
use ndarray::Array1;

use super::settings::FitSettings;

/// The axes for the columns of a design, computed from the moments of the columns.
pub(super) fn axes(moments: &[Moments], settings: &FitSettings) -> Vec<Axis> {
    moments
        .iter()
        .map(|column| axis(column, settings))
        .collect()
}

/// The axis of a column. Its scale is a power of two, so that dividing by it loses no digit.
fn axis(column: &Moments, settings: &FitSettings) -> Axis {
    let (Some(mean), false) = (column.mean(), column.minimum() == column.maximum()) else {
        // An empty column has no value. It is treated as a column of zeros.
        let constant = column.minimum().unwrap_or(0.0);
        return Axis {
            scale: 1.0,
            shift: constant,
            imputed: constant,
        };
    };
    // Below this spread the penalty determines the coefficient. A smaller scale would only increase
    // the derivative of the penalty.
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

/// Second derivatives of the penalty with respect to the weights, the intercept first. The intercept has no
/// penalty, so its entry is 0. An entry that underflows is 0, too.
pub(super) fn penalty(axes: &[Axis], settings: &FitSettings) -> Array1<f64> {
    let of_axis = |axis: &Axis| (1.0 / (axis.scale * settings.c.sqrt())).powi(2);
    std::iter::once(0.0)
        .chain(axes.iter().map(of_axis))
        .collect()
}

/// The predictor in raw units that has these weights on the axes.
pub(super) fn raw_predictor(
    design: &Design,
    axes: &[Axis],
    weights: &Array1<f64>,
) -> LinearPredictor {
    let weighted_axes = || axes.iter().zip(weights.iter().skip(1));
    let offset: f64 = weighted_axes()
        .map(|(axis, weight)| weight * axis.shift)
        .sum();
    LinearPredictor {
        // Adding 0 turns −0 into 0.
        intercept: weights[0] - offset + 0.0,
        coefficients: weighted_axes()
            .map(|(axis, weight)| weight / axis.scale + 0.0)
            .collect(),
        imputed: axes.iter().map(|axis| axis.imputed).collect(),
        design: design.clone(),
    }
}
