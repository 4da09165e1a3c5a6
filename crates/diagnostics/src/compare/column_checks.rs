//! The checks of one column: the choice of the test, its p-value, and the smallest p-value that it
//! could give.

use common::numbers::count;
use dataset::{Levels, MAX_LEVELS};

use super::check::{Check, Method, Test, Unit, Verdict};
use super::limits::{MIN_DISTANCE, MIN_MISSING, MIN_PART_SHARE, MIN_VARIATION};
use crate::statistics::{
    KolmogorovSmirnovMethod, ShareTest, SortedColumn, Tally, chi_square, contingency_table,
    expected_variation, kolmogorov_smirnov, pool_rare_levels, simulated_chi_square,
    smallest_p_value, test_shares, total_variation, unseen_share, wasserstein,
};

/// Checks whether numbers have the same distribution.
pub(super) fn check_numbers(reference: &SortedColumn, current: &SortedColumn) -> Check {
    let test = kolmogorov_smirnov(reference, current);
    let rows = [reference.count(), current.count()];
    Check {
        statistic: test.map(|test| test.statistic),
        p_value: test.map(|test| test.p_value),
        method: test.map(|test| match test.method {
            KolmogorovSmirnovMethod::Exact => Method::Exact,
            KolmogorovSmirnovMethod::Asymptotic => Method::Asymptotic,
        }),
        // The extreme case: all values of one file lie above all values of the other, or below.
        min_p_value: test.map(|_| (2.0 * smallest_p_value(rows[0], rows[1])).min(1.0)),
        effect: wasserstein(reference, current).map(|distance| distance.normalised),
        ..untested_check(
            Test::KolmogorovSmirnov,
            Unit::StandardDeviations,
            MIN_DISTANCE,
            rows,
        )
    }
}

/// Checks whether levels have the same shares. A table with rare levels is tested by simulation.
/// Where the rows are too many for that, effect and test use the table with pooled rare levels.
///
/// `level` is the significance level that a p-value must be able to reach. `are_independent` is false if a
/// client may have several rows.
///
/// Without drift, the total variation grows with the number of levels. The smallest effect that
/// matters therefore includes the variation to expect by chance.
pub(super) fn check_categories(
    reference: &Levels,
    current: &Levels,
    level: f64,
    are_independent: bool,
) -> Check {
    let rows = [reference.rows(), current.rows()];
    let untested = untested_check(Test::ChiSquare, Unit::TotalVariation, MIN_VARIATION, rows);
    if reference.uncounted + current.uncounted > 0 {
        return untested;
    }
    let table = contingency_table(&reference.counts, &current.counts);
    let pooled = pool_rare_levels(&table);
    // Levels that the reference does not have matter, however little the other shares change.
    let has_unseen =
        are_independent && unseen_share(&table).is_some_and(|share| share >= MIN_PART_SHARE);
    // A total variation is at most 1. So the smallest effect that matters is a share of what
    // remains above the variation by chance.
    let min_effect = |expected: f64| match has_unseen {
        true => 0.0,
        false => expected + MIN_VARIATION * (1.0 - expected).max(0.0),
    };
    let has_rare = table.len() > 2 && pooled.len() < table.len() && !are_most_rows_single(&table);
    let simulated = has_rare.then(|| simulated_chi_square(&table, level));
    if let Some(test) = simulated.flatten() {
        return Check {
            statistic: Some(test.statistic),
            p_value: Some(test.p_value),
            method: Some(Method::Simulated),
            min_p_value: Some(test.min_p_value.max(min_p_value_of_shares(rows))),
            effect: total_variation(&table),
            min_effect: min_effect(test.expected_variation),
            ..untested
        };
    }
    // Fisher's test of two levels is valid even if they are rare.
    let compared = match table.len() > 2 && pooled.len() > 1 {
        true => &pooled,
        false => &table,
    };
    let effect = total_variation(compared);
    let min_effect = min_effect(expected_variation(compared).unwrap_or(0.0));
    let check = match compared[..] {
        // One level in both files: no difference, and no table to test.
        [_] => Check {
            p_value: effect.map(|_| 1.0),
            min_p_value: effect.map(|_| min_p_value_of_shares(rows)),
            ..untested
        },
        [one, other] => with_share_test(untested, two_levels(one, other)),
        // More than two levels, all of them rare.
        _ if pooled.len() == 1 => untested,
        ref levels => {
            let test = chi_square(levels);
            Check {
                statistic: test.map(|test| test.statistic),
                p_value: test.map(|test| test.p_value),
                degrees: test.map(|test| test.degrees),
                method: test.map(|_| Method::Asymptotic),
                min_p_value: test.map(|_| min_p_value_of_shares(rows)),
                ..untested
            }
        }
    };
    Check {
        effect,
        min_effect,
        ..check
    }
}

/// Why this check did not test the levels although both files have values; `None` if it did.
pub(super) fn why_untested_levels(
    reference: &Levels,
    current: &Levels,
    check: &Check,
) -> Option<String> {
    if reference.uncounted + current.uncounted > 0 {
        return Some(format!("it has more than {} levels", count(MAX_LEVELS)));
    }
    let table = contingency_table(&reference.counts, &current.counts);
    let has_values = reference.rows() > 0 && current.rows() > 0;
    if !has_values || table.len() < 2 || check.p_value.is_some() {
        return None;
    }
    Some(match are_most_rows_single(&table) {
        true => "more than half of its rows have a level of their own".to_owned(),
        false => format!(
            "its {} levels are rare, and it has too many rows for a simulated test",
            count(table.len())
        ),
    })
}

/// True if most rows have a level that no other row has. Such levels are names, and their shares say
/// nothing.
fn are_most_rows_single(table: &[[u64; 2]]) -> bool {
    let rows: u64 = table.iter().flatten().sum();
    let single = table.iter().filter(|cells| cells[0] + cells[1] == 1);
    single.count() as u64 * 2 > rows
}

/// Checks whether the same share of cells is a number.
pub(super) fn check_number_share([before, after]: [Tally; 2]) -> Check {
    let test = test_shares(before, after);
    let rows = [before.rows(), after.rows()];
    let untested = untested_check(Test::Fisher, Unit::TotalVariation, MIN_VARIATION, rows);
    Check {
        effect: test.map(|test| test.difference.abs()),
        ..with_share_test(untested, test)
    }
}

/// Checks whether the same share of values is missing. `are_independent` is false if a client may have
/// several rows.
pub(super) fn check_missing([reference, current]: [Tally; 2], are_independent: bool) -> Check {
    let test = test_shares(reference, current);
    let rows = [reference.rows(), current.rows()];
    // Missing values where there were none have another cause than chance, however few they are. But all
    // rows of one client may lack a value for one reason.
    let min_effect = match reference {
        Tally {
            with: 0,
            without: 1..,
        } if are_independent => 0.0,
        _ => MIN_MISSING,
    };
    let untested = untested_check(Test::Fisher, Unit::MissingShare, min_effect, rows);
    Check {
        effect: test.map(|test| test.difference),
        ..with_share_test(untested, test)
    }
}

/// Tests a table of two levels as two shares. Small counts get Fisher's exact test, so no level is
/// too rare.
fn two_levels(one: [u64; 2], other: [u64; 2]) -> Option<ShareTest> {
    let tally = |side: usize| Tally {
        with: one[side],
        without: other[side],
    };
    test_shares(tally(0), tally(1))
}

/// Adds the result of a test of two shares. An exact test has no statistic.
fn with_share_test(untested: Check, found: Option<ShareTest>) -> Check {
    let statistic = found.and_then(|found| found.statistic);
    let (test, method, degrees) = match statistic {
        Some(_) => (Test::ChiSquare, Method::Asymptotic, Some(1)),
        None => (Test::Fisher, Method::Exact, None),
    };
    Check {
        test,
        statistic,
        degrees,
        method: found.map(|_| method),
        p_value: found.map(|found| found.p_value),
        min_p_value: found.map(|_| min_p_value_of_shares(untested.rows)),
        ..untested
    }
}

/// The smallest p-value of a test of shares: all rows of one file have the level, and no row of the
/// other. With equal numbers of rows the opposite case is as rare.
fn min_p_value_of_shares([n, m]: [u64; 2]) -> f64 {
    let sides = if n == m { 2.0 } else { 1.0 };
    (sides * smallest_p_value(n, m)).min(1.0)
}

/// A check without a result.
pub(super) fn untested_check(test: Test, unit: Unit, min_effect: f64, rows: [u64; 2]) -> Check {
    Check {
        test,
        rows,
        degrees: None,
        method: None,
        statistic: None,
        p_value: None,
        min_p_value: None,
        corrected_p_value: None,
        effect: None,
        unit,
        min_effect,
        verdict: Verdict::InsufficientData,
        sentence: String::new(),
    }
}
