//! Whole numbers that are codes, and therefore levels of a category.

use dataset::ColumnSurvey;

use crate::infer::words::{has_any, words};

/// Maximum number of different codes in a column, unless its name says that it holds codes.
const MAX_CODES: usize = 8;
/// Smallest code in a column whose name does not suggest codes.
const MIN_CODE: f64 = 100.0;
/// Whole numbers that may be years.
const YEARS: std::ops::RangeInclusive<f64> = 1900.0..=2100.0;
/// Names of columns that hold codes, however many.
const CODES: &str = "\
    code pincode postal postalcode postcode zip zipcode";
/// Names of columns that hold codes if there are few different numbers.
const KINDS: &str = "\
    area branch category channel class kind plan region type";

/// Why the whole numbers of a column are codes, or `None`.
pub(super) fn why_codes(cells: &ColumnSurvey) -> Option<&'static str> {
    let values = values(cells)?;
    let is_binary = values.iter().all(|value| *value == 0.0 || *value == 1.0);
    if values.len() < 2 || is_binary || values.iter().any(|value| value.fract() != 0.0) {
        return None;
    }
    let words = words(&cells.name);
    let are_few = values.len() <= MAX_CODES;
    if has_any(&words, CODES) || are_few && has_any(&words, KINDS) {
        return Some("its name says that its numbers are codes");
    }
    // Not codes: amounts are usually round, and years and ratings are consecutive.
    let are_large = values.iter().all(|value| *value >= MIN_CODE);
    let are_round = values.iter().all(|value| value % 10.0 == 0.0);
    let are_years = values.iter().all(|value| YEARS.contains(value));
    let are_consecutive = values
        .iter()
        .all(|value| values.contains(&(value + 1.0)) || values.contains(&(value - 1.0)));
    (are_few && are_large && !are_round && !are_years && !are_consecutive)
        .then_some("its few numbers look like codes")
}

/// True if the name says that the numbers are codes, of which there may be many.
pub(super) fn is_named_as_code(name: &str) -> bool {
    has_any(&words(name), CODES)
}

/// The different numbers of a column, where they are few.
fn values(cells: &ColumnSurvey) -> Option<Vec<f64>> {
    let texts = cells.texts.counts()?.keys();
    let mut values: Vec<f64> = texts.filter_map(|text| text.parse().ok()).collect();
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    values.dedup();
    Some(values)
}

#[cfg(test)]
mod tests {
    use dataset::cell::DecimalMarks;

    use super::*;

    fn are_codes(name: &str, numbers: &[i32]) -> bool {
        let mut cells = ColumnSurvey {
            name: name.into(),
            ..ColumnSurvey::default()
        };
        for number in numbers {
            cells.add_cell(number.to_string().as_bytes(), DecimalMarks::Point);
        }
        why_codes(&cells).is_some()
    }

    #[test]
    fn few_large_numbers_that_are_not_round_are_codes() {
        assert!(are_codes("x", &[408, 415, 510]));
        for numbers in [
            &[0, 1][..],
            &[1, 2, 3, 4, 5],
            &[1, 3, 7],
            &[500, 1000, 2000],
            &[2014, 2016],
            &[101, 102, 103],
            &[415],
        ] {
            assert!(!are_codes("x", numbers), "{numbers:?}");
        }
        let many: Vec<i32> = (0..9).map(|number| 101 + 7 * number).collect();
        assert!(!are_codes("x", &many));
    }

    #[test]
    fn a_name_says_that_numbers_are_codes() {
        assert!(are_codes("ticket_class", &[1, 2, 3]));
        let many: Vec<i32> = (1..30).collect();
        assert!(are_codes("Region_Code", &many) && !are_codes("region", &many));
        assert!(!are_codes("plan", &[0, 1]));
    }
}
