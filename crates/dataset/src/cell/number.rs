//! Parses the text of a number.

use common::schema::NumberFormat;

use super::{CellProblem, DecimalMarks};

/// Number of digits up to which a float holds any whole number exactly.
const EXACT_DIGITS: usize = 15;
const POWERS_OF_TEN: [f64; EXACT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
/// Maximum length of a number's text in bytes.
const MAX_BYTES: usize = 400;

/// Parses a number with few digits and no exponent, as nearly all numbers are. `None` for any other
/// text.
///
/// A float then holds the digits and the power of ten exactly, so their quotient is the nearest
/// float (Clinger 1990).
#[inline]
pub(super) fn short_decimal<const MARK: u8>(text: &[u8]) -> Option<f64> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if unsigned.len() > EXACT_DIGITS {
        return None;
    }
    // A signed integer becomes a float in one instruction.
    let (mut digits, mut mark) = (0_i64, None);
    for (place, byte) in unsigned.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            digits = digits * 10 + i64::from(digit);
        } else if *byte == MARK && mark.is_none() {
            mark = Some(place);
        } else {
            return None;
        }
    }
    let number = match mark {
        None if unsigned.is_empty() => return None,
        None => digits as f64,
        Some(_) if unsigned.len() == 1 => return None,
        Some(mark) => digits as f64 / POWERS_OF_TEN[unsigned.len() - 1 - mark],
    };
    Some(if is_negative { -number } else { number })
}

/// Parses a trimmed number that is not missing.
pub(super) fn parse_decimal(
    trimmed: &[u8],
    format: NumberFormat,
    marks: DecimalMarks,
) -> Result<f64, CellProblem> {
    let plain = parse_plain(trimmed, marks);
    let has_groups = matches!(format, NumberFormat::Money | NumberFormat::Thousands);
    // If the format has separators of thousands, the point in `1.234` may be one.
    let is_clear = |_: &f64| !has_groups || !trimmed.iter().any(|byte| matches!(byte, b'.' | b','));
    if let Some(number) = plain.filter(is_clear) {
        return Ok(number);
    }
    let text = std::str::from_utf8(trimmed).map_err(|_| CellProblem::NotANumber)?;
    let number = match format {
        NumberFormat::Plain => None,
        NumberFormat::Percent => {
            let text = text.strip_suffix('%').or_else(|| text.strip_prefix('%'));
            text.and_then(|text| parse_plain(text.trim().as_bytes(), marks))
        }
        NumberFormat::Thousands => parse_grouped(text, marks),
        NumberFormat::Money => parse_money(text, marks),
    };
    number.or(plain).ok_or(CellProblem::NotANumber)
}

/// A plain decimal.
fn parse_plain(trimmed: &[u8], marks: DecimalMarks) -> Option<f64> {
    match marks {
        DecimalMarks::Point => parse_with_point(trimmed),
        DecimalMarks::Comma => parse_with_comma(trimmed),
        DecimalMarks::Either => parse_with_point(trimmed).or_else(|| parse_with_comma(trimmed)),
    }
}

fn parse_with_point(trimmed: &[u8]) -> Option<f64> {
    if let Some(number) = short_decimal::<b'.'>(trimmed) {
        return Some(number);
    }
    let text = std::str::from_utf8(trimmed).ok();
    let text = text.filter(|text| is_decimal(text.as_bytes()));
    text.and_then(|text| text.parse().ok())
}

fn parse_with_comma(trimmed: &[u8]) -> Option<f64> {
    if let Some(number) = short_decimal::<b','>(trimmed) {
        return Some(number);
    }
    let has_point = trimmed.contains(&b'.');
    if has_point || trimmed.len() > MAX_BYTES {
        return None;
    }
    let with_point = |byte: &u8| if *byte == b',' { b'.' } else { *byte };
    let text: Vec<u8> = trimmed.iter().map(with_point).collect();
    parse_with_point(&text)
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

/// Signs and abbreviations of currencies, except codes of three letters. Longer ones come first.
const CURRENCIES: [&str; 20] = [
    "US$", "Fr.", "Rs.", "kr.", "R$", "zł", "Kč", "kr", "$", "€", "£", "¥", "₹", "₽", "₩", "₺",
    "₴", "₫", "₦", "฿",
];

/// Codes of frequent currencies. Any other three letters may be the beginning of a client's name.
const CURRENCY_CODES: [&str; 36] = [
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KES", "KRW", "MXN", "MYR", "NGN",
    "NOK", "NZD", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "USD", "ZAR",
];

/// True if an amount has a known currency, or is in brackets.
pub(super) fn names_currency(trimmed: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(trimmed) else {
        return false;
    };
    let is_in_brackets = text.starts_with('(') && text.ends_with(')');
    let has = |name: &&str| text.contains(*name);
    let upper = text.to_ascii_uppercase();
    is_in_brackets
        || CURRENCIES.iter().any(has)
        || CURRENCY_CODES.iter().any(|code| upper.contains(code))
}

/// Parses an amount of money. The currency is ignored, and an amount in brackets is negative.
fn parse_money(text: &str, marks: DecimalMarks) -> Option<f64> {
    let in_brackets = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    // A minus stands before or after the currency.
    let (outer_minus, text) = split_minus(in_brackets.unwrap_or(text).trim());
    let (inner_minus, text) = split_minus(without_currency(text));
    let amount = parse_grouped(without_currency(text), marks)?;
    let signs = [in_brackets.is_some(), outer_minus, inner_minus];
    match signs.into_iter().filter(|is_there| *is_there).count() {
        0 => Some(amount),
        1 => (amount >= 0.0).then_some(-amount),
        _ => None,
    }
}

/// The text without a currency at one of its ends.
fn without_currency(text: &str) -> &str {
    let sign = |sign: &&str| text.strip_prefix(sign).or_else(|| text.strip_suffix(sign));
    let is_code = |letters: &str| {
        let mut codes = CURRENCY_CODES.iter();
        codes.any(|code| code.eq_ignore_ascii_case(letters))
    };
    let code = || {
        let (first, last) = (text.get(..3), text.len().checked_sub(3));
        match (first, last.and_then(|at| text.get(at..))) {
            (Some(first), _) if is_code(first) => text.get(3..),
            (_, Some(last)) if is_code(last) => text.get(..text.len() - 3),
            _ => None,
        }
    };
    let rest = CURRENCIES.iter().find_map(sign).or_else(code);
    rest.unwrap_or(text).trim()
}

fn split_minus(text: &str) -> (bool, &str) {
    let unsigned = text
        .strip_prefix('-')
        .or_else(|| text.strip_prefix('\u{2212}'))
        .or_else(|| text.strip_suffix('-'));
    match unsigned {
        Some(unsigned) => (true, unsigned.trim()),
        None => (false, text),
    }
}

/// Parses a number that may have separators of thousands.
fn parse_grouped(text: &str, marks: DecimalMarks) -> Option<f64> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let (whole, decimals) = match mark_of(text, marks) {
        Some(mark) => text.rsplit_once(mark)?,
        None => (text, ""),
    };
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => ("-", whole),
        None => ("", whole),
    };
    let digits = without_groups(whole)?;
    parse_with_point(format!("{sign}{digits}.{decimals}").as_bytes())
}

/// The decimal mark of a number that may have separators of thousands; `None` if it has no decimal
/// mark.
fn mark_of(text: &str, marks: DecimalMarks) -> Option<char> {
    let count = |mark: char| text.matches(mark).count();
    let (points, commas) = (count('.'), count(','));
    let mark = match marks {
        DecimalMarks::Point => '.',
        DecimalMarks::Comma => ',',
        DecimalMarks::Either => {
            let last = text
                .chars()
                .rev()
                .find(|found| matches!(found, '.' | ','))?;
            let is_alone = points == 0 || commas == 0;
            if is_alone && (points + commas > 1 || may_be_group(text.as_bytes(), last as u8)) {
                return None;
            }
            last
        }
    };
    (count(mark) == 1).then_some(mark)
}

/// The digits of a whole number without its separators of thousands. The last group has three
/// digits, and the groups before have three, or two as in India.
fn without_groups(whole: &str) -> Option<String> {
    let is_digit = |character: char| character.is_ascii_digit();
    let separator = whole.chars().find(|character| !is_digit(*character));
    let Some(separator) = separator else {
        return Some(whole.to_owned());
    };
    if !matches!(
        separator,
        ',' | '.' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}'
    ) {
        return None;
    }
    let groups: Vec<&str> = whole.split(separator).collect();
    let (first, last) = (groups.first()?, groups.last()?);
    let is_usual = groups.iter().all(|group| group.chars().all(is_digit))
        && (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && groups[1..].iter().all(|group| matches!(group.len(), 2 | 3))
        && last.len() == 3;
    is_usual.then(|| groups.concat())
}

/// True if the only comma or point of a number may separate thousands. It must stand before exactly
/// three digits and after one to three, and the first digit must not be 0.
fn may_be_group(text: &[u8], mark: u8) -> bool {
    let Some(at) = text.iter().position(|byte| *byte == mark) else {
        return false;
    };
    let before = text[..at].iter().rev();
    let before = before.take_while(|byte| byte.is_ascii_digit()).count();
    let after = text[at + 1..].iter();
    let after = after.take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&before) && text[at - before] != b'0' && after == 3
}

/// True if the comma of a cell can only be a decimal mark, as in `12,5`.
pub(crate) fn has_decimal_comma(trimmed: &[u8]) -> bool {
    trimmed.contains(&b',')
        && !may_be_group(trimmed, b',')
        && parse_with_comma(trimmed).is_some_and(f64::is_finite)
}

/// Counts of the commas and points in a column's numbers, if either may be the decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) commas: MarkCounts,
    pub(crate) points: MarkCounts,
}

/// Number of cells with a mark, by what the mark may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MarkCounts {
    /// The mark can only be a decimal mark, as in `12,5`.
    pub(crate) decimal: u64,
    /// The mark can only separate thousands, as in `1,234,567`.
    pub(crate) thousands: u64,
    /// The mark may be either, as in `1,234`.
    pub(crate) unclear: u64,
}

impl Marks {
    /// Counts a cell that is a number.
    pub(crate) fn add_cell(&mut self, cell: &[u8]) {
        let count = |mark: u8| cell.iter().filter(|byte| **byte == mark).count();
        let last = cell.iter().rfind(|byte| matches!(byte, b',' | b'.'));
        match (count(b','), count(b'.'), last) {
            (0, 0, _) => {}
            (1.., 1.., Some(b',')) => {
                self.commas.decimal += 1;
                self.points.thousands += 1;
            }
            (1.., 1.., _) => {
                self.points.decimal += 1;
                self.commas.thousands += 1;
            }
            (marks, 0, _) => self.commas.add_cell(cell, b',', marks),
            (_, marks, _) => self.points.add_cell(cell, b'.', marks),
        }
    }

    /// Adds the cells of another block.
    pub(crate) fn join(&mut self, other: Self) {
        self.commas.join(other.commas);
        self.points.join(other.points);
    }
}

impl MarkCounts {
    fn add_cell(&mut self, cell: &[u8], mark: u8, marks: usize) {
        if marks > 1 {
            self.thousands += 1;
        } else if may_be_group(cell, mark) {
            self.unclear += 1;
        } else {
            self.decimal += 1;
        }
    }

    fn join(&mut self, other: Self) {
        self.decimal += other.decimal;
        self.thousands += other.thousands;
        self.unclear += other.unclear;
    }

    /// True if some marks may be either, and no mark can only be a decimal mark.
    pub(crate) fn are_unclear(self) -> bool {
        self.unclear > 0 && self.decimal == 0
    }

    /// True if a mark is a decimal mark in some cells, and does or may separate thousands in
    /// others.
    pub(crate) fn contradict(self) -> bool {
        self.decimal > 0 && self.unclear + self.thousands > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, format: NumberFormat, marks: DecimalMarks) -> Option<f64> {
        parse_decimal(text.as_bytes(), format, marks).ok()
    }

    proptest::proptest! {
        #[test]
        fn short_numbers_are_the_nearest_floats(text in "-?[0-9]{0,9}\\.?[0-9]{0,9}") {
            if let Some(number) = short_decimal::<b'.'>(text.as_bytes()) {
                let nearest: f64 = text.parse().expect("Rust reads it too");
                proptest::prop_assert_eq!(number.to_bits(), nearest.to_bits(), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_a_number_of_any_format_panic(text in ".{0,12}", digits in "[-(]?[0-9.,' %$€]{0,9}") {
            for format in [NumberFormat::Plain, NumberFormat::Percent, NumberFormat::Money, NumberFormat::Thousands] {
                for marks in [DecimalMarks::Point, DecimalMarks::Comma, DecimalMarks::Either] {
                    number(&text, format, marks);
                    number(&digits, format, marks);
                }
            }
        }
    }

    #[test]
    fn the_decimal_mark_is_that_of_the_text() {
        use DecimalMarks::{Comma, Either, Point};
        for (text, marks, wanted) in [
            ("1.5", Point, Some(1.5)),
            ("1,5", Point, None),
            ("1,5", Comma, Some(1.5)),
            ("-1,5e3", Comma, Some(-1500.0)),
            ("1.5", Comma, None),
            ("1.5", Either, Some(1.5)),
            ("1,5", Either, Some(1.5)),
            ("1.234,5", Either, None),
            ("1,2,3", Either, None),
            ("0,12345678901234567", Comma, Some(0.123_456_789_012_345_67)),
        ] {
            assert_eq!(
                number(text, NumberFormat::Plain, marks),
                wanted,
                "{text} {marks:?}"
            );
        }
    }

    #[test]
    fn percent_money_and_thousands_are_read() {
        use DecimalMarks::{Comma, Either, Point};
        use NumberFormat::{Money, Percent, Thousands};
        for (text, format, marks, wanted) in [
            ("45.7%", Percent, Point, Some(45.7)),
            ("-3 %", Percent, Point, Some(-3.0)),
            ("45,7 %", Percent, Either, Some(45.7)),
            ("45.7", Percent, Point, Some(45.7)),
            ("45.7 percent", Percent, Point, None),
            ("1,234,567.5", Thousands, Point, Some(1_234_567.5)),
            ("1.234.567,5", Thousands, Comma, Some(1_234_567.5)),
            ("1.234.567,5", Thousands, Either, Some(1_234_567.5)),
            ("1.234", Thousands, Either, Some(1234.0)),
            ("1.234", Thousands, Point, Some(1.234)),
            ("1.234", Thousands, Comma, Some(1234.0)),
            ("12,5", Thousands, Either, Some(12.5)),
            ("1 234 567", Thousands, Point, Some(1_234_567.0)),
            ("1\u{a0}234,5", Thousands, Comma, Some(1234.5)),
            ("1'234.50", Thousands, Point, Some(1234.5)),
            ("12,34,567", Thousands, Point, Some(1_234_567.0)),
            ("12,34", Thousands, Point, None),
            ("1234,567", Thousands, Point, None),
            ("-1,234", Thousands, Point, Some(-1234.0)),
            ("0,123", Thousands, Point, None),
            ("0,275 €", Money, Either, Some(0.275)),
            ("$0.999", Money, Either, Some(0.999)),
            ("$1,234.50", Money, Point, Some(1234.5)),
            ("-$5", Money, Point, Some(-5.0)),
            ("$-5", Money, Point, Some(-5.0)),
            ("($1,234.50)", Money, Point, Some(-1234.5)),
            ("1.234,50 €", Money, Either, Some(1234.5)),
            ("EUR 12,50", Money, Comma, Some(12.5)),
            ("CHF 1'234.50", Money, Point, Some(1234.5)),
            ("12.50", Money, Point, Some(12.5)),
            ("free", Money, Point, None),
            ("12 k", Money, Point, None),
            ("12 years", Money, Point, None),
            ("$5 mio", Money, Point, None),
            ("5 min", Money, Point, None),
            ("CLI001", Money, Point, None),
            ("eur5", Money, Point, Some(5.0)),
            ("$5 million", Money, Point, None),
            ("5 kr", Money, Point, Some(5.0)),
            ("usd 5-", Money, Point, Some(-5.0)),
            ("Fr. 5.50", Money, Point, Some(5.5)),
            ("$.50", Money, Point, Some(0.5)),
            ("(-5)", Money, Point, None),
            ("$", Money, Point, None),
        ] {
            assert_eq!(
                number(text, format, marks),
                wanted,
                "{text} {format:?} {marks:?}"
            );
        }
    }

    #[test]
    fn a_mark_before_three_digits_is_unclear() {
        let counted = |cells: &[&str]| {
            let mut marks = Marks::default();
            cells
                .iter()
                .for_each(|cell| marks.add_cell(cell.as_bytes()));
            marks
        };
        assert!(counted(&["1,234", "-12,000", "7"]).commas.are_unclear());
        assert!(counted(&["$1.234", "120"]).points.are_unclear());
        for clear in ["12,5", "0,125", "1234,567", "1.234,5"] {
            let marks = counted(&[clear]).commas;
            assert!(!marks.are_unclear() && marks.decimal == 1, "{clear}");
        }
        assert!(counted(&["1,234 €", "1,50 €"]).commas.contradict());
        assert!(counted(&["1,234.5", "1,5"]).commas.contradict());
        assert!(!counted(&["1,234.5", "2.5", "1,234"]).commas.contradict());
        assert_eq!(counted(&["1", "x"]), Marks::default());
    }
}
