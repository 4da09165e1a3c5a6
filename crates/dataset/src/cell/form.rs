//! The form of a cell that is not a plain number.

use common::schema::NumberFormat;

use super::DecimalMarks;
use super::date::is_date_or_time;
use super::number::{names_currency, parse_decimal};

/// Forms of a cell that is neither missing nor a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellForm {
    /// A number of this format.
    Number(NumberFormat),
    /// A date or a time.
    Date,
    /// Any other text.
    Text,
}

impl CellForm {
    /// The form of a cell that is neither missing nor a plain number.
    pub(crate) fn of(cell: &[u8], marks: DecimalMarks) -> Self {
        let cell = cell.trim_ascii();
        if !cell.iter().any(u8::is_ascii_digit) {
            return Self::Text;
        }
        let is_read = |format| parse_decimal(cell, format, marks).is_ok_and(f64::is_finite);
        if is_read(NumberFormat::Percent) {
            Self::Number(NumberFormat::Percent)
        } else if is_date_or_time(cell) {
            Self::Date
        } else if is_read(NumberFormat::Thousands) {
            Self::Number(NumberFormat::Thousands)
        } else if names_currency(cell) && is_read(NumberFormat::Money) {
            Self::Number(NumberFormat::Money)
        } else {
            Self::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_recognised() {
        use NumberFormat::{Money, Percent, Thousands};
        for (text, form) in [
            ("45.7%", CellForm::Number(Percent)),
            ("1,234", CellForm::Number(Thousands)),
            ("$5", CellForm::Number(Money)),
            ("1,234.50 EUR", CellForm::Number(Money)),
            ("(12.00)", CellForm::Number(Money)),
            ("31.12.2024", CellForm::Date),
            ("gold", CellForm::Text),
            ("1e999", CellForm::Text),
            // A client may have a number after three letters, and `5-` may be a grade.
            ("CLI001", CellForm::Text),
            ("10 min", CellForm::Text),
            ("5-", CellForm::Text),
        ] {
            assert_eq!(
                CellForm::of(text.as_bytes(), DecimalMarks::Point),
                form,
                "{text}"
            );
        }
    }
}
