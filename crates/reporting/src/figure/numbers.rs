//! Numbers of the figures in short form.

/// Largest number that is drawn. Differences of larger numbers may overflow.
const MAX_MAGNITUDE: f64 = 1e300;

/// Whether a number can be drawn.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() < MAX_MAGNITUDE
}

/// Share as a percentage. Rounding never makes 0 % or 100 % of another share.
pub(crate) fn percent(share: f64) -> String {
    let decimals = if share.abs() < 0.1 { 1 } else { 0 };
    let text = format!("{:.*}", decimals, share * 100.0);
    match text.as_str() {
        "0.0" | "-0.0" if share > 0.0 => "under 0.1 %".to_owned(),
        "-0.0" | "0.0" => "0 %".to_owned(),
        "100" if share < 1.0 => "over 99 %".to_owned(),
        _ => signed(&format!("{text} %")),
    }
}

/// Number with three digits and a unit, such as `1.23 M`.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    if !(1e-3..1e15).contains(&magnitude) {
        return signed(&trim_zeros(&format!("{value:.2e}")));
    }
    let (divisor, unit) = unit_of(magnitude);
    if divisor == 1.0 && magnitude >= 1e3 {
        return count(value);
    }
    let scaled = value / divisor;
    let whole_digits = scaled.abs().log10().floor() as i32 + 1;
    let decimals = (3 - whole_digits).clamp(0, 5) as usize;
    signed(&format!(
        "{}{unit}",
        trim_zeros(&format!("{scaled:.decimals$}"))
    ))
}

/// Divisor and unit for numbers up to this magnitude.
pub(super) fn unit_of(magnitude: f64) -> (f64, &'static str) {
    match magnitude {
        m if m >= 1e12 => (1e12, " T"),
        m if m >= 1e9 => (1e9, " G"),
        m if m >= 1e6 => (1e6, " M"),
        m if m >= 1e4 => (1e3, " k"),
        _ => (1.0, ""),
    }
}

/// The text with a minus sign in place of a hyphen.
pub(super) fn signed(text: &str) -> String {
    text.replace('-', "−")
}

fn trim_zeros(text: &str) -> String {
    let (digits, exponent) = match text.find('e') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    format!("{digits}{exponent}")
}

/// Whole number with a comma between thousands.
pub(super) fn count(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    format!(
        "{sign}{}",
        common::numbers::count(value.abs().round() as u64)
    )
}

/// Score with two decimals or, close to 0 and 1, three. Rounding never makes 0 or 1 of another
/// score.
pub(super) fn score(value: f64) -> String {
    let decimals = if (0.1..0.995).contains(&value) { 2 } else { 3 };
    let text = format!("{value:.decimals$}");
    match text.as_str() {
        "0.000" if value > 0.0 => "under 0.001".to_owned(),
        "1.000" if value < 1.0 => "over 0.999".to_owned(),
        _ => signed(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1_234_567.0, "1.23 M"),
            (-12_345.0, "−12.3 k"),
            (1e12, "1 T"),
            (9_999.0, "9,999"),
            (0.25, "0.25"),
            (1e-9, "1e−9"),
            (2.5e20, "2.5e20"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn scores_are_never_rounded_to_0_or_1() {
        for (value, text) in [(0.8, "0.80"), (0.99999, "over 0.999"), (1.0, "1.000")] {
            assert_eq!(score(value), text);
        }
        assert_eq!(score(1e-9), "under 0.001");
        assert_eq!(count(-1_234_567.0), "−1,234,567");
    }

    #[test]
    fn shares_are_never_rounded_to_nothing_or_all() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1e-9), "under 0.1 %");
        assert_eq!(percent(0.043), "4.3 %");
        assert_eq!(percent(0.9999), "over 99 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
