//! Tail probabilities and quantiles of distributions.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// P(χ² ≥ statistic). `None` without degrees of freedom, and for a statistic of NaN.
pub(crate) fn chi_square_tail(statistic: f64, degrees: usize) -> Option<f64> {
    if statistic.is_nan() {
        return None;
    }
    // Fails without degrees of freedom.
    let distribution = ChiSquared::new(degrees as f64).ok()?;
    Some(distribution.sf(statistic))
}

/// The value that χ² exceeds with probability `tail`. `None` without degrees of freedom, and unless
/// `tail` is between 0 and 1.
pub(crate) fn chi_square_upper_quantile(tail: f64, degrees: usize) -> Option<f64> {
    if !(tail > 0.0 && tail < 1.0) {
        return None;
    }
    let distribution = ChiSquared::new(degrees as f64).ok()?;
    Some(distribution.inverse_cdf(1.0 - tail))
}

/// Skewness below which a distribution counts as normal. At four standard deviations the tail is then
/// wrong by one part in twenty at most.
const MIN_SKEWNESS: f64 = 0.005;

/// P(X ≥ z) for a standardised variable with this skewness, which is at least 0: a shifted gamma
/// distribution (Pearson's type III). `None` unless both numbers are finite and the skewness is not
/// negative.
///
/// The tail is heavier than the normal one. A sum of rare events has such a tail.
pub(crate) fn skewed_tail(z: f64, skewness: f64) -> Option<f64> {
    if !z.is_finite() || !skewness.is_finite() || skewness < 0.0 {
        return None;
    }
    if skewness < MIN_SKEWNESS {
        return Some(Normal::standard().sf(z));
    }
    let degrees = 8.0 / skewness.powi(2);
    let distribution = ChiSquared::new(degrees).ok()?;
    Some(distribution.sf((degrees + z * (2.0 * degrees).sqrt()).max(0.0)))
}

/// The standard normal quantile of a share strictly between 0 and 1.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn tails_and_quantiles_match_scipy() {
        for case in cases("tails") {
            let found = match case.text("function") {
                "chi_square_tail" => chi_square_tail(case.number("at"), case.count("degrees")),
                "chi_square_upper_quantile" => {
                    chi_square_upper_quantile(case.number("at"), case.count("degrees"))
                }
                "normal_quantile" => Some(normal_quantile(case.number("at"))),
                other => panic!("{other}"),
            };
            assert_close(found, case.number("value"), 1e-9, &case);
        }
    }

    /// The distribution of a sum of rare events is Poisson's, whose tail is a sum of few terms.
    #[test]
    fn a_skewed_tail_is_that_of_rare_events() {
        for (mean, count) in [(5.0_f64, 16), (20.0, 41), (300.0, 375)] {
            let mut term = (-mean).exp();
            let mut below = 0.0;
            for events in 0..count {
                below += term;
                term *= mean / f64::from(events + 1);
            }
            let z = (f64::from(count) - 0.5 - mean) / mean.sqrt();
            let found = skewed_tail(z, 1.0 / mean.sqrt()).unwrap();
            let ratio = found / (1.0 - below);
            assert!((0.9..1.6).contains(&ratio), "{mean} {count}: {ratio}");
        }
    }

    #[test]
    fn a_tail_changes_little_with_little_skewness() {
        for z in [-3.0, 0.0, 2.0, 4.0] {
            let [normal, skewed] = [0.0, 0.006].map(|skewness| skewed_tail(z, skewness).unwrap());
            assert!(
                (skewed / normal - 1.0).abs() < 0.08,
                "{z}: {normal} {skewed}"
            );
        }
        // 1 − Φ(3), and the tail of an exponential distribution, whose skewness is 2.
        assert!((skewed_tail(3.0, 0.0).unwrap() - 1.349_898e-3).abs() < 1e-9);
        assert!((skewed_tail(1.0, 2.0).unwrap() - (-2.0_f64).exp()).abs() < 1e-12);
        assert_eq!(skewed_tail(-3.0, 2.0), Some(1.0));
        assert_eq!(skewed_tail(f64::NAN, 0.0), None);
        assert_eq!(skewed_tail(1.0, -0.1), None);
    }

    #[test]
    fn undefined_tails_have_no_value() {
        assert_eq!(chi_square_tail(1.0, 0), None);
        assert_eq!(chi_square_tail(f64::NAN, 1), None);
        assert_eq!(chi_square_tail(f64::INFINITY, 1), Some(0.0));
        assert_eq!(chi_square_tail(0.0, 3), Some(1.0));
        assert_eq!(chi_square_upper_quantile(0.0, 1), None);
        assert_eq!(chi_square_upper_quantile(0.05, 0), None);
    }
}
