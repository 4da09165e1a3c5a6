//! The power that any test can have, from theory.
//!
//! For small drifts the statistic of the score test has a noncentral χ² distribution, with one
//! degree of freedom per coefficient. Let I be the information of a row, n the number of new rows,
//! n₀ the number of training rows, and δ the change of the coefficients. The score U then has the
//! mean n·I·δ and the covariance n·I·(1 + n/n₀). The non-centrality is therefore λ = n·δ'Iδ / (1 +
//! n/n₀).
//!
//! Among all tests of the same rows at a level α, the most powerful one knows the direction of the
//! drift and looks once (Neyman and Pearson 1933). Its power is Φ(√λ − z(1 − α)).

use crate::draws::Draws;
use crate::worlds::logistic::{FEATURES, Logistic, WEIGHTS, Weights};

/// The normal quantile z(1 − α) for the level α = 0.005.
const Z_AT_ALPHA: f64 = 2.5758;
/// Number of drawn rows over which the information of a row is averaged.
const DRAWN: usize = 200_000;

/// A drift to find: the changed coefficients, and the numbers of new and of training rows.
pub(crate) struct Drift {
    pub(crate) weights: Weights,
    pub(crate) rows: f64,
    pub(crate) training_rows: f64,
}

impl Drift {
    /// The non-centrality λ.
    pub(crate) fn noncentrality(&self) -> f64 {
        self.with_known_coefficients() / (1.0 + self.rows / self.training_rows)
    }

    /// The non-centrality λ if the deployed coefficients were exact.
    pub(crate) fn with_known_coefficients(&self) -> f64 {
        let mut moved = [0.0; FEATURES + 1];
        for (moved, (now, before)) in moved.iter_mut().zip(self.weights.iter().zip(WEIGHTS)) {
            *moved = now - before;
        }
        self.rows * information_along(&moved)
    }
}

/// The information along a change of the coefficients: δ'Iδ for one row.
fn information_along(moved: &Weights) -> f64 {
    let draws = &mut Draws::of(99, 0);
    let sum: f64 = (0..DRAWN)
        .map(|_| {
            let mut values = [0.0; FEATURES];
            values.fill_with(|| draws.normal());
            let p = Logistic::SAME.probability(&values);
            let along = moved
                .iter()
                .skip(1)
                .zip(values)
                .map(|(by, value)| by * value);
            p * (1.0 - p) * (moved[0] + along.sum::<f64>()).powi(2)
        })
        .sum();
    sum / DRAWN as f64
}

/// The power of the χ² test with four degrees of freedom at this non-centrality.
pub(crate) fn power(noncentrality: f64, level: f64) -> f64 {
    let critical = critical(level);
    // A noncentral χ² has a Poisson number of additional pairs of degrees of freedom.
    let mut weight = (-noncentrality / 2.0).exp();
    let mut power = 0.0;
    for pairs in 0..500 {
        power += weight * tail(critical, 2 + pairs);
        weight *= noncentrality / 2.0 / f64::from(pairs + 1);
    }
    power
}

/// The power of the best of all tests at the level 0.005.
pub(crate) fn best_power(noncentrality: f64) -> f64 {
    normal_tail(Z_AT_ALPHA - noncentrality.sqrt())
}

/// The non-centrality from which on a test reaches a power of 80 %.
pub(crate) fn needed(power: impl Fn(f64) -> f64) -> f64 {
    bisect(0.0, 200.0, |noncentrality| power(noncentrality) < 0.8)
}

/// P(χ² ≥ statistic) with an even number of degrees of freedom: e^(−x/2) Σ (x/2)^i / i!.
fn tail(statistic: f64, pairs: u32) -> f64 {
    let half = statistic / 2.0;
    let mut term = (-half).exp();
    let mut sum = 0.0;
    for i in 0..pairs {
        sum += term;
        term *= half / f64::from(i + 1);
    }
    sum
}

fn critical(level: f64) -> f64 {
    const COEFFICIENTS: u32 = FEATURES as u32 + 1;
    bisect(0.0, 500.0, |statistic| {
        tail(statistic, COEFFICIENTS / 2) > level
    })
}

/// The point between `from` and `to` up to which `is_before` is true, by bisection.
fn bisect(mut from: f64, mut to: f64, is_before: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..80 {
        let middle = (from + to) / 2.0;
        if is_before(middle) {
            from = middle;
        } else {
            to = middle;
        }
    }
    from
}

/// P(Z ≥ z) by the trapezoidal rule, to about 1e-9.
fn normal_tail(z: f64) -> f64 {
    const STEP: f64 = 1e-3;
    let density = |at: f64| (-at * at / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let inner: f64 = (1..12_000)
        .map(|step| density(z + f64::from(step) * STEP))
        .sum();
    STEP * (density(z) / 2.0 + inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_powers_are_those_of_published_tables() {
        // Four degrees of freedom at 0.05 take 11.94 for 80 % (Cohen 1988).
        let found = needed(|noncentrality| power(noncentrality, 0.05));
        assert!((found - 11.94).abs() < 0.01, "{found}");
        // Without a drift the power is the level.
        assert!((power(0.0, 0.005) - 0.005).abs() < 1e-12);
        // (2.5758 + 0.8416)², the sum of both quantiles.
        let found = needed(best_power);
        assert!((found - 11.679).abs() < 0.001, "{found}");
    }

    #[test]
    fn more_training_rows_show_more_up_to_known_coefficients() {
        let [intercept, rest @ ..] = WEIGHTS;
        let [first, second, third] = rest;
        let drift = |training_rows| Drift {
            weights: [intercept - 0.05, first, second, third],
            rows: 5_000.0,
            training_rows,
        };
        let known = drift(5_000.0).with_known_coefficients();
        assert!((drift(5_000.0).noncentrality() - known / 2.0).abs() < 1e-9);
        assert!((drift(1e15).noncentrality() - known).abs() < 1e-9);
    }
}
