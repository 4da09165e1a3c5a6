//! Parsing of one cell.
//!
//! A number is decimal, with `.` as its point and an optional exponent; no other form is accepted.
//! A category's level is the text of its cell without the surrounding space, byte by byte: `Gold`
//! and `gold` are two levels. An empty cell is missing. In a numeric column, `NaN`, `NA`, `N/A`,
//! `null` and `None` in any case are missing too. In a category these words are levels like any
//! other.

use common::schema::{
    Breach, CategoryRules, Labels, MAX_LEVEL_BYTES, NumberRules, is_missing_marker,
};

/// Label of a row: positive (`true`), negative (`false`), or unknown (`None`).
pub type Label = Option<bool>;

/// Reason why a cell is rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CellProblem {
    /// The text is no decimal number.
    NotANumber,
    /// The number does not fit a 64-bit float.
    OutOfRange,
    /// The cell of a category is not UTF-8 text, or a request has no text there.
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
            Self::NotALabel => format!("{column}: {text:?} is neither 0 nor 1"),
        }
    }
}

/// Parses the number in a feature's cell. NaN stands for a missing value.
pub fn parse_number(cell: &[u8]) -> Result<f64, CellProblem> {
    let cell = cell.trim_ascii();
    if let Some(number) = short_decimal(cell) {
        return Ok(number);
    }
    if is_missing_marker(cell) {
        return Ok(f64::NAN);
    }
    if !is_decimal(cell) {
        return Err(CellProblem::NotANumber);
    }
    let number: f64 = std::str::from_utf8(cell)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(CellProblem::NotANumber)?;
    if number.is_infinite() {
        return Err(CellProblem::OutOfRange);
    }
    Ok(number)
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
    let level = if cell.is_empty() {
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

/// Parses the label in a target cell: one of the texts in `labels`, or else 0 or 1 as a number, or
/// `true`/`false` in any case. `None` if missing.
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
    match parse_number(cell) {
        Ok(number) if number.is_nan() => Ok(None),
        Ok(0.0) => Ok(Some(false)),
        Ok(1.0) => Ok(Some(true)),
        _ => Err(CellProblem::NotALabel),
    }
}

/// A float holds any number of this many digits exactly.
const EXACT_DIGITS: usize = 15;
const POWERS_OF_TEN: [f64; EXACT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Parses a number with few digits and no exponent, as nearly all numbers are. `None` otherwise.
///
/// Digits and power of ten are then exact, so their quotient is the nearest float (Clinger 1990).
fn short_decimal(trimmed: &[u8]) -> Option<f64> {
    let (sign, unsigned) = match trimmed {
        [b'-', rest @ ..] => (-1.0, rest),
        _ => (1.0, trimmed),
    };
    if unsigned.len() > EXACT_DIGITS {
        return None;
    }
    let (mut digits, mut n_digits, mut decimals) = (0_u64, 0, None);
    for byte in unsigned {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                n_digits += 1;
                decimals = decimals.map(|decimals| decimals + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    let scale = POWERS_OF_TEN[decimals.unwrap_or(0)];
    (n_digits > 0).then(|| sign * (digits as f64 / scale))
}

/// True if the text is `[+-] digits [. digits] [e [+-] digits]` with at least one digit before the
/// exponent. Rust's own parser would also accept `inf` and `infinity`.
fn is_decimal(text: &[u8]) -> bool {
    let unsigned = strip_sign(text);
    let exponent_at = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (&unsigned[..at], Some(strip_sign(&unsigned[at + 1..]))),
        None => (unsigned, None),
    };
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit()).count();
    let points = mantissa.iter().filter(|byte| **byte == b'.').count();
    digits > 0
        && points <= 1
        && digits + points == mantissa.len()
        && exponent
            .is_none_or(|exponent| !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit))
}

fn strip_sign(text: &[u8]) -> &[u8] {
    match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    proptest::proptest! {
        #[test]
        fn short_numbers_are_the_nearest_floats(text in "-?[0-9]{0,9}\\.?[0-9]{0,9}") {
            if let Some(number) = short_decimal(text.as_bytes()) {
                let nearest: f64 = text.parse().expect("Rust reads it too");
                proptest::prop_assert_eq!(number.to_bits(), nearest.to_bits(), "{}", text);
            }
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
