//! The test of a sum of residuals: do as many rows of a group have a positive label as the model
//! expects?
//!
//! The number of positive labels is a sum of independent draws with different probabilities. Its
//! distribution is skewed where few of them are positive, and a normal distribution would then find too
//! much. A gamma distribution with the same variance and skewness gives the tail.
//!
//! For each tail, only the rows that skew the sum in its direction count for the skewness. Rows
//! that skew the sum the other way would make the tail lighter. Leaving them out makes the test
//! cautious.

use dataset::passes::GroupSums;

use super::score_test::MIN_CURVATURE;
use super::tails::skewed_tail;

/// Half of the step between two counts. A continuous distribution needs this correction to give the
/// tail of a count.
const HALF_A_ROW: f64 = 0.5;

/// Result of testing a sum of residuals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ResidualTest {
    /// The sum in standard errors; above 0 if more labels are positive than expected.
    pub(crate) statistic: f64,
    /// Change of the log-odds that explains the sum: the sum divided by the curvature.
    pub(crate) shift: f64,
    /// Standard error of that change.
    pub(crate) shift_error: f64,
    /// Probability of a sum at least this far from 0, in either direction, when the model is right.
    pub(crate) p_value: f64,
}

/// Tests the labels of a group, given the variance of its sum of residuals. `None` if the rows are too
/// few: a curvature Σp(1−p) below [`MIN_CURVATURE`].
pub(crate) fn residual_test(sums: &GroupSums, variance: f64) -> Option<ResidualTest> {
    let curvature = *sums.slopes.first()?;
    if curvature.is_nan() || curvature < MIN_CURVATURE || !variance.is_finite() {
        return None;
    }
    // The variance includes the variance of the labels, so it is never smaller.
    let error = variance.max(curvature).sqrt();
    let residual = sums.positives as f64 - sums.expected;
    let skew = match residual > 0.0 {
        true => sums.upward_skew,
        false => sums.downward_skew,
    };
    let distance = (residual.abs() - HALF_A_ROW).max(0.0) / error;
    let tail = skewed_tail(distance, skew / error.powi(3))?;
    Some(ResidualTest {
        statistic: residual / error,
        shift: residual / curvature,
        shift_error: error / curvature,
        p_value: (2.0 * tail).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose probability of a positive label is p.
    fn rows(p: f64, rows: u64, positives: u64) -> GroupSums {
        let n = rows as f64;
        let variance = p * (1.0 - p);
        GroupSums {
            rows,
            positives,
            expected: n * p,
            slopes: vec![n * variance].into(),
            upward_skew: (n * variance * (1.0 - 2.0 * p)).max(0.0),
            downward_skew: (n * variance * (2.0 * p - 1.0)).max(0.0),
            pair_spreads: 0.0,
        }
    }

    fn p_value(sums: &GroupSums) -> f64 {
        residual_test(sums, sums.slopes[0]).unwrap().p_value
    }

    /// P(X ≥ k) of a binomial distribution.
    fn binomial_tail(n: u64, p: f64, k: u64) -> f64 {
        let mut term = (1.0 - p).powi(n as i32);
        let mut below = 0.0;
        for count in 0..k {
            below += term;
            term *= (n - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
        }
        1.0 - below
    }

    #[test]
    fn the_tail_is_that_of_the_exact_distribution() {
        for (n, p, k) in [
            (200, 0.05, 22),
            (200, 0.05, 28),
            (1_000, 0.01, 22),
            (60, 0.3, 32),
            (500, 0.5, 290),
            (100, 0.8, 93),
        ] {
            let exact = 2.0 * binomial_tail(n, p, k);
            let found = p_value(&rows(p, n, k));
            let ratio = found / exact;
            // Where the tail is lighter than the normal one, the test is cautious.
            assert!((0.7..4.0).contains(&ratio), "{n} {p} {k}: {ratio}");
            // The other label is as far away in the other direction.
            let mirrored = p_value(&rows(1.0 - p, n, n - k));
            assert!((mirrored / found - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn few_rows_give_no_test_and_a_larger_variance_a_larger_p_value() {
        assert_eq!(residual_test(&rows(0.5, 9, 9), 2.25), None);
        assert_eq!(residual_test(&rows(0.001, 1_000, 9), 1.0), None);
        let sums = rows(0.2, 100, 36);
        assert_eq!(residual_test(&sums, f64::INFINITY), None);
        let [own, larger] = [16.0, 32.0].map(|it| residual_test(&sums, it).unwrap());
        assert_eq!(own.statistic, 4.0);
        assert!(own.p_value < 0.001 && larger.p_value > 0.003);
        assert_eq!(p_value(&rows(0.2, 100, 20)), 1.0);
    }
}
