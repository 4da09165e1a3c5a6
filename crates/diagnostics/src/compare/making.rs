//! The checks of one column: which test is made of it, and what that test could have said at most.

use dataset::Levels;

use super::check::{Check, Method, Test, Unit, Verdict};
use super::{LEAST_DISTANCE, LEAST_MISSING, LEAST_VARIATION};
use crate::statistics::{
    KolmogorovSmirnovMethod, ShareTest, SortedColumn, Tally, chi_square, contingency_table,
    kolmogorov_smirnov, missingness, pooled, separation, total_variation, variation_of_chance,
    wasserstein,
};

/// Of two distributions of numbers.
pub(super) fn of_numbers(reference: &SortedColumn, current: &SortedColumn) -> Check {
    let test = kolmogorov_smirnov(reference, current);
    let rows = [reference.count(), current.count()];
    Check {
        statistic: test.map(|test| test.statistic),
        p_value: test.map(|test| test.p_value),
        method: test.map(|test| match test.method {
            KolmogorovSmirnovMethod::Exact => Method::Exact,
            KolmogorovSmirnovMethod::Asymptotic => Method::Asymptotic,
        }),
        // All values of one side lie above all of the other, or below.
        least_p_value: test.map(|_| (2.0 * separation(rows[0], rows[1])).min(1.0)),
        effect: wasserstein(reference, current).map(|distance| distance.normalised),
        ..untested(
            Test::KolmogorovSmirnov,
            Unit::StandardDeviations,
            LEAST_DISTANCE,
            rows,
        )
    }
}

/// Of two sets of categories. Effect and test are those of the table with its rare levels pooled;
/// where that leaves nothing to test, the effect is that of the whole.
///
/// The total variation of files that have not drifted grows with the number of levels, so that it
/// matters only from what chance makes of them on.
pub(super) fn of_categories(reference: &Levels, current: &Levels) -> Check {
    let rows = [reference.rows(), current.rows()];
    let untested = untested(Test::ChiSquare, Unit::TotalVariation, LEAST_VARIATION, rows);
    if reference.uncounted + current.uncounted > 0 {
        return untested;
    }
    let table = contingency_table(&reference.counts, &current.counts);
    let pooled = pooled(&table);
    let compared = if pooled.len() > 1 { &pooled } else { &table };
    let effect = total_variation(compared);
    let least_effect = LEAST_VARIATION + variation_of_chance(&pooled).unwrap_or(0.0);
    let check = match pooled[..] {
        // A single level that both files have is no difference, and no table to test.
        _ if table.len() == 1 => Check {
            p_value: effect.map(|_| 1.0),
            least_p_value: effect.map(|_| least_of_shares(rows)),
            ..untested
        },
        [one, other] => of_shares(untested, two_levels(one, other)),
        ref levels => {
            let test = chi_square(levels);
            Check {
                statistic: test.map(|test| test.statistic),
                p_value: test.map(|test| test.p_value),
                degrees: test.map(|test| test.degrees),
                method: test.map(|_| Method::Asymptotic),
                least_p_value: test.map(|_| least_of_shares(rows)),
                ..untested
            }
        }
    };
    Check {
        effect,
        least_effect,
        ..check
    }
}

/// Whether as many cells are numbers.
pub(super) fn of_kinds([before, after]: [Tally; 2]) -> Check {
    let test = missingness(before, after);
    let rows = [before.rows(), after.rows()];
    let untested = untested(Test::Fisher, Unit::TotalVariation, LEAST_VARIATION, rows);
    Check {
        effect: test.map(|test| test.moved.abs()),
        ..of_shares(untested, test)
    }
}

/// Whether as many values are missing.
pub(super) fn of_missing([reference, current]: [Tally; 2]) -> Check {
    let test = missingness(reference, current);
    let rows = [reference.rows(), current.rows()];
    let untested = untested(Test::Fisher, Unit::MissingShare, LEAST_MISSING, rows);
    Check {
        effect: test.map(|test| test.moved),
        ..of_shares(untested, test)
    }
}

/// A table of two levels can be counted out, however rare one of them is.
fn two_levels(one: [u64; 2], other: [u64; 2]) -> Option<ShareTest> {
    let tally = |side: usize| Tally {
        with: one[side],
        without: other[side],
    };
    missingness(tally(0), tally(1))
}

/// What was made of a table of two rows and two columns: what was counted out has no statistic.
fn of_shares(untested: Check, found: Option<ShareTest>) -> Check {
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
        least_p_value: found.map(|_| least_of_shares(untested.rows)),
        ..untested
    }
}

/// All rows of one side have it, and none of the other; where the sides are equal, the other way
/// round is as rare.
fn least_of_shares([n, m]: [u64; 2]) -> f64 {
    let sides = if n == m { 2.0 } else { 1.0 };
    (sides * separation(n, m)).min(1.0)
}

fn untested(test: Test, unit: Unit, least_effect: f64, rows: [u64; 2]) -> Check {
    Check {
        test,
        rows,
        degrees: None,
        method: None,
        statistic: None,
        p_value: None,
        least_p_value: None,
        corrected_p_value: None,
        effect: None,
        unit,
        least_effect,
        verdict: Verdict::InsufficientData,
        sentence: String::new(),
    }
}
