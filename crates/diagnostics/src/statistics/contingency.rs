//! Categories: Pearson's chi-square on a contingency table, and the total variation.
//!
//! Never goodness of fit against the reference: its shares are a sample too.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::tails::chi_square_tail;

/// Where fewer rows are expected in a cell, chi-square is not to be trusted (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;

/// How many rows have each level; missing values are no level. Mergeable by adding.
pub type LevelCounts = BTreeMap<String, u64>;

/// Whether two samples have the same shares of each level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChiSquare {
    /// Σ(observed − expected)² / expected over all cells, without a correction for continuity.
    pub statistic: f64,
    /// Levels − 1.
    pub degrees: usize,
    /// How probable a statistic as large is when the shares are the same.
    pub p_value: f64,
}

/// Tests a 2×K table: a column per level, with the counts of reference and batch.
///
/// Levels that neither side has do not count. `None` when a side is empty or fewer than two
/// levels are left.
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
            // Both cells of a level are as far from what is expected: (xm − yn) / (n + m).
            let apart = x * m - y * n;
            apart * apart / (n * m * (x + y))
        })
        .sum();
    Some(ChiSquare {
        statistic,
        degrees,
        p_value: chi_square_tail(statistic, degrees)?,
    })
}

/// The table with all levels of which fewer than five rows are expected on the smaller side made
/// one, which the rarest of the others joins while it is still too rare and two are left without
/// it; levels that neither side has are dropped.
///
/// Hundreds of levels with a row each would otherwise make drift of chance.
pub fn pooled(table: &[[u64; 2]]) -> Vec<[u64; 2]> {
    let [n, m] = totals(table).map(|count| count as f64);
    let is_rare =
        |cells: &[u64; 2]| (cells[0] + cells[1]) as f64 * n.min(m) / (n + m) < LEAST_EXPECTED;
    let there = table.iter().filter(|cells| **cells != [0, 0]);
    let (rare, mut levels): (Vec<[u64; 2]>, Vec<[u64; 2]>) =
        there.partition(|cells| is_rare(cells));
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

/// Half the sum of the absolute differences of shares, 0 to 1; `None` when a side is empty.
pub fn total_variation(table: &[[u64; 2]]) -> Option<f64> {
    let [n, m] = totals(table);
    let apart = |cells: &[u64; 2]| (cells[0] as f64 / n as f64 - cells[1] as f64 / m as f64).abs();
    (n > 0 && m > 0).then(|| 0.5 * table.iter().map(apart).sum::<f64>())
}

/// The total variation to expect of two samples with the same shares: no difference makes none.
///
/// With the pooled shares p, the difference of a level's shares is about normal with the variance
/// p(1 − p)(1/n + 1/m), and the mean of its size √(2/π) standard deviations; so for levels that are
/// not rare, as in a [`pooled`] table. `None` when a side is empty.
pub fn variation_of_chance(table: &[[u64; 2]]) -> Option<f64> {
    let [n, m] = totals(table).map(|count| count as f64);
    let size = |cells: &[u64; 2]| {
        let share = (cells[0] + cells[1]) as f64 / (n + m);
        (2.0 / PI * share * (1.0 - share) * (1.0 / n + 1.0 / m)).sqrt()
    };
    (n > 0.0 && m > 0.0).then(|| 0.5 * table.iter().map(size).sum::<f64>())
}

/// The levels that occur on either side, in order, with the counts of both.
pub fn contingency_table(reference: &LevelCounts, current: &LevelCounts) -> Vec<[u64; 2]> {
    let levels: BTreeSet<&String> = reference.keys().chain(current.keys()).collect();
    let count = |side: &LevelCounts, level: &String| side.get(level).copied().unwrap_or(0);
    levels
        .into_iter()
        .map(|level| [count(reference, level), count(current, level)])
        .collect()
}

fn totals(table: &[[u64; 2]]) -> [u64; 2] {
    [0, 1].map(|side: usize| table.iter().map(|cells| cells[side]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{assert_close, cases};

    #[test]
    fn the_test_is_that_of_scipy() {
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

    /// Name, table, p-value and total variation.
    type Edge<'a> = (&'a str, &'a [[u64; 2]], Option<f64>, Option<f64>);

    #[test]
    fn the_edges_are_this_table() {
        let table: [Edge<'_>; 7] = [
            ("empty", &[], None, None),
            ("an empty side", &[[3, 0], [4, 0]], None, None),
            ("one level", &[[3, 5]], None, Some(0.0)),
            (
                "one level and one of nobody",
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
            let apart = found.unwrap_or(0.0) - p_value.unwrap_or(0.0);
            assert!(apart.abs() < 1e-11, "{name}: {found:?}");
            assert_eq!(total_variation(cells), variation, "{name}");
        }
    }

    #[test]
    fn rare_levels_are_one_and_not_a_rare_one() {
        type Cells<'a> = &'a [[u64; 2]];
        let table: [(&str, Cells<'_>, Cells<'_>); 6] = [
            ("nobody", &[], &[]),
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
                "one beside the rare",
                &[[90, 90], [0, 3]],
                &[[90, 90], [0, 3]],
            ),
            ("all rare", &[[1, 0], [0, 1], [1, 1]], &[[2, 2]]),
        ];
        for (name, cells, wanted) in table {
            assert_eq!(pooled(cells), wanted, "{name}");
        }
    }

    #[test]
    fn what_chance_makes_is_about_what_draws_make() {
        let mut draws = crate::draws::Draws(3);
        let mut drawn = |rows: u64| {
            let mut counts = [0_u64; 20];
            for _ in 0..rows {
                // Levels of 1 to 20 in 210.
                let place = (draws.uniform() * 210.0) as u64;
                let level = (0..20).find(|level| place < (level + 1) * (level + 2) / 2);
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
                expected += variation_of_chance(&table).unwrap();
            }
            let ratio: f64 = found / expected;
            assert!((ratio - 1.0).abs() < 0.06, "{n} and {m}: {ratio}");
        }
        assert_eq!(variation_of_chance(&[]), None);
        assert_eq!(variation_of_chance(&[[3, 0], [4, 0]]), None);
        assert_eq!(variation_of_chance(&[[3, 5], [0, 0]]), Some(0.0));
    }

    #[test]
    fn levels_of_one_side_only_stand_in_the_table() {
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
