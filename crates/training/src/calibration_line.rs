//! Calibration line and intercept, from logistic regressions of the label on the log-odds.

use dataset::passes::ScoreGroup;
use dataset::sums_of;

/// Maximum number of Newton steps. About ten are needed.
const MAX_STEPS: usize = 100;
/// Relative rise of a loss, and relative distance of two bounds, that count as rounding.
const ROUNDING: f64 = 1e-12;
/// The solution is found once a Newton step is smaller than this, relative to the solution if that is
/// above 1. Each step doubles the number of correct digits, so the solution then has about twelve.
const TOLERANCE: f64 = 1e-6;
/// Minimum fraction of a step. A step that must be shortened further cannot lower the loss.
///
/// If probabilities are near 0 and 1, rows have hardly any weight, so the first step is far too long.
const MIN_FACTOR: f64 = 1e-15;

/// The logistic regression of the label on log-odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationLine {
    /// Number that is added to the scaled log-odds.
    pub intercept: f64,
    /// The factor of the log-odds. Below 1, probabilities are too extreme.
    pub slope: f64,
}

/// The logistic regression, with intercept, of the label on the log-odds. Groups must be in
/// ascending order of log-odds.
///
/// `None` if all rows have one label, or if a threshold separates the labels: the slope is not
/// finite (Albert and Anderson 1984, *Biometrika* 71). Also `None` if all log-odds are equal, or
/// too large to compute with.
pub fn calibration_line(groups: &[ScoreGroup]) -> Option<CalibrationLine> {
    if is_separable(groups) {
        return None;
    }
    let [count, sum] = sums_of(groups, |group| {
        let rows = group.rows() as f64;
        [rows, rows * group.log_odds]
    });
    let mean = sum / count;
    let [squares] = sums_of(groups, |group| {
        [group.rows() as f64 * (group.log_odds - mean) * (group.log_odds - mean)]
    });
    let scale = (squares / count).sqrt();
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let prepared = |x: f64| (x - mean) / scale;
    // Newton's method. A step that raises the loss is halved.
    let at = |[intercept, slope]: [f64; 2]| {
        sums_of(groups, |group| {
            let z = prepared(group.log_odds);
            let it = Logistic::of(intercept + slope * z);
            let rest = group.positives as f64 - group.rows() as f64 * it.probability;
            let weight = group.rows() as f64 * it.weight;
            [
                group.sum(|_, label| it.loss(label)),
                rest,
                rest * z,
                weight,
                weight * z,
                weight * z * z,
            ]
        })
    };
    // The model's own log-odds are mostly close to the solution.
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
                let slope = next[1] / scale;
                let intercept = next[0] - slope * mean;
                return Some(CalibrationLine { intercept, slope });
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

/// Number to add to all log-odds so that the mean probability equals the share of positive labels.
/// Groups must be in ascending order of log-odds. `None` if all rows have one label, or if log-odds
/// are too large to compute with.
pub fn calibration_intercept(groups: &[ScoreGroup]) -> Option<f64> {
    let positives = groups.iter().map(|group| group.positives).sum::<u64>() as f64;
    let negatives = groups.iter().map(|group| group.negatives).sum::<u64>() as f64;
    let of_all = (positives / negatives).ln();
    if !of_all.is_finite() {
        return None;
    }
    // If all log-odds were equal to x, the solution would be `of_all` − x. The extreme log-odds
    // therefore give its bounds.
    let (first, last) = (groups.first()?.log_odds, groups.last()?.log_odds);
    let (mut low, mut high) = (of_all - last, of_all - first);
    let mut summand = 0.0_f64.clamp(low, high);
    for _ in 0..MAX_STEPS {
        let [expected, slope] = sums_of(groups, |group| {
            let it = Logistic::of(group.log_odds + summand);
            [it.probability, it.weight].map(|of_row| group.rows() as f64 * of_row)
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
        // Takes Newton's step if it stays between the bounds, and otherwise the middle of the
        // bounds.
        let is_inside = newton >= low && newton <= high;
        if is_inside && is_small(step, newton) {
            return Some(newton);
        }
        summand = match is_inside {
            true => newton,
            false => low.midpoint(high),
        };
    }
    None
}

fn is_small(step: f64, value: f64) -> bool {
    step.abs() <= TOLERANCE * value.abs().max(1.0)
}

/// The logistic function at given log-odds. It needs a single exponential, its most costly
/// operation.
struct Logistic {
    log_odds: f64,
    probability: f64,
    /// Derivative of the probability with respect to the log-odds.
    weight: f64,
    /// exp(−|log-odds|).
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
fn is_separable(groups: &[ScoreGroup]) -> bool {
    let ends = |rows: fn(&ScoreGroup) -> u64| {
        let mut with_rows = groups.iter().filter(|group| rows(group) > 0);
        let lowest = with_rows.next()?.log_odds;
        let highest = with_rows.next_back().map_or(lowest, |group| group.log_odds);
        Some((lowest, highest))
    };
    match (ends(|group| group.negatives), ends(|group| group.positives)) {
        (Some(negative), Some(positive)) => positive.0 >= negative.1 || negative.0 >= positive.1,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_nearly_0_and_1_that_are_often_wrong_have_a_line() {
        for [stayed, called, missed, left] in [[8900, 100, 100, 900], [180, 2, 2, 16]] {
            let group = |log_odds, negatives, positives| ScoreGroup {
                log_odds,
                negatives,
                positives,
            };
            let groups = [group(-27.63, stayed, missed), group(27.63, called, left)];
            let line = calibration_line(&groups).unwrap();
            // With two values, the line goes through the log-odds of both shares.
            let of = |positives: u64, negatives: u64| (positives as f64 / negatives as f64).ln();
            let slope = (of(left, called) - of(missed, stayed)) / (2.0 * 27.63);
            assert!((line.slope / slope - 1.0).abs() < 1e-6, "{line:?} {slope}");
        }
    }
}
