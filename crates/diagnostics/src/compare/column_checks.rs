//! The checks of one column: the choice of the test, its p-value, and the smallest p-value that it
//! could give.

use dataset::{Levels, MAX_LEVELS};

use super::check::{Check, Method, Test, Unit, Verdict};
use super::limits::{MIN_DISTANCE, MIN_MISSING, MIN_VARIATION};
use crate::statistics::{
    KolmogorovSmirnovMethod, ShareTest, SortedColumn, Tally, chi_square, contingency_table,
    expected_variation, kolmogorov_smirnov, pool_rare_levels, smallest_p_value, test_shares,
    total_variation, wasserstein,
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

/// Checks whether levels have the same shares. Effect and test use the table with pooled rare
/// levels. When pooling leaves one level, the effect is that of the whole table.
///
/// Without drift, the total variation grows with the number of levels. The smallest effect that
/// matters therefore includes the variation to expect by chance.
pub(super) fn check_categories(reference: &Levels, current: &Levels) -> Check {
    let rows = [reference.rows(), current.rows()];
    let untested = untested_check(Test::ChiSquare, Unit::TotalVariation, MIN_VARIATION, rows);
    if reference.uncounted + current.uncounted > 0 {
        return untested;
    }
    let table = contingency_table(&reference.counts, &current.counts);
    let pooled = pool_rare_levels(&table);
    let compared = if pooled.len() > 1 { &pooled } else { &table };
    let effect = total_variation(compared);
    let min_effect = MIN_VARIATION + expected_variation(&pooled).unwrap_or(0.0);
    let check = match pooled[..] {
        // One level in both files: no difference, and no table to test.
        _ if table.len() == 1 => Check {
            p_value: effect.map(|_| 1.0),
            min_p_value: effect.map(|_| min_p_value_of_shares(rows)),
            ..untested
        },
        [one, other] => with_share_test(untested, two_levels(one, other)),
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

/// Why levels cannot be tested, however many rows there are; `None` if they can.
pub(super) fn why_untested_levels(reference: &Levels, current: &Levels) -> Option<String> {
    if reference.uncounted + current.uncounted > 0 {
        return Some(format!("it has more than {MAX_LEVELS} different texts"));
    }
    let table = contingency_table(&reference.counts, &current.counts);
    let has_values = reference.rows() > 0 && current.rows() > 0;
    (has_values && table.len() > 1 && pool_rare_levels(&table).len() < 2)
        .then(|| format!("nearly all of its {} texts are rare", table.len()))
}

/// The check of values that cannot be compared.
pub(super) fn check_nothing([reference, current]: [Tally; 2]) -> Check {
    untested_check(
        Test::KolmogorovSmirnov,
        Unit::StandardDeviations,
        MIN_DISTANCE,
        [reference.without, current.without],
    )
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

/// Checks whether the same share of values is missing.
pub(super) fn check_missing([reference, current]: [Tally; 2]) -> Check {
    let test = test_shares(reference, current);
    let rows = [reference.rows(), current.rows()];
    let untested = untested_check(Test::Fisher, Unit::MissingShare, MIN_MISSING, rows);
    Check {
        effect: test.map(|test| test.difference),
        ..with_share_test(untested, test)
    }
}

/// Tests a table of two levels as two shares: Fisher's test is exact, however rare a level is.
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

fn untested_check(test: Test, unit: Unit, min_effect: f64, rows: [u64; 2]) -> Check {
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
