//! The two-sample Kolmogorov-Smirnov test of two distributions of numbers.

mod one_sample;
mod two_samples;

use serde::{Deserialize, Serialize};

use self::one_sample::one_sample_tail;
use self::two_samples::two_sample_tail;
use super::sorted::{SortedColumn, steps};

/// Largest number of values per sample for the exact p-value.
pub const MAX_EXACT_VALUES: u64 = 10_000;

/// Result of a two-sample Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// D, the largest difference of the two right-continuous distribution functions, 0 to 1.
    pub statistic: f64,
    /// Probability of a D at least this large when both samples come from one continuous
    /// distribution. With ties it is an upper bound.
    pub p_value: f64,
    /// Method of the p-value.
    pub method: KolmogorovSmirnovMethod,
}

/// Method of the p-value of a Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KolmogorovSmirnovMethod {
    /// Exact two-sample distribution.
    Exact,
    /// One-sample distribution at N = round(nm / (n + m)).
    Asymptotic,
}

/// Tests whether reference and batch have the same distribution; missing values are ignored.
///
/// The p-value is exact up to [`MAX_EXACT_VALUES`] values per sample. With more values, it comes from the
/// one-sample distribution, as in scipy's `ks_2samp`. `None` when a sample has no values.
pub fn kolmogorov_smirnov(
    reference: &SortedColumn,
    batch: &SortedColumn,
) -> Option<KolmogorovSmirnov> {
    let method = if reference.count().max(batch.count()) <= MAX_EXACT_VALUES {
        KolmogorovSmirnovMethod::Exact
    } else {
        KolmogorovSmirnovMethod::Asymptotic
    };
    kolmogorov_smirnov_by(method, reference, batch)
}

/// Tests as [`kolmogorov_smirnov`] does, with a given method. The exact p-value takes nm steps.
pub fn kolmogorov_smirnov_by(
    method: KolmogorovSmirnovMethod,
    reference: &SortedColumn,
    batch: &SortedColumn,
) -> Option<KolmogorovSmirnov> {
    let (n, m) = (reference.count(), batch.count());
    if n == 0 || m == 0 {
        return None;
    }
    // In units of 1 / nm the difference is a whole number, so rounding needs no tolerance.
    let pairs = u128::from(n) * u128::from(m);
    let difference = steps(reference, batch)
        .map(|step| {
            let first = u128::from(step.first) * u128::from(m);
            first.abs_diff(u128::from(step.second) * u128::from(n))
        })
        .max()?;
    let statistic = difference as f64 / pairs as f64;
    let p_value = match method {
        KolmogorovSmirnovMethod::Exact => two_sample_tail(n, m, difference),
        KolmogorovSmirnovMethod::Asymptotic => {
            let rows = (pairs as f64 / (n as f64 + m as f64))
                .round_ties_even()
                .max(1.0);
            one_sample_tail(rows, statistic)
        }
    };
    Some(KolmogorovSmirnov {
        statistic,
        p_value,
        method,
    })
}

#[cfg(test)]
mod tests {
    use super::KolmogorovSmirnovMethod::{Asymptotic, Exact};
    use super::*;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn statistic_and_p_values_match_scipy() {
        for case in cases("samples") {
            let (reference, batch) = case.sorted();
            let exact = kolmogorov_smirnov_by(Exact, &reference, &batch).unwrap();
            let other = kolmogorov_smirnov_by(Asymptotic, &reference, &batch).unwrap();
            assert_close(Some(exact.statistic), case.number("ks"), 1e-9, &case);
            assert_close(Some(exact.p_value), case.number("ks_exact"), 1e-6, &case);
            assert_close(
                Some(other.p_value),
                case.number("ks_asymptotic"),
                1e-4,
                &case,
            );
        }
    }

    /// Name, reference, batch, expected statistic and p-value.
    type Edge<'a> = (&'a str, &'a [f64], &'a [f64], Option<(f64, f64)>);

    #[test]
    fn edge_cases() {
        let table: [Edge<'_>; 8] = [
            ("both empty", &[], &[], None),
            ("an empty side", &[1.0], &[], None),
            ("all missing", &[1.0, 2.0], &[f64::NAN; 3], None),
            ("one row each, equal", &[1.0], &[1.0], Some((0.0, 1.0))),
            ("one row each, apart", &[1.0], &[2.0], Some((1.0, 1.0))),
            ("constant", &[3.0; 9], &[3.0; 4], Some((0.0, 1.0))),
            ("constants apart", &[3.0; 3], &[4.0; 3], Some((1.0, 0.1))),
            (
                "infinities",
                &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN],
                &[f64::INFINITY, 0.0],
                Some((0.5, 1.0)),
            ),
        ];
        for (name, reference, batch, wanted) in table {
            let (reference, batch) = (SortedColumn::of(reference), SortedColumn::of(batch));
            let found = kolmogorov_smirnov(&reference, &batch);
            let found = found.map(|found| (found.statistic, found.p_value));
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert_eq!(found.0, wanted.0, "{name}");
                    assert!((found.1 - wanted.1).abs() < 1e-12, "{name}: {found:?}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{name}"),
            }
        }
    }

    #[test]
    fn the_method_follows_the_larger_side() {
        let numbers = |n: u64| {
            let values: Vec<f64> = (0..n).map(|value| value as f64).collect();
            SortedColumn::of(&values)
        };
        let method = |n, m| kolmogorov_smirnov(&numbers(n), &numbers(m)).unwrap().method;
        assert_eq!(method(MAX_EXACT_VALUES, 3), Exact);
        assert_eq!(method(3, MAX_EXACT_VALUES + 1), Asymptotic);
    }
}
