//! Tests of categories: Pearson's chi-square for a contingency table, and the total variation.
//!
//! No test here is a goodness-of-fit test against the reference, because the shares of the
//! reference are a sample, too.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::proportions::chance_of_all;
use super::tails::chi_square_tail;

/// The smallest expected count per cell for which chi-square is reliable (Cochran 1954).
const MIN_EXPECTED: f64 = 5.0;

/// Number of rows by level, without missing values. Counts of parts of a sample can be added.
pub type LevelCounts = BTreeMap<String, u64>;

/// Chi-square test of whether two samples have the same shares of each level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChiSquare {
    /// Σ(observed − expected)² / expected over all cells, without a correction for continuity.
    pub statistic: f64,
    /// Degrees of freedom: levels − 1.
    pub degrees: usize,
    /// Probability of a statistic at least this large when the shares are equal.
    pub p_value: f64,
}

/// Tests a 2×K table, which has the counts of reference and batch for each level.
///
/// Levels without rows do not count. `None` when a sample is empty or fewer than two levels have
/// rows.
pub fn chi_square(table: &[[u64; 2]]) -> Option<ChiSquare> {
    let [n, m] = totals(table);
    let levels = table.iter().filter(|cells| cells[0] + cells[1] > 0);
    let degrees = levels.clone().count().checked_sub(1)?;
    if n == 0 || m == 0 || degrees == 0 {
        return None;
    }
    let (n, m) = (n as f64, m as f64);
    let statistic = levels
        .map(|cells| {
            let [x, y] = cells.map(|count| count as f64);
            // Both cells of a level differ from their expected count by the same number: (xm − yn)
            // / (n + m).
            let difference = x * m - y * n;
            difference * difference / (n * m * (x + y))
        })
        .sum();
    Some(ChiSquare {
        statistic,
        degrees,
        p_value: chi_square_tail(statistic, degrees)?,
    })
}

/// Pools rare levels into one. A level is rare when fewer than five rows are expected in the
/// smaller sample.
///
/// If the pool itself is rare and at least two other levels exist, the rarest of them joins it. One
/// is enough, because it is not rare. Levels without rows are dropped.
///
/// Without pooling, hundreds of levels with one row each would cause false alarms.
pub fn pool_rare_levels(table: &[[u64; 2]]) -> Vec<[u64; 2]> {
    let [n, m] = totals(table).map(|count| count as f64);
    let is_rare =
        |cells: &[u64; 2]| (cells[0] + cells[1]) as f64 * n.min(m) / (n + m) < MIN_EXPECTED;
    let present = table.iter().filter(|cells| **cells != [0, 0]);
    let (rare, mut levels): (Vec<[u64; 2]>, Vec<[u64; 2]>) =
        present.partition(|cells| is_rare(cells));
    if rare.is_empty() {
        return levels;
    }
    let mut pool = totals(&rare);
    levels.sort_unstable_by_key(|cells| std::cmp::Reverse(cells[0] + cells[1]));
    if is_rare(&pool) && levels.len() > 1 {
        let joining = levels.pop().unwrap_or_default();
        pool = totals(&[pool, joining]);
    }
    levels.push(pool);
    levels
}

/// Total variation: half the sum of the absolute differences of shares, 0 to 1. `None` when a
/// sample is empty.
pub fn total_variation(table: &[[u64; 2]]) -> Option<f64> {
    let [n, m] = totals(table);
    let difference =
        |cells: &[u64; 2]| (cells[0] as f64 / n as f64 - cells[1] as f64 / m as f64).abs();
    (n > 0 && m > 0).then(|| 0.5 * table.iter().map(difference).sum::<f64>())
}

/// Expected total variation of two samples from the same distribution.
///
/// For the pooled share p, the difference of a level's shares is about normal with variance p(1 −
/// p)(1/n + 1/m). The mean of its absolute value is √(2/π) standard deviations. This holds for
/// levels that are not rare, as in a table from [`pool_rare_levels`]. `None` when a sample is
/// empty.
pub fn expected_variation(table: &[[u64; 2]]) -> Option<f64> {
    let [n, m] = totals(table).map(|count| count as f64);
    let size = |cells: &[u64; 2]| {
        let share = (cells[0] + cells[1]) as f64 / (n + m);
        (2.0 / PI * share * (1.0 - share) * (1.0 / n + 1.0 / m)).sqrt()
    };
    (n > 0.0 && m > 0.0).then(|| 0.5 * table.iter().map(size).sum::<f64>())
}

/// Share of the batch's rows that have a level without rows in the reference, minus the share that is
/// expected by chance. `None` when a sample is empty.
///
/// By chance, a level without rows in the reference has all its rows in the batch.
pub(crate) fn unseen_share(table: &[[u64; 2]]) -> Option<f64> {
    let [n, m] = totals(table);
    if n == 0 || m == 0 {
        return None;
    }
    let unseen = table.iter().filter(|cells| cells[0] == 0);
    let unseen: u64 = unseen.map(|cells| cells[1]).sum();
    let expected = |cells: &[u64; 2]| {
        let rows = cells[0] + cells[1];
        rows as f64 * chance_of_all(rows, m, n + m)
    };
    let expected: f64 = table.iter().map(expected).sum();
    Some((unseen as f64 - expected) / m as f64)
}

/// The contingency table of two samples: a row for each level of either sample, in order.
pub fn contingency_table(reference: &LevelCounts, batch: &LevelCounts) -> Vec<[u64; 2]> {
    let levels = contingency_levels(reference, batch);
    levels.map(|(_, counts)| counts).collect()
}

/// Each level of either sample with its rows in both, in order.
pub(crate) fn contingency_levels<'l>(
    reference: &'l LevelCounts,
    batch: &'l LevelCounts,
) -> impl Iterator<Item = (&'l String, [u64; 2])> {
    let levels: BTreeSet<&String> = reference.keys().chain(batch.keys()).collect();
    let count = |side: &LevelCounts, level: &String| side.get(level).copied().unwrap_or(0);
    levels
        .into_iter()
        .map(move |level| (level, [count(reference, level), count(batch, level)]))
}

fn totals(table: &[[u64; 2]]) -> [u64; 2] {
    [0, 1].map(|side: usize| table.iter().map(|cells| cells[side]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn the_test_matches_scipy() {
        for case in cases("contingency") {
            let table = case.table();
            let found = chi_square(&table).unwrap();
            assert_close(Some(found.statistic), case.number("statistic"), 1e-9, &case);
            assert_close(Some(found.p_value), case.number("p_value"), 1e-6, &case);
            assert_eq!(found.degrees, case.count("degrees"));
            let variation = total_variation(&table);
            assert_close(variation, case.number("total_variation"), 1e-9, &case);
        }
    }

    #[test]
    fn unseen_levels_count_beyond_chance() {
        // A level with one row is in the batch with probability m / N, with two rows 4/14 · 3/13.
        let table = [[8, 2], [0, 2], [1, 0], [1, 0]];
        let expected = 2.0 * (4.0 * 3.0) / (14.0 * 13.0) + 2.0 * 4.0 / 14.0;
        let found = unseen_share(&table).unwrap();
        assert!((found - (2.0 - expected) / 4.0).abs() < 1e-12, "{found}");
        assert_eq!(unseen_share(&[[0, 4], [0, 2]]), None);
        assert_eq!(unseen_share(&[[4, 0]]), None);
        let large = unseen_share(&[[900_000, 400_000], [0, 100_000]]).unwrap();
        assert!((large - 0.2).abs() < 1e-12, "{large}");
    }

    /// Name, table, expected p-value and expected total variation.
    type Edge<'a> = (&'a str, &'a [[u64; 2]], Option<f64>, Option<f64>);

    #[test]
    fn edge_cases() {
        let table: [Edge<'_>; 7] = [
            ("empty", &[], None, None),
            ("an empty side", &[[3, 0], [4, 0]], None, None),
            ("one level", &[[3, 5]], None, Some(0.0)),
            (
                "one level and one without rows",
                &[[3, 5], [0, 0]],
                None,
                Some(0.0),
            ),
            ("the same shares", &[[3, 6], [4, 8]], Some(1.0), Some(0.0)),
            (
                "no level in common",
                &[[2, 0], [0, 2]],
                Some(0.045_500_263_896),
                Some(1.0),
            ),
            (
                "one row each",
                &[[1, 0], [0, 1]],
                Some(0.157_299_207_050),
                Some(1.0),
            ),
        ];
        for (name, cells, p_value, variation) in table {
            let found = chi_square(cells).map(|found| found.p_value);
            assert_eq!(found.is_some(), p_value.is_some(), "{name}");
            let difference = found.unwrap_or(0.0) - p_value.unwrap_or(0.0);
            assert!(difference.abs() < 1e-11, "{name}: {found:?}");
            assert_eq!(total_variation(cells), variation, "{name}");
        }
    }

    #[test]
    fn a_rare_level_joins_the_pool_and_a_rare_pool_gets_one_more() {
        type Cells<'a> = &'a [[u64; 2]];
        let table: [(&str, Cells<'_>, Cells<'_>); 6] = [
            ("no levels", &[], &[]),
            (
                "none is rare",
                &[[20, 20], [0, 0], [9, 30]],
                &[[20, 20], [9, 30]],
            ),
            (
                "rare ones together",
                &[[1, 0], [2, 2], [0, 9], [90, 90]],
                &[[90, 90], [3, 11]],
            ),
            (
                "still rare together",
                &[[1, 0], [90, 90], [20, 20], [0, 1]],
                &[[90, 90], [21, 21]],
            ),
            (
                "one level and a rare one",
                &[[90, 90], [0, 3]],
                &[[90, 90], [0, 3]],
            ),
            ("all rare", &[[1, 0], [0, 1], [1, 1]], &[[2, 2]]),
        ];
        for (name, cells, wanted) in table {
            assert_eq!(pool_rare_levels(cells), wanted, "{name}");
        }
    }

    #[test]
    fn the_expected_variation_matches_simulation() {
        let mut draws = crate::draws::Draws(3);
        let mut drawn = |rows: u64| {
            let mut counts = [0_u64; 20];
            for _ in 0..rows {
                // The levels have shares of 1 to 20 in 210.
                let position = (draws.uniform() * 210.0) as u64;
                let level = (0..20).find(|level| position < (level + 1) * (level + 2) / 2);
                counts[level.unwrap() as usize] += 1;
            }
            counts
        };
        for [n, m] in [[1500, 1500], [40_000, 1500]] {
            let (mut found, mut expected) = (0.0, 0.0);
            for _ in 0..100 {
                let (one, other) = (drawn(n), drawn(m));
                let table: Vec<[u64; 2]> = (0..20).map(|it| [one[it], other[it]]).collect();
                found += total_variation(&table).unwrap();
                expected += expected_variation(&table).unwrap();
            }
            let ratio: f64 = found / expected;
            assert!((ratio - 1.0).abs() < 0.06, "{n} and {m}: {ratio}");
        }
        assert_eq!(expected_variation(&[]), None);
        assert_eq!(expected_variation(&[[3, 0], [4, 0]]), None);
        assert_eq!(expected_variation(&[[3, 5], [0, 0]]), Some(0.0));
    }

    #[test]
    fn levels_of_one_sample_are_in_the_table() {
        let counts = |levels: &[(&str, u64)]| {
            let owned = levels
                .iter()
                .map(|(level, rows)| ((*level).to_owned(), *rows));
            owned.collect::<LevelCounts>()
        };
        let table = contingency_table(
            &counts(&[("north", 3), ("south", 4)]),
            &counts(&[("east", 5), ("south", 6)]),
        );
        assert_eq!(table, [[0, 5], [3, 0], [4, 6]]);
    }
}
