//! The test of two shares: has the share of missing values changed?

use super::contingency::chi_square;
use super::proportions::{ShareTest, Tally};

/// Smallest expected count per cell for chi-square; with fewer rows p is exact.
///
/// Five are enough at a level of 5 % (Cochran 1954). But p is corrected for many columns. Far in the tail,
/// chi-square makes p too small by a large factor, unless each cell has hundreds of expected rows.
const MIN_EXPECTED: f64 = 1000.0;
/// Relative difference below which two probabilities count as equal, because of rounding.
const ROUNDING: f64 = 1e-7;

/// Tests whether two samples have the same share.
///
/// Chi-square is used when at least a thousand rows are expected in each cell of the 2×2 table. Otherwise
/// Fisher's exact test is used. It needs at most as many steps as the smallest margin has rows.
///
/// When all shares are 0, or all are 1, p is 1. `None` when a sample has no rows.
pub fn test_shares(reference: Tally, batch: Tally) -> Option<ShareTest> {
    let difference = batch.share()? - reference.share()?;
    if smallest_expected(reference, batch) < MIN_EXPECTED {
        return Some(ShareTest {
            statistic: None,
            p_value: fisher(reference, batch),
            difference,
        });
    }
    let table = [
        [reference.with, batch.with],
        [reference.without, batch.without],
    ];
    let test = chi_square(&table)?;
    Some(ShareTest {
        statistic: Some(test.statistic),
        p_value: test.p_value,
        difference,
    })
}

/// The smallest of the four counts that are expected when the shares are equal.
fn smallest_expected(reference: Tally, batch: Tally) -> f64 {
    let (n, m) = (reference.rows() as f64, batch.rows() as f64);
    let with = (reference.with + batch.with) as f64;
    let without = (reference.without + batch.without) as f64;
    with.min(without) * n.min(m) / (n + m)
}

/// Two-sided p-value of Fisher's exact test: the probability of all tables with the same margins
/// that are at most as probable as this one.
///
/// Without rows only one table exists, so p is 1.
pub fn fisher(reference: Tally, batch: Tally) -> f64 {
    let with = reference.with + batch.with;
    SplitsOfRows::of([reference.rows(), batch.rows()], with).p_value(reference.with)
}

/// All ways to split the rows with a property between two samples of given sizes: the tables of
/// Fisher's exact test.
pub(super) struct SplitsOfRows {
    /// The smallest possible number of such rows in the first sample.
    smallest: u64,
    /// Probability of each number in the first sample, ascending by number, relative to the most
    /// probable one. All are between 0 and 1.
    weights: Vec<f64>,
    /// Sum of the weights.
    total: f64,
}

impl SplitsOfRows {
    /// The splits of `with` rows between samples of these sizes.
    pub(super) fn of([first, second]: [u64; 2], with: u64) -> Self {
        let smallest = with.saturating_sub(second);
        let largest = with.min(first);
        // P(k + 1) / P(k), where k rows with the property are in the first sample.
        let ratio = |k: u64| {
            let up = (with - k) as f64 * (first - k) as f64;
            up / ((k + 1) as f64 * (second + k + 1 - with) as f64)
        };
        let mode = (smallest..largest)
            .find(|k| ratio(*k) < 1.0)
            .unwrap_or(largest);
        let mut weights = vec![1.0; (largest - smallest + 1) as usize];
        for k in mode..largest {
            let position = (k - smallest) as usize;
            weights[position + 1] = weights[position] * ratio(k);
        }
        for k in (smallest..mode).rev() {
            let position = (k - smallest) as usize;
            weights[position] = weights[position + 1] / ratio(k);
        }
        Self {
            smallest,
            total: weights.iter().sum(),
            weights,
        }
    }

    /// The probability of all splits that are at most as probable as the one with this number of
    /// rows in the first sample.
    pub(super) fn p_value(&self, first: u64) -> f64 {
        let here = self.weights[(first - self.smallest) as usize];
        let limit = here * (1.0 + ROUNDING);
        let tail: f64 = self.weights.iter().filter(|it| **it <= limit).sum();
        (tail / self.total).min(1.0)
    }

    /// The smallest p-value that a split can have.
    pub(super) fn min_p_value(&self) -> f64 {
        let last = self.smallest + self.weights.len() as u64 - 1;
        self.p_value(self.smallest).min(self.p_value(last))
    }

    /// Probability that a random split has a p-value of at most `p_value`. This is the largest p-value of a
    /// split that is not above `p_value`, or 0 if there is none.
    pub(super) fn chance_of(&self, p_value: f64) -> f64 {
        let mut ascending = self.weights.clone();
        ascending.sort_unstable_by(f64::total_cmp);
        let limit = p_value * (1.0 + ROUNDING) * self.total;
        let (mut chance, mut sum) = (0.0, 0.0);
        let is_tie = |a: &f64, b: &f64| *b <= *a * (1.0 + ROUNDING);
        for ties in ascending.chunk_by(is_tie) {
            sum += ties.iter().sum::<f64>();
            if sum > limit {
                break;
            }
            chance = sum;
        }
        chance / self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn both_tests_match_scipy() {
        for case in cases("shares") {
            let (reference, batch) = case.tallies();
            let p_value = fisher(reference, batch);
            assert_close(Some(p_value), case.number("fisher_p_value"), 1e-6, &case);
            let found = test_shares(reference, batch).unwrap();
            if found.statistic.is_some() {
                let p_value = case.number("chi_square_p_value");
                assert_close(Some(found.p_value), p_value, 1e-6, &case);
                assert_close(found.statistic, case.number("chi_square"), 1e-9, &case);
            } else {
                assert_eq!(found.p_value, p_value, "{case:?}");
            }
        }
    }

    #[test]
    fn edge_cases() {
        let table = [
            ("empty", (0, 0), (0, 0), None),
            ("an empty side", (1, 4), (0, 0), None),
            ("none missing", (0, 4), (0, 9), Some((1.0, 0.0))),
            ("all missing", (4, 0), (9, 0), Some((1.0, 0.0))),
            ("one row each", (1, 0), (0, 1), Some((1.0, -1.0))),
            ("all missing now", (0, 4), (4, 0), Some((2.0 / 70.0, 1.0))),
            ("far apart", (0, 100_000), (100_000, 0), Some((0.0, 1.0))),
        ];
        for (name, reference, batch, wanted) in table {
            let tally = |(with, without)| Tally { with, without };
            let found = test_shares(tally(reference), tally(batch));
            assert_eq!(found.is_some(), wanted.is_some(), "{name}");
            if let (Some(found), Some((p_value, difference))) = (found, wanted) {
                assert!((found.p_value - p_value).abs() < 1e-14, "{name}: {found:?}");
                assert_eq!(found.difference, difference, "{name}");
            }
        }
    }

    #[test]
    fn chi_square_needs_a_thousand_expected_rows_per_cell() {
        let tally = |with, without| Tally { with, without };
        let is_chi_square =
            |reference, batch| test_shares(reference, batch).unwrap().statistic.is_some();
        assert!(is_chi_square(tally(990, 50_000), tally(1010, 49_980)));
        assert!(!is_chi_square(tally(990, 50_000), tally(1009, 49_981)));
        assert!(!is_chi_square(tally(500_000, 500_000), tally(900, 1099)));
    }

    #[test]
    fn far_in_the_tail_fishers_test_is_used() {
        let (reference, batch) = (
            Tally {
                with: 97,
                without: 49_903,
            },
            Tally {
                with: 15,
                without: 985,
            },
        );
        let table = [[97, 15], [49_903, 985]];
        let found = test_shares(reference, batch).unwrap();
        let approximate = chi_square(&table).unwrap().p_value;
        assert_eq!(found.p_value, fisher(reference, batch));
        assert!(
            approximate < found.p_value / 1000.0,
            "{approximate} {found:?}"
        );
    }

    #[test]
    fn chi_square_is_within_a_factor_of_two_of_fishers_test() {
        let (reference, batch) = (
            Tally {
                with: 10_000,
                without: 990_000,
            },
            Tally {
                with: 1150,
                without: 98_850,
            },
        );
        let found = test_shares(reference, batch).unwrap();
        let exact = fisher(reference, batch);
        assert!(found.statistic.is_some());
        assert!(
            (0.5..2.0).contains(&(found.p_value / exact)),
            "{found:?} {exact}"
        );
    }
}
