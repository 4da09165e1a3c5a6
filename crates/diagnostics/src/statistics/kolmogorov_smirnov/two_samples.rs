//! The exact distribution of the two-sample statistic without ties.
//!
//! Each order of n + m values is a path on a grid of n × m steps. A path reaches D when it leaves
//! the strip around the diagonal. The share of such paths is counted without cancellation (Hodges
//! 1958, "The significance probability of the Smirnov two-sample test").

/// nm/(n+m)·D² from which p is below the smallest float: p is at most about e·exp(−2nm/(n+m)·D²)
/// (Wei and Dudley 2012).
const UNDERFLOW_EXPONENT: f64 = 380.0;

/// P(D ≥ difference / nm) for n and m values, both above 0.
pub(super) fn two_sample_tail(n: u64, m: u64, difference: u128) -> f64 {
    if difference == 0 {
        return 1.0;
    }
    let pairs = n as f64 * m as f64;
    let statistic = difference as f64 / pairs;
    if pairs / (n as f64 + m as f64) * statistic * statistic > UNDERFLOW_EXPONENT {
        return 0.0;
    }
    let tail = if n == m {
        // With n = m all differences are multiples of n.
        equal_sizes(n, (difference / u128::from(n)) as u64)
    } else {
        share_of_leaving_paths(n, m, difference)
    };
    tail.min(1.0)
}

/// P(nD ≥ h) for n values on each side: 2·A₀·(1 − A₁·(1 − A₂·(…))) with
/// A_k = ∏_{j<h} (n − kh − j) / (n + kh + j + 1) (Gnedenko and Korolyuk 1951).
fn equal_sizes(n: u64, h: u64) -> f64 {
    let factor = |k: u64| -> f64 {
        let first = k * h;
        (first..first + h)
            .map(|step| (n - step) as f64 / (n + step + 1) as f64)
            .product()
    };
    let inner = (1..n / h).rev();
    2.0 * factor(0) * inner.fold(1.0, |inner, k| 1.0 - factor(k) * inner)
}

/// The share of the paths from (0, 0) to (n, m) that meet a point (i, j) with |im − jn| ≥
/// `difference`.
///
/// A(i, j) is that share among the paths to (i, j). It is 1 outside the strip. Inside it is
/// (i·A(i−1, j) + j·A(i, j−1)) / (i + j), a sum of terms that are never negative.
fn share_of_leaving_paths(n: u64, m: u64, difference: u128) -> f64 {
    // Signed numbers, because the lower edge of the strip may be below 0.
    let (n, m) = (i128::from(n), i128::from(m));
    let reach = difference as i128 - 1;
    // A(i, ·) of the previous row. Entries that no row has reached yet are outside the strip.
    let mut shares = vec![1.0; m as usize + 1];
    // Products with inverses, because a division takes longer and each share needs the previous
    // one.
    let inverses: Vec<f64> = (0..=n + m).map(|sum| 1.0 / sum as f64).collect();
    for i in 0..=n {
        let lowest = (i * m - reach + n - 1).div_euclid(n).max(0) as usize;
        let highest = (i * m + reach).div_euclid(n).min(m) as usize;
        let (down, inverses) = (i as f64, &inverses[i as usize..]);
        let mut left = 1.0;
        for j in lowest..=highest {
            let above = shares[j];
            let share = match (i, j) {
                (0, 0) => 0.0,
                (0, _) => left,
                (_, 0) => above,
                _ => (down * above + j as f64 * left) * inverses[j],
            };
            shares[j] = share;
            left = share;
        }
    }
    // The end point is on the diagonal, so it is the last entry of the last row.
    shares[m as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_counting_agree() {
        for (n, h) in [
            (1, 1),
            (2, 1),
            (5, 2),
            (7, 7),
            (40, 9),
            (300, 30),
            (300, 120),
        ] {
            let nested = two_sample_tail(n, n, u128::from(n * h));
            let counted = share_of_leaving_paths(n, n, u128::from(n * h));
            let difference = (nested / counted - 1.0).abs();
            assert!(difference < 1e-11, "{n} {h}: {nested} {counted}");
        }
    }

    #[test]
    fn p_is_the_share_of_all_orders() {
        // Three and two values have 10 orders. D is 1 in two of them, and at least 2/3 in six.
        assert!((two_sample_tail(3, 2, 6) - 0.2).abs() < 1e-15);
        assert!((two_sample_tail(3, 2, 4) - 0.6).abs() < 1e-15);
        assert!((two_sample_tail(3, 2, 1) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn p_below_the_smallest_float_is_0() {
        assert_eq!(two_sample_tail(10_000, 9_999, 9_999 * 10_000), 0.0);
    }
}
