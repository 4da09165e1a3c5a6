//! Formats numbers for people. Rounding never turns a share into 0 % or 100 %.

/// Share as a percentage with one decimal. Only zero shows 0.0 %, and only the whole shows 100.0 %.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let text = format!("{:.1}", part as f64 / whole as f64 * 100.0);
    match text.as_str() {
        "0.0" if part > 0 => "< 0.1 %".to_owned(),
        "100.0" if part < whole => "> 99.9 %".to_owned(),
        _ => format!("{text} %"),
    }
}

/// Score between 0 and 1 with four decimals. Only 0 shows 0.0000, and only 1 shows 1.0000.
pub(super) fn score(value: f64) -> String {
    let text = format!("{value:.4}");
    match text.as_str() {
        "0.0000" if value > 0.0 => "< 0.0001".to_owned(),
        "1.0000" if value < 1.0 => "> 0.9999".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_rounded_to_nothing_or_all() {
        assert_eq!(percent(0, 7), "0.0 %");
        assert_eq!(percent(1, 10_000), "< 0.1 %");
        assert_eq!(percent(9_999, 10_000), "> 99.9 %");
        assert_eq!(percent(7, 7), "100.0 %");
        assert_eq!(score(0.0), "0.0000");
        assert_eq!(score(1e-9), "< 0.0001");
        assert_eq!(score(0.999_99), "> 0.9999");
        assert_eq!(score(1.0), "1.0000");
    }
}
