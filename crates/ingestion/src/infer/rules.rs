//! Derives the rules of a feature from the content of its column.

use common::schema::{
    CategoryRules, ListedLevels, MissingShare, MissingWords, NumberFormat, NumberRules, Presence,
    ValueRange,
};
use dataset::Reading;

use super::columns::PooledColumn;

/// Where the rules of a proposed feature come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// The current schema; a new feature has none.
    Configured,
    /// The content of the column, with a margin.
    Observed,
}

/// Number of rows without a missing value from which a value is required. A value is then missing
/// in less than 3 % of the rows (95 % confidence, rule of three).
const ROWS_TO_REQUIRE: u64 = 100;
/// The allowed missing share is the largest observed share times the first number plus the second.
/// The margin is needed because the shares of small files scatter.
const MISSING_MARGIN: (f64, f64) = (2.0, 0.05);

/// Rules for a numeric column: the observed content with a margin.
pub(super) fn number_rules(column: &PooledColumn) -> NumberRules {
    NumberRules {
        range: range(column),
        presence: presence(column, column.cells.missing),
        missing_share: largest_share(column.cells.missing, column.largest_missing_share),
        ..NumberRules::default()
    }
}

/// Rules for a category: the observed levels are listed. The person who adopts the proposal decides
/// about other levels.
pub(super) fn category_rules(column: &PooledColumn, missing: &MissingWords) -> CategoryRules {
    let levels = column.cells.texts.counts();
    let levels = levels.map(|counts| {
        let is_level = |text: &&String| !missing.mark_level(text.as_bytes());
        counts.keys().filter(is_level).cloned().collect()
    });
    let (empty, largest) = match missing.listed() {
        None => (column.cells.empty, column.largest_empty_share),
        Some(_) => (column.cells.missing, column.largest_missing_share),
    };
    CategoryRules {
        listed: levels
            .and_then(|levels| ListedLevels::new(levels).ok())
            .unwrap_or_default(),
        presence: presence(column, empty),
        missing_share: largest_share(empty, largest),
        ..CategoryRules::default()
    }
}

/// The bounds of a column of plain numbers. Bounds of other formats were not observed.
fn range(column: &PooledColumn) -> ValueRange {
    let is_plain = column.cells.forms.reading() == Reading::Numbers(NumberFormat::Plain);
    let is_clear = !column.cells.forms.has_unclear_commas();
    let bounds = column.cells.bounds.filter(|_| is_plain && is_clear);
    bounds.map(widened).unwrap_or_default()
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

/// The observed bounds, moved outwards by their distance and rounded to two digits. A column
/// without negative values keeps 0 as its minimum, a column without positive values keeps 0 as its
/// maximum.
fn widened((smallest, largest): (f64, f64)) -> ValueRange {
    let distance = match largest - smallest {
        0.0 => largest.abs(),
        distance => distance.min(f64::MAX),
    };
    let low = (smallest - distance).max(if smallest < 0.0 { f64::MIN } else { 0.0 });
    let high = (largest + distance).min(if largest > 0.0 { f64::MAX } else { 0.0 });
    // Subtracting from 0.0 avoids −0.
    ValueRange::new(Some(0.0 - rounded_up(-low)), Some(rounded_up(high)))
        .expect("the bounds are finite and were moved apart")
}

/// The smallest number of two digits that is at least `number`, or `number` itself if no such
/// number exists.
fn rounded_up(number: f64) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let exponent = number.abs().log10().floor() as i32 - 1;
    let digits = (number / 10_f64.powi(exponent)).ceil();
    // Parsed from text, so that 0.3 is not 0.30000000000000004. The next candidate covers a
    // quotient that was rounded down.
    [digits, digits + 1.0]
        .into_iter()
        .filter_map(|digits| format!("{digits}e{exponent}").parse::<f64>().ok())
        .find(|rounded| *rounded >= number && rounded.is_finite())
        .unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use dataset::ColumnSurvey;
    use dataset::cell::DecimalMarks;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_that_is_never_missing_is_required_once_there_are_enough_rows() {
        let rules = |rows: u64, missing: u64| {
            let mut cells = ColumnSurvey::default();
            for row in 0..rows {
                let cell = if row < missing { "" } else { "7" };
                cells.add_cell(cell.as_bytes(), DecimalMarks::Point);
            }
            let proposed = super::number_rules(&PooledColumn {
                cells,
                smallest_distinct_share: 0.0,
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
        fn bounds_include_all_observed_values(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(one.is_finite() && other.is_finite());
            let range = widened((one.min(other), one.max(other)));
            prop_assert_eq!(range.breach(one), None);
            prop_assert_eq!(range.breach(other), None);
        }
    }
}
