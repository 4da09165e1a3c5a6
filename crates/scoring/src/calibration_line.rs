//! Slope and intercept of the calibration: logistic regressions of the label on the log-odds.

use dataset::sums_of;

/// Maximum number of steps of a solution. Newton's method needs about ten.
const MAX_STEPS: usize = 100;
/// Share by which a loss may rise through rounding, and distance of bounds that are equal.
const ROUNDING: f64 = 1e-12;
/// A solution is found by a step of Newton's method that is smaller than this, relative to the solution's
/// size if that is above 1. Each step doubles the right digits, so the solution has about twelve.
const TOLERANCE: f64 = 1e-6;
/// Factor of a step that is too small to lower a loss.
const MIN_FACTOR: f64 = 1e-9;

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
            let it = Logistic::of(intercept + slope * z);
            let rest = f64::from(u8::from(*label)) - it.probability;
            let weight = it.weight;
            [
                it.loss(*label),
                rest,
                rest * z,
                weight,
                weight * z,
                weight * z * z,
            ]
        })
    };
    // The model's own log-odds are close to the solution, unless they are far too extreme.
    let mut line = [mean, scale];
    let mut sums = at(line);
    let of_one_half = count * std::f64::consts::LN_2;
    if sums[0] > of_one_half {
        line = [0.0, 0.0];
        sums = at(line);
    }
    for _ in 0..MAX_STEPS {
        let [loss, rest, rest_z, weight, weight_z, weight_zz] = sums;
        let determinant = weight * weight_zz - weight_z * weight_z;
        let step = [
            (weight_zz * rest - weight_z * rest_z) / determinant,
            (weight * rest_z - weight_z * rest) / determinant,
        ];
        if !step.iter().all(|it| it.is_finite()) {
            return None;
        }
        let mut factor = 1.0;
        loop {
            let next = [line[0] + factor * step[0], line[1] + factor * step[1]];
            let mut pairs = step.iter().zip(&next);
            if factor == 1.0 && pairs.all(|(step, value)| is_small(*step, *value)) {
                return Some(next[1] / scale);
            }
            let sums_there = at(next);
            if sums_there[0] <= loss * (1.0 + ROUNDING) {
                (line, sums) = (next, sums_there);
                break;
            }
            factor /= 2.0;
            if factor < MIN_FACTOR {
                return None;
            }
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
            let it = Logistic::of(x + summand);
            [it.probability, it.weight]
        });
        if expected < positives {
            low = summand;
        } else {
            high = summand;
        }
        if high - low <= ROUNDING * summand.abs().max(1.0) {
            return Some(low.midpoint(high));
        }
        let step = (positives - expected) / slope;
        let newton = summand + step;
        // Newton's step where it stays between the bounds, and otherwise half the way.
        let is_inside = newton >= low && newton <= high;
        if is_inside && is_small(step, newton) {
            return Some(newton);
        }
        let next = match is_inside {
            true => newton,
            false => low.midpoint(high),
        };
        summand = next;
    }
    None
}

fn is_small(step: f64, value: f64) -> bool {
    step.abs() <= TOLERANCE * value.abs().max(1.0)
}

/// The logistic function at some log-odds; computed with one exponential, which takes most of the time.
struct Logistic {
    log_odds: f64,
    probability: f64,
    /// Derivative of the probability by the log-odds.
    weight: f64,
    /// Exponential of minus the size of the log-odds.
    small: f64,
}

impl Logistic {
    fn of(log_odds: f64) -> Self {
        let small = (-log_odds.abs()).exp();
        let larger = 1.0 / (1.0 + small);
        let smaller = small * larger;
        Self {
            log_odds,
            probability: if log_odds < 0.0 { smaller } else { larger },
            weight: smaller * larger,
            small,
        }
    }

    fn loss(&self, label: bool) -> f64 {
        let against = if label { -self.log_odds } else { self.log_odds };
        against.max(0.0) + self.small.ln_1p()
    }
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
