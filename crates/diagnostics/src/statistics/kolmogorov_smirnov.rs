//! The two-sample Kolmogorov-Smirnov test: how far apart two distribution functions come.

mod one_sample;
mod two_samples;

use serde::{Deserialize, Serialize};

use self::one_sample::one_sample_tail;
use self::two_samples::two_sample_tail;
use super::sorted::{SortedColumn, steps};

/// With more values than this on either side p is that of one sample.
pub const MOST_EXACT: u64 = 10_000;

/// How far apart two distribution functions come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// D, the largest difference of the two right-continuous distribution functions, 0 to 1.
    pub statistic: f64,
    /// How probable a D as large is when both sides are drawn from one continuous distribution;
    /// with ties it is an upper bound.
    pub p_value: f64,
    /// Where p comes from.
    pub method: KolmogorovSmirnovMethod,
}

/// Where the p-value of a Kolmogorov-Smirnov test comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KolmogorovSmirnovMethod {
    /// The two-sample distribution itself.
    Exact,
    /// The one-sample distribution at N = round(nm / (n + m)).
    Asymptotic,
}

/// Holds the present values of a batch against those of the reference.
///
/// p is exact up to [`MOST_EXACT`] values a side and that of one sample beyond it, as in scipy's
/// `ks_2samp`. `None` when a side has no values.
pub fn kolmogorov_smirnov(
    reference: &SortedColumn,
    current: &SortedColumn,
) -> Option<KolmogorovSmirnov> {
    let method = if reference.count().max(current.count()) <= MOST_EXACT {
        KolmogorovSmirnovMethod::Exact
    } else {
        KolmogorovSmirnovMethod::Asymptotic
    };
    kolmogorov_smirnov_by(method, reference, current)
}

/// As [`kolmogorov_smirnov`], with p from where the caller says; exact p costs nm steps.
pub fn kolmogorov_smirnov_by(
    method: KolmogorovSmirnovMethod,
    reference: &SortedColumn,
    current: &SortedColumn,
) -> Option<KolmogorovSmirnov> {
    let (n, m) = (reference.count(), current.count());
    if n == 0 || m == 0 {
        return None;
    }
    // In units of 1 / nm the difference is a whole number: no tolerance is needed for rounding.
    let pairs = u128::from(n) * u128::from(m);
    let apart = steps(reference, current)
        .map(|step| {
            let first = u128::from(step.first) * u128::from(m);
            first.abs_diff(u128::from(step.second) * u128::from(n))
        })
        .max()?;
    let statistic = apart as f64 / pairs as f64;
    let p_value = match method {
        KolmogorovSmirnovMethod::Exact => two_sample_tail(n, m, apart),
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
    use crate::statistics::reference::{assert_close, cases};

    #[test]
    fn statistic_and_p_values_are_those_of_scipy() {
        for case in cases("samples") {
            let (reference, current) = case.sorted();
            let exact = kolmogorov_smirnov_by(Exact, &reference, &current).unwrap();
            let other = kolmogorov_smirnov_by(Asymptotic, &reference, &current).unwrap();
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

    /// Name, reference, batch, statistic and p-value.
    type Edge<'a> = (&'a str, &'a [f64], &'a [f64], Option<(f64, f64)>);

    #[test]
    fn the_edges_are_this_table() {
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
        for (name, reference, current, wanted) in table {
            let (reference, current) = (SortedColumn::of(reference), SortedColumn::of(current));
            let found = kolmogorov_smirnov(&reference, &current);
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
        assert_eq!(method(MOST_EXACT, 3), Exact);
        assert_eq!(method(3, MOST_EXACT + 1), Asymptotic);
    }
}
