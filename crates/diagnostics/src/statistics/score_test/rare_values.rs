//! Finds the columns that too few training rows determine.
//!
//! A column with two values, such as 0 and 1, has one coefficient for the rows with the rarer
//! value. If these are very few, the coefficient depends on the labels of single clients. The same
//! holds for the coefficient of a column with one value, and of a rare level. None of these is
//! tested.

use std::iter::once;

use dataset::passes::{CategoryCounts, ColumnValues, Encoding, Moments, Profile, Term};

/// Smallest number of training rows with the rarer value of a column.
pub(crate) const MIN_TRAINING_ROWS: u64 = 10;
/// Relative difference of two equal variances, because of rounding.
const ROUNDING: f64 = 1e-6;
/// Difference of two shares, because of rounding, relative to the values' distance from 0.
const OFFSET_ROUNDING: f64 = 8.0 * f64::EPSILON;

/// For each coefficient, the intercept first: true if fewer than [`MIN_TRAINING_ROWS`] training rows
/// have the rarer value of its column. Columns of numbers with more than two values are never rare.
pub(super) fn rare_in_training(terms: &[Term<'_>], profile: &Profile) -> Vec<bool> {
    let is_rare = |term: &Term<'_>| {
        if term.encoding.is_of_two_features() {
            return false;
        }
        let column = &profile.columns[term.feature];
        let rows = match &column.values {
            ColumnValues::Numbers(_) if term.encoding == Encoding::Missing => {
                Some(column.missing.min(column.present()))
            }
            ColumnValues::Numbers(moments) => rows_with_rarer_value(moments),
            ColumnValues::Levels(counts) => {
                // Missing cells that are imputed have no value of the indicator.
                let missing = term.if_missing.map_or(0, |_| column.missing);
                Some(rows_with_rarer_indicator(counts, missing, term.encoding))
            }
        };
        rows.is_some_and(|rows| rows < MIN_TRAINING_ROWS)
    };
    once(false).chain(terms.iter().map(is_rare)).collect()
}

/// Number of rows with the rarer of two values. 0 for a column with one value or none; `None` for a
/// column with more values.
///
/// Among all columns with this mean and these extremes, a column that has only the extremes has the
/// largest variance: (mean − minimum)·(maximum − mean) (Bhatia and Davis 2000).
fn rows_with_rarer_value(moments: &Moments) -> Option<u64> {
    let (Some(minimum), Some(maximum), Some(mean)) =
        (moments.minimum(), moments.maximum(), moments.mean())
    else {
        return Some(0);
    };
    let width = maximum - minimum;
    if width == 0.0 {
        return Some(0);
    }
    let share = (mean - minimum) / width;
    let count = moments.count as f64;
    let spread = moments.standard_deviation()? / width;
    let variance = spread * spread * (count - 1.0) / count;
    let rounding = OFFSET_ROUNDING * minimum.abs().max(maximum.abs()) / width;
    let has_two_values = variance >= share * (1.0 - share) * (1.0 - ROUNDING) - rounding;
    has_two_values.then(|| (share.min(1.0 - share) * count).round() as u64)
}

/// Number of rows with the rarer value of a level's indicator. `missing` is the number of missing
/// cells that count as a level.
fn rows_with_rarer_indicator(counts: &CategoryCounts, missing: u64, encoding: Encoding<'_>) -> u64 {
    let rows_of = |text: &str| {
        let mut levels = counts.levels.iter();
        levels
            .find(|count| count.level == text)
            .map_or(0, |count| count.rows)
    };
    let present = counts.rows();
    let all = present + missing;
    let rows = match encoding {
        Encoding::Level(level) => rows_of(level.text()),
        Encoding::OtherThan(levels) => {
            present.saturating_sub(levels.iter().map(|level| rows_of(level.text())).sum())
        }
        Encoding::Missing => missing,
        _ => all,
    };
    rows.min(all - rows.min(all))
}

#[cfg(test)]
mod tests {
    use common::Schema;
    use dataset::passes::profile;
    use dataset::{Level, Table};

    use super::*;

    fn rarer(values: &[f64]) -> Option<u64> {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (row, value) in values.iter().enumerate() {
            table.push(row.to_string().as_bytes(), &[*value], None);
        }
        let profile = profile(&schema, &table, &table.all()).unwrap();
        rows_with_rarer_value(profile.columns[0].moments().unwrap())
    }

    #[test]
    fn rows_with_the_rarer_of_two_values() {
        let flags = |ones: usize, one: f64, zero: f64| -> Vec<f64> {
            (0..5_000)
                .map(|row| if row % 5_000 < ones { one } else { zero })
                .collect()
        };
        for (one, zero) in [(6.0, 0.0), (0.0, 1.0), (1e9, 1e9 + 1.0), (-1e200, 1e-3)] {
            for ones in [1, 9, 10, 700] {
                let rows = rarer(&flags(ones, one, zero));
                assert_eq!(rows, Some(ones as u64), "{one} {zero}");
            }
            let mostly = rarer(&flags(4_997, one, zero));
            assert_eq!(mostly, Some(3));
        }
        let mut three = flags(9, 1.0, 0.0);
        three[0] = 0.5;
        assert_eq!(rarer(&three), None);
        assert_eq!(rarer(&[4.0; 300]), Some(0));
        assert_eq!(rarer(&[f64::NAN; 300]), Some(0));
        assert_eq!(rarer(&[]), Some(0));
    }

    #[test]
    fn rows_with_the_rarer_value_of_an_indicator() {
        let count = |level: &str, rows| dataset::passes::LevelCount {
            level: level.into(),
            rows,
        };
        let counts = CategoryCounts {
            levels: vec![count("a", 80), count("b", 15), count("c", 5)],
            others: 0,
        };
        let level = |text: &str| Level::from(text.to_owned());
        let levels = [level("a"), level("b")];
        let rows = |encoding| rows_with_rarer_indicator(&counts, 0, encoding);
        assert_eq!(rows(Encoding::Level(&levels[0])), 20);
        assert_eq!(rows(Encoding::Level(&levels[1])), 15);
        assert_eq!(rows(Encoding::OtherThan(&levels)), 5);
        assert_eq!(rows(Encoding::Level(&level("never seen"))), 0);
    }
}
