//! From what a column held to what it may promise.

use common::schema::{
    CategoryRules, ListedLevels, MissingShare, NumberRules, Presence, ValueRange,
};

use super::columns::PooledColumn;

/// With so many rows and none that misses it, a value is missing in less than 3 % of the rows (95 %
/// confidence, by the rule of three).
const ROWS_TO_REQUIRE: u64 = 100;
/// The largest missing share of a file is allowed this often, and this much on top: the shares of
/// small files scatter.
const MISSING_MARGIN: (f64, f64) = (2.0, 0.05);

/// What a column of numbers held is what it promises, with a margin.
pub(super) fn of_numbers(column: &PooledColumn) -> NumberRules {
    NumberRules {
        range: column.cells.bounds.map(widened).unwrap_or_default(),
        presence: presence(column, column.cells.missing),
        missing_share: largest_share(column.cells.missing, column.largest_missing_share),
        ..NumberRules::default()
    }
}

/// The levels that a category held are those that it promises: others are a matter for whoever takes
/// over the proposal.
pub(super) fn of_category(column: &PooledColumn) -> CategoryRules {
    let levels = column.cells.texts.texts();
    let levels = levels.map(|texts| texts.iter().cloned().collect());
    CategoryRules {
        listed: levels
            .and_then(|levels| ListedLevels::new(levels).ok())
            .unwrap_or_default(),
        presence: presence(column, column.cells.empty),
        missing_share: largest_share(column.cells.empty, column.largest_empty_share),
    }
}

fn presence(column: &PooledColumn, missing: u64) -> Presence {
    if missing == 0 && column.cells.rows() >= ROWS_TO_REQUIRE {
        Presence::Required
    } else {
        Presence::Optional
    }
}

fn largest_share(missing: u64, largest: f64) -> MissingShare {
    let (factor, summand) = MISSING_MARGIN;
    let share = largest * factor + summand;
    let hundredths = (share * 100.0).ceil();
    if missing == 0 || hundredths >= 100.0 {
        return MissingShare::default();
    }
    MissingShare::new(hundredths / 100.0).expect("above 0 and below 1")
}

/// The observed bounds, moved out by the distance between them and to two digits; a column without
/// negative values keeps 0 as its smallest, one without positive ones as its largest.
fn widened((smallest, largest): (f64, f64)) -> ValueRange {
    let distance = match largest - smallest {
        0.0 => largest.abs(),
        distance => distance.min(f64::MAX),
    };
    let low = (smallest - distance).max(if smallest < 0.0 { f64::MIN } else { 0.0 });
    let high = (largest + distance).min(if largest > 0.0 { f64::MAX } else { 0.0 });
    // Subtracted, so that none is −0.
    ValueRange::new(Some(0.0 - rounded_up(-low)), Some(rounded_up(high)))
        .expect("the bounds are finite and were moved apart")
}

/// The next number of two digits that is not smaller; the number itself where there is none.
fn rounded_up(number: f64) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let exponent = number.abs().log10().floor() as i32 - 1;
    let digits = (number / 10_f64.powi(exponent)).ceil();
    // By its text, so that 0.3 is not 0.30000000000000004; a step on where the quotient was off.
    [digits, digits + 1.0]
        .into_iter()
        .filter_map(|digits| format!("{digits}e{exponent}").parse::<f64>().ok())
        .find(|rounded| *rounded >= number && rounded.is_finite())
        .unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use dataset::ColumnSurvey;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_never_missing_is_required_once_there_are_rows_enough_to_say_so() {
        let rules = |rows: u64, missing: u64| {
            let cells = ColumnSurvey {
                missing,
                numbers: rows - missing,
                ..ColumnSurvey::default()
            };
            let proposed = super::of_numbers(&PooledColumn {
                cells,
                largest_missing_share: missing as f64 / rows as f64,
                largest_empty_share: 0.0,
            });
            (proposed.presence, proposed.missing_share.largest())
        };
        assert_eq!(rules(100, 0), (Presence::Required, None));
        assert_eq!(rules(99, 0), (Presence::Optional, None));
        assert_eq!(rules(100, 2), (Presence::Optional, Some(0.09)));
        assert_eq!(rules(100, 60), (Presence::Optional, None));
    }

    #[test]
    fn bounds_have_a_margin_of_two_digits_and_keep_their_sign() {
        let range = |smallest, largest| widened((smallest, largest));
        let bounds = |low, high| ValueRange::new(Some(low), Some(high)).unwrap();
        assert_eq!(range(3.0, 4321.0), bounds(0.0, 8700.0));
        assert_eq!(range(-0.5, 0.5), bounds(-1.5, 1.5));
        assert_eq!(range(1990.0, 2025.0), bounds(1900.0, 2100.0));
        assert_eq!(range(-7.0, -7.0), bounds(-14.0, 0.0));
        assert_eq!(range(0.0, 0.0), bounds(0.0, 0.0));
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_was_observed(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(one.is_finite() && other.is_finite());
            let range = widened((one.min(other), one.max(other)));
            prop_assert_eq!(range.breach(one), None);
            prop_assert_eq!(range.breach(other), None);
        }
    }
}
