//! Whether as many values are missing as were.

use super::contingency::chi_square;
use super::proportions::{ShareTest, Tally};

/// Where fewer rows are expected in a cell, p is counted out. Five are enough for chi-square at 5 %
/// (Cochran 1954), but p is corrected for many columns, and so far out in the tail it is too small
/// by a factor until there are hundreds.
const LEAST_EXPECTED: f64 = 1000.0;
/// Probabilities closer than this, relative to each other, are equal but for rounding.
const ROUNDING: f64 = 1e-7;

/// Tests whether the missing share has moved: by chi-square on the 2×2 table where at least a
/// thousand rows are expected in each cell, else by Fisher's exact test, whose steps are at most as
/// many as the rows of the smallest row or column of the table.
///
/// Where no value is missing, or all are, p is 1. `None` when a side has no rows.
pub fn missingness(reference: Tally, current: Tally) -> Option<ShareTest> {
    let moved = current.share()? - reference.share()?;
    if least_expected(reference, current) < LEAST_EXPECTED {
        return Some(ShareTest {
            statistic: None,
            p_value: fisher(reference, current),
            moved,
        });
    }
    let table = [
        [reference.with, current.with],
        [reference.without, current.without],
    ];
    let test = chi_square(&table)?;
    Some(ShareTest {
        statistic: Some(test.statistic),
        p_value: test.p_value,
        moved,
    })
}

/// The smallest of the four counts that equal shares would make one expect.
fn least_expected(reference: Tally, current: Tally) -> f64 {
    let (n, m) = (reference.rows() as f64, current.rows() as f64);
    let with = (reference.with + current.with) as f64;
    let without = (reference.without + current.without) as f64;
    with.min(without) * n.min(m) / (n + m)
}

/// Two-sided p of Fisher's exact test: of all tables with these margins, how probable are those
/// that are no more probable than this one?
///
/// Without rows there is one table only: p is 1.
pub fn fisher(reference: Tally, current: Tally) -> f64 {
    let with = reference.with + current.with;
    let least = with.saturating_sub(current.rows());
    let most = with.min(reference.rows());
    // P(k + 1) / P(k) for k of the `with` among the reference's rows.
    let ratio = |k: u64| {
        let up = (with - k) as f64 * (reference.rows() - k) as f64;
        up / ((k + 1) as f64 * (current.rows() + k + 1 - with) as f64)
    };
    // Relative to the most probable table, all are between 0 and 1.
    let mode = (least..most).find(|k| ratio(*k) < 1.0).unwrap_or(most);
    let mut weights = vec![1.0; (most - least + 1) as usize];
    for k in mode..most {
        let place = (k - least) as usize;
        weights[place + 1] = weights[place] * ratio(k);
    }
    for k in (least..mode).rev() {
        let place = (k - least) as usize;
        weights[place] = weights[place + 1] / ratio(k);
    }
    let here = weights[(reference.with - least) as usize];
    let limit = here * (1.0 + ROUNDING);
    let total: f64 = weights.iter().sum();
    let tail: f64 = weights.iter().filter(|weight| **weight <= limit).sum();
    (tail / total).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{assert_close, cases};

    #[test]
    fn both_tests_are_those_of_scipy() {
        for case in cases("shares") {
            let (reference, current) = case.tallies();
            let p_value = fisher(reference, current);
            assert_close(Some(p_value), case.number("fisher_p_value"), 1e-6, &case);
            let found = missingness(reference, current).unwrap();
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
    fn the_edges_are_this_table() {
        let table = [
            ("empty", (0, 0), (0, 0), None),
            ("an empty side", (1, 4), (0, 0), None),
            ("none missing", (0, 4), (0, 9), Some((1.0, 0.0))),
            ("all missing", (4, 0), (9, 0), Some((1.0, 0.0))),
            ("one row each", (1, 0), (0, 1), Some((1.0, -1.0))),
            ("all missing now", (0, 4), (4, 0), Some((2.0 / 70.0, 1.0))),
            ("far apart", (0, 100_000), (100_000, 0), Some((0.0, 1.0))),
        ];
        for (name, reference, current, wanted) in table {
            let tally = |(with, without)| Tally { with, without };
            let found = missingness(tally(reference), tally(current));
            assert_eq!(found.is_some(), wanted.is_some(), "{name}");
            if let (Some(found), Some((p_value, moved))) = (found, wanted) {
                assert!((found.p_value - p_value).abs() < 1e-14, "{name}: {found:?}");
                assert_eq!(found.moved, moved, "{name}");
            }
        }
    }

    #[test]
    fn chi_square_takes_over_where_a_thousand_rows_are_expected_in_each_cell() {
        let tally = |with, without| Tally { with, without };
        let is_chi_square =
            |reference, current| missingness(reference, current).unwrap().statistic.is_some();
        assert!(is_chi_square(tally(990, 50_000), tally(1010, 49_980)));
        assert!(!is_chi_square(tally(990, 50_000), tally(1009, 49_981)));
        assert!(!is_chi_square(tally(500_000, 500_000), tally(900, 1099)));
    }

    #[test]
    fn far_out_in_the_tail_chi_square_is_not_believed() {
        let (reference, current) = (
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
        let found = missingness(reference, current).unwrap();
        let approximate = chi_square(&table).unwrap().p_value;
        assert_eq!(found.p_value, fisher(reference, current));
        assert!(
            approximate < found.p_value / 1000.0,
            "{approximate} {found:?}"
        );
    }

    #[test]
    fn where_chi_square_takes_over_it_is_right_within_a_factor_of_two() {
        let (reference, current) = (
            Tally {
                with: 10_000,
                without: 990_000,
            },
            Tally {
                with: 1150,
                without: 98_850,
            },
        );
        let found = missingness(reference, current).unwrap();
        let exact = fisher(reference, current);
        assert!(found.statistic.is_some());
        assert!(
            (0.5..2.0).contains(&(found.p_value / exact)),
            "{found:?} {exact}"
        );
    }
}
