//! Shares of two samples, and whether they are the same.

use serde::{Deserialize, Serialize};
use statrs::function::factorial::ln_binomial;

/// Rows of one sample that have something, and rows that do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows with it.
    pub with: u64,
    /// Rows without it.
    pub without: u64,
}

impl Tally {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.with + self.without
    }

    /// The share with it, 0 to 1; `None` without rows.
    pub fn share(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.with as f64 / self.rows() as f64)
    }
}

/// Whether two samples have the same share of something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareTest {
    /// Chi-square; `None` where p was counted out.
    pub statistic: Option<f64>,
    /// How probable shares as far apart are when both samples have the same.
    pub p_value: f64,
    /// The share in the batch less that in the reference, −1 to 1.
    pub moved: f64,
}

/// The chance that of n + m rows dealt at random to two sides just these come to the first:
/// 1 / (n + m choose n).
///
/// No test of two samples that holds its level can give a smaller p, whatever the values are.
pub fn separation(n: u64, m: u64) -> f64 {
    (-ln_binomial(n.saturating_add(m), n)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_deal_is_one_of_all() {
        for (n, m, ways) in [(0, 0, 1.0), (0, 9, 1.0), (3, 3, 20.0), (10, 5, 3003.0)] {
            let found = separation(n, m);
            assert!((found * ways - 1.0).abs() < 1e-12, "{n} {m}: {found}");
        }
        assert_eq!(separation(1_000_000, 1_000_000), 0.0);
    }
}
