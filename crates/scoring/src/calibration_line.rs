//! Slope and intercept of the calibration: logistic regressions of the label on the log-odds.

use dataset::passes::{log_loss, probability};
use dataset::sums_of;

/// Maximum number of steps of a solution. Newton's method needs about ten.
const MAX_STEPS: usize = 100;
/// Share by which a loss may rise through rounding.
const ROUNDING: f64 = 1e-12;
/// A solution is found when its last step is smaller than this, relative to its size if that is above 1.
const TOLERANCE: f64 = 1e-12;

/// The slope of the logistic regression of the label on the log-odds, with an intercept; rows are
/// sorted by log-odds.
///
/// `None` if the slope is not finite: if all rows have one label, or if a threshold separates the labels
/// (Albert and Anderson 1984, *Biometrika* 71). `None`, too, if log-odds are too large to compute with.
pub(crate) fn calibration_slope(sorted: &[(f64, bool)]) -> Option<f64> {
    if is_separable(sorted) {
        return None;
    }
    let count = sorted.len() as f64;
    let [sum] = sums_of(sorted, |(x, _)| [*x]);
    let mean = sum / count;
    let [squares] = sums_of(sorted, |(x, _)| [(x - mean) * (x - mean)]);
    let scale = (squares / count).sqrt();
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let prepared = |x: f64| (x - mean) / scale;
    // Newton's method. A step that does not lower the loss is halved.
    let at = |[intercept, slope]: [f64; 2]| {
        sums_of(sorted, |(x, label)| {
            let z = prepared(*x);
            let log_odds = intercept + slope * z;
            let p = probability(log_odds);
            let (rest, weight) = (f64::from(u8::from(*label)) - p, p * probability(-log_odds));
            let loss = log_loss(log_odds, *label);
            [loss, rest, rest * z, weight, weight * z, weight * z * z]
        })
    };
    let mut line = [0.0, 0.0];
    let mut sums = at(line);
    for _ in 0..MAX_STEPS {
        let [loss, rest, rest_z, weight, weight_z, weight_zz] = sums;
        let determinant = weight * weight_zz - weight_z * weight_z;
        let mut step = [
            (weight_zz * rest - weight_z * rest_z) / determinant,
            (weight * rest_z - weight_z * rest) / determinant,
        ];
        if !step.iter().all(|it| it.is_finite()) {
            return None;
        }
        loop {
            let next = [line[0] + step[0], line[1] + step[1]];
            let is_small =
                |(step, value): (&f64, &f64)| step.abs() <= TOLERANCE * value.abs().max(1.0);
            if step.iter().zip(&next).all(is_small) {
                return Some(next[1] / scale);
            }
            let sums_there = at(next);
            if sums_there[0] <= loss * (1.0 + ROUNDING) {
                (line, sums) = (next, sums_there);
                break;
            }
            step = step.map(|it| it / 2.0);
        }
    }
    None
}

/// The summand of all log-odds with which their mean probability is the share of positive labels; rows
/// are sorted by log-odds. `None` if all rows have one label, or if log-odds are too large to compute
/// with.
pub(crate) fn calibration_intercept(sorted: &[(f64, bool)]) -> Option<f64> {
    let positives = sorted.iter().filter(|(_, label)| *label).count() as f64;
    let of_all = (positives / (sorted.len() as f64 - positives)).ln();
    if !of_all.is_finite() {
        return None;
    }
    // With equal log-odds the summand would be their distance from the log-odds of all rows.
    let (first, last) = (sorted.first()?.0, sorted.last()?.0);
    let (mut low, mut high) = (of_all - last, of_all - first);
    let mut summand = 0.0_f64.clamp(low, high);
    for _ in 0..MAX_STEPS {
        let [expected, slope] = sums_of(sorted, |(x, _)| {
            let p = probability(x + summand);
            [p, p * probability(-(x + summand))]
        });
        if expected < positives {
            low = summand;
        } else {
            high = summand;
        }
        let newton = summand + (positives - expected) / slope;
        // Newton's step where it stays between the bounds, and otherwise half the way.
        let next = match newton >= low && newton <= high {
            true => newton,
            false => low.midpoint(high),
        };
        if (next - summand).abs() <= TOLERANCE * next.abs().max(1.0) {
            return Some(next);
        }
        summand = next;
    }
    None
}

/// True if a threshold separates the labels, in either direction.
fn is_separable(sorted: &[(f64, bool)]) -> bool {
    let ends = |of: bool| {
        let mut rows = sorted.iter().filter(|(_, label)| *label == of);
        let lowest = rows.next()?.0;
        Some((lowest, rows.next_back().map_or(lowest, |row| row.0)))
    };
    match (ends(false), ends(true)) {
        (Some(negative), Some(positive)) => positive.0 >= negative.1 || negative.0 >= positive.1,
        _ => true,
    }
}
