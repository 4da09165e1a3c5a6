//! Parsing of one cell.
//!
//! A number is decimal and may have an exponent. Its decimal mark depends on the text that it is
//! in. The schema may allow percent signs, currencies and separators of thousands.
//!
//! The level in a category's cell is its text without the surrounding space, byte by byte: `Gold`
//! and `gold` are two levels.
//!
//! An empty cell is missing, and so are the [words](common::schema::MissingWords) of a column. In a
//! category no word is missing unless the schema lists it.

mod date;
mod form;
mod number;

use common::schema::{
    Breach, CategoryRules, Labels, MAX_LEVEL_BYTES, NumberFormat, NumberRules, is_missing_marker,
};

pub(crate) use self::date::is_compact_date;
pub(crate) use self::form::CellForm;
use self::number::parse_decimal;
pub(crate) use self::number::{MarkCounts, Marks, has_decimal_comma};

/// The decimal marks of a text's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecimalMarks {
    /// `1234.5`
    #[default]
    Point,
    /// `1234,5`
    Comma,
    /// Either of them.
    Either,
}

/// Label of a row: positive (`true`), negative (`false`), or unknown (`None`).
pub type Label = Option<bool>;

/// Reason why a cell is rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CellProblem {
    /// The text is no decimal number.
    NotANumber,
    /// The number does not fit a 64-bit float.
    OutOfRange,
    /// The cell of a category is not UTF-8 text, or a request has another value than a text there.
    NotAText,
    /// The text is longer than a level may be.
    TooLong,
    /// The schema does not allow the value, or does not allow it to be missing.
    NotAllowed(Breach),
    /// The target is neither 0 nor 1.
    NotALabel,
}

impl CellProblem {
    /// The problem as a sentence about a column and its text.
    pub fn describe(self, column: &str, text: &str) -> String {
        match self {
            Self::NotANumber => format!("{column}: {text:?} is not a number"),
            Self::OutOfRange => format!("{column}: {text:?} is too large for a number"),
            Self::NotAText => format!("{column}: {text} is not a text"),
            Self::TooLong => format!(
                "{column}: the text is longer than {MAX_LEVEL_BYTES} bytes, so it is no category"
            ),
            Self::NotAllowed(breach @ Breach::Missing) => {
                format!("{column}: the value is {breach}")
            }
            Self::NotAllowed(breach) => format!("{column}: {text} is {breach}"),
            Self::NotALabel if text.contains(|letter: char| letter.is_alphabetic()) => format!(
                "{column}: {text:?} is neither 0 nor 1 (for texts, see schema.target.positive)"
            ),
            Self::NotALabel => format!("{column}: {text:?} is neither 0 nor 1"),
        }
    }
}

/// Parses the number in a cell without checking its bounds. NaN stands for a missing value.
pub fn parse_number(
    cell: &[u8],
    rules: &NumberRules,
    marks: DecimalMarks,
) -> Result<f64, CellProblem> {
    let cell = cell.trim_ascii();
    if rules.missing.mark_number(cell) {
        return Ok(f64::NAN);
    }
    let number = parse_decimal(cell, rules.format, marks)?;
    finite(number).map(|number| present(number, rules))
}

/// Parses as [`parse_number`] does, for a column with the default format and words, and with a
/// point as the decimal mark. Millions of rows are read, and the first test is enough for nearly
/// all of their cells.
#[inline]
pub(crate) fn parse_plain_number(cell: &[u8]) -> Result<f64, CellProblem> {
    match number::short_decimal::<b'.'>(cell) {
        Some(number) => Ok(number),
        None => parse_other_number(cell),
    }
}

/// The part of [`parse_plain_number`] for a cell that is missing, has space around it, or has many
/// digits.
fn parse_other_number(cell: &[u8]) -> Result<f64, CellProblem> {
    let cell = cell.trim_ascii();
    if is_missing_marker(cell) {
        return Ok(f64::NAN);
    }
    finite(parse_decimal(
        cell,
        NumberFormat::Plain,
        DecimalMarks::Point,
    )?)
}

fn finite(number: f64) -> Result<f64, CellProblem> {
    match number.is_infinite() {
        true => Err(CellProblem::OutOfRange),
        false => Ok(number),
    }
}

/// The number, or NaN if it stands for a missing value.
#[inline]
pub fn present(number: f64, rules: &NumberRules) -> f64 {
    match rules.missing.mark_value(number) {
        true => f64::NAN,
        false => number,
    }
}

/// Advice on the setting that would read this text as a number; `None` if there is none.
pub(crate) fn reading_advice(cell: &[u8], marks: DecimalMarks) -> Option<&'static str> {
    let cell = cell.trim_ascii();
    let is_read = |format| number::parse_decimal(cell, format, marks).is_ok();
    let has_other_mark =
        number::parse_decimal(cell, NumberFormat::Plain, DecimalMarks::Either).is_ok();
    if has_other_mark {
        return Some(match (marks, is_read(NumberFormat::Thousands)) {
            (DecimalMarks::Comma, false) => "the decimal mark is a comma: see ingestion.decimal",
            (DecimalMarks::Comma, true) => {
                "the decimal mark is a comma: see ingestion.decimal, or give the column \"format\": \"thousands\""
            }
            (_, false) => "the decimal mark is a point: see ingestion.decimal",
            (_, true) => {
                "the decimal mark is a point: see ingestion.decimal, or give the column \"format\": \"thousands\""
            }
        });
    }
    [
        (
            NumberFormat::Percent,
            "\"format\": \"percent\" in the schema reads it",
        ),
        (
            NumberFormat::Thousands,
            "\"format\": \"thousands\" in the schema reads it",
        ),
        (
            NumberFormat::Money,
            "\"format\": \"money\" in the schema reads it",
        ),
    ]
    .into_iter()
    .find(|(format, _)| is_read(*format))
    .map(|(_, advice)| advice)
}

/// Returns the number if the rules allow it. NaN stands for a missing value.
pub fn allowed(number: f64, rules: &NumberRules) -> Result<f64, CellProblem> {
    match rules.breach(number) {
        Some(breach) => Err(CellProblem::NotAllowed(breach)),
        None => Ok(number),
    }
}

/// Parses the level in a category's cell, if the rules allow it. `None` stands for a missing level.
pub fn parse_level<'c>(
    cell: &'c [u8],
    rules: &CategoryRules,
) -> Result<Option<&'c str>, CellProblem> {
    let cell = cell.trim_ascii();
    let level = if rules.missing.mark_level(cell) {
        None
    } else if cell.len() > MAX_LEVEL_BYTES {
        return Err(CellProblem::TooLong);
    } else {
        Some(std::str::from_utf8(cell).map_err(|_| CellProblem::NotAText)?)
    };
    match rules.breach(level) {
        Some(breach) => Err(CellProblem::NotAllowed(breach)),
        None => Ok(level),
    }
}

/// Parses the label in a target cell. If `labels` are texts, the cell must have one of them.
/// Otherwise it must have 0 or 1 as a number, or `true` or `false` in any case. `None` if the cell is
/// missing.
pub fn parse_label(cell: &[u8], labels: &Labels) -> Result<Label, CellProblem> {
    let cell = cell.trim_ascii();
    if !labels.are_numbers() {
        let label = labels.label_of(cell);
        let is_known = label.is_some() || cell.is_empty() || is_missing_marker(cell);
        return if is_known {
            Ok(label)
        } else {
            Err(CellProblem::NotALabel)
        };
    }
    match cell {
        b"0" => return Ok(Some(false)),
        b"1" => return Ok(Some(true)),
        _ if cell.eq_ignore_ascii_case(b"true") => return Ok(Some(true)),
        _ if cell.eq_ignore_ascii_case(b"false") => return Ok(Some(false)),
        _ => {}
    }
    match parse_plain_number(cell) {
        Ok(number) if number.is_nan() => Ok(None),
        Ok(0.0) => Ok(Some(false)),
        Ok(1.0) => Ok(Some(true)),
        _ => Err(CellProblem::NotALabel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_number(cell: &[u8]) -> Result<f64, CellProblem> {
        let number = super::parse_number(cell, &NumberRules::default(), DecimalMarks::Point);
        let plain = parse_plain_number(cell);
        assert_eq!(format!("{number:?}"), format!("{plain:?}"), "{cell:?}");
        number
    }

    #[test]
    fn decimal_numbers_are_read() {
        for (text, number) in [
            ("5", 5.0),
            (" 5.0\t", 5.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("+1e3", 1000.0),
            ("1E-3", 0.001),
            ("1e308", 1e308),
            ("9223372036854775809", 9_223_372_036_854_775_809.0),
        ] {
            assert_eq!(parse_number(text.as_bytes()), Ok(number), "{text}");
        }
    }

    #[test]
    fn missing_markers_are_missing() {
        for text in ["", "  ", "NaN", "nan", "NA", "n/a", "null", "None"] {
            assert!(parse_number(text.as_bytes()).unwrap().is_nan(), "{text}");
            assert_eq!(
                parse_label(text.as_bytes(), &Labels::default()),
                Ok(None),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "12 k",
            "1,234",
            "0x1F",
            "inf",
            "-Infinity",
            "--1",
            "1e",
            "e5",
            ".",
            "+",
            "1.2.3",
            "５",
        ] {
            assert_eq!(
                parse_number(text.as_bytes()),
                Err(CellProblem::NotANumber),
                "{text}"
            );
        }
        assert_eq!(parse_number(b"1e999"), Err(CellProblem::OutOfRange));
        assert_eq!(parse_number(b"\xff"), Err(CellProblem::NotANumber));
    }

    #[test]
    fn levels_are_trimmed_texts() {
        let any = CategoryRules::default();
        let level = |text: &'static str| parse_level(text.as_bytes(), &any);
        assert_eq!(level(" gold plus\t"), Ok(Some("gold plus")));
        assert_eq!(level("GOLD"), Ok(Some("GOLD")));
        assert_eq!(level("5.0"), Ok(Some("5.0")));
        for missing in ["", "  "] {
            assert_eq!(level(missing), Ok(None), "{missing}");
        }
        for word in ["none", "None", "NaN", "n/a", "NULL", "NA"] {
            assert_eq!(level(word), Ok(Some(word)), "{word}");
        }
        let long = "x".repeat(MAX_LEVEL_BYTES + 1);
        assert_eq!(
            parse_level(long.as_bytes(), &any),
            Err(CellProblem::TooLong)
        );
        assert!(parse_level(&long.as_bytes()[1..], &any).is_ok());
        assert_eq!(parse_level(b"\xff", &any), Err(CellProblem::NotAText));
    }

    #[test]
    fn labels_are_zero_or_one() {
        for text in ["1", "1.0", " 1 ", "true", "TRUE", "1e0"] {
            assert_eq!(
                parse_label(text.as_bytes(), &Labels::default()),
                Ok(Some(true)),
                "{text}"
            );
        }
        for text in ["0", "0.0", "-0", "False"] {
            assert_eq!(
                parse_label(text.as_bytes(), &Labels::default()),
                Ok(Some(false)),
                "{text}"
            );
        }
        for text in ["2", "-1", "yes", "0.5", "1e999"] {
            assert_eq!(
                parse_label(text.as_bytes(), &Labels::default()),
                Err(CellProblem::NotALabel),
                "{text}"
            );
        }
    }
}
