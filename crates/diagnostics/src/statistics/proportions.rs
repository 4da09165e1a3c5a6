//! Shares of two samples.

use serde::{Deserialize, Serialize};
use statrs::function::factorial::ln_binomial;

/// Rows of a sample with and without a property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows with the property.
    pub with: u64,
    /// Rows without the property.
    pub without: u64,
}

impl Tally {
    /// All rows of the sample.
    pub fn rows(&self) -> u64 {
        self.with + self.without
    }

    /// Share of the rows with the property, 0 to 1; `None` without rows.
    pub fn share(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.with as f64 / self.rows() as f64)
    }
}

/// Result of testing whether two samples have the same share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareTest {
    /// Chi-square statistic; `None` where the test is exact.
    pub statistic: Option<f64>,
    /// Probability of a difference at least this large when the shares are equal.
    pub p_value: f64,
    /// Share in the batch minus share in the reference, −1 to 1.
    pub difference: f64,
}

/// The smallest p-value that a test of samples with n and m rows can give: 1 / (n + m choose n).
///
/// It is the chance of one given split of n + m rows into two samples. No test that keeps its
/// significance level can give less.
pub fn smallest_p_value(n: u64, m: u64) -> f64 {
    (-ln_binomial(n.saturating_add(m), n)).exp()
}

/// The probability that all of `with` rows with a property are in the smaller of two samples with these numbers
/// of rows: a bound of the p-values of such rows. 0 if the smaller sample has fewer rows than that.
pub(crate) fn rarest_split([n, m]: [u64; 2], with: u64) -> f64 {
    chance_of_all(with, n.min(m), n + m)
}

/// The probability that a sample of m of N rows contains all t rows with a property:
/// m(m − 1)…(m − t + 1) / N(N − 1)…(N − t + 1). A negligible one is 0.
pub(super) fn chance_of_all(with: u64, sample: u64, all: u64) -> f64 {
    let mut probability = 1.0;
    for taken in 0..with {
        if taken >= sample || probability < f64::MIN_POSITIVE {
            return 0.0;
        }
        probability *= (sample - taken) as f64 / (all - taken) as f64;
    }
    probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_p_value_is_one_in_all_splits() {
        for (n, m, ways) in [(0, 0, 1.0), (0, 9, 1.0), (3, 3, 20.0), (10, 5, 3003.0)] {
            let found = smallest_p_value(n, m);
            assert!((found * ways - 1.0).abs() < 1e-12, "{n} {m}: {found}");
        }
        assert_eq!(smallest_p_value(1_000_000, 1_000_000), 0.0);
    }

    #[test]
    fn the_rarest_split_has_all_rows_in_the_smaller_sample() {
        let table = [
            ([3000, 500], 0, 1.0),
            ([3000, 500], 1, 1.0 / 7.0),
            ([500, 3000], 4, 4.122_198_084_649_065e-4),
            ([3, 2], 2, 0.1),
            ([3, 2], 3, 0.0),
            ([0, 0], 0, 1.0),
            ([u64::MAX / 2, u64::MAX / 2], u64::MAX, 0.0),
        ];
        for (rows, with, wanted) in table {
            let found = rarest_split(rows, with);
            assert!(
                (found - wanted).abs() <= 1e-12 * wanted,
                "{rows:?} {with}: {found}"
            );
        }
    }
}
