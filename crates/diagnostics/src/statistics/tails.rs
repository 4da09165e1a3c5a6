//! Tail probabilities and quantiles of distributions.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal};

/// P(χ² ≥ statistic). `None` without degrees of freedom, and for a statistic of NaN.
pub(crate) fn chi_square_tail(statistic: f64, degrees: usize) -> Option<f64> {
    if statistic.is_nan() {
        return None;
    }
    // Fails without degrees of freedom.
    let distribution = ChiSquared::new(degrees as f64).ok()?;
    Some(distribution.sf(statistic))
}

/// P(F ≥ statistic), with `above` and `below` degrees of freedom of numerator and denominator.
/// `None` when either is 0, and for a statistic of NaN.
pub(crate) fn f_tail(statistic: f64, above: f64, below: f64) -> Option<f64> {
    if statistic.is_nan() {
        return None;
    }
    // The incomplete beta function takes no infinite argument.
    if statistic == f64::INFINITY {
        return Some(0.0);
    }
    let distribution = FisherSnedecor::new(above, below).ok()?;
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
                "f_tail" => f_tail(
                    case.number("at"),
                    case.number("degrees"),
                    case.number("below"),
                ),
                "normal_quantile" => Some(normal_quantile(case.number("at"))),
                other => panic!("{other}"),
            };
            assert_close(found, case.number("value"), 1e-9, &case);
        }
    }

    #[test]
    fn undefined_tails_are_none() {
        assert_eq!(chi_square_tail(1.0, 0), None);
        assert_eq!(chi_square_tail(f64::NAN, 1), None);
        assert_eq!(chi_square_tail(f64::INFINITY, 1), Some(0.0));
        assert_eq!(chi_square_tail(0.0, 3), Some(1.0));
        assert_eq!(f_tail(1.0, 0.0, 5.0), None);
        assert_eq!(f_tail(f64::NAN, 1.0, 5.0), None);
        assert_eq!(f_tail(f64::INFINITY, 1.0, 5.0), Some(0.0));
        assert_eq!(f_tail(0.0, 3.0, 5.0), Some(1.0));
        assert_eq!(chi_square_upper_quantile(0.0, 1), None);
        assert_eq!(chi_square_upper_quantile(0.05, 0), None);
    }
}
