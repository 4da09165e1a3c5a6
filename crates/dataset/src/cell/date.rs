//! Recognises dates and times. They are not read, only named.

/// Names of the months in lower case. Their first three letters are recognised, too.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Maximum length of a date or time in bytes.
const MAX_BYTES: usize = 40;

/// True for a date, a time, or both: `2024-05-31`, `31.5.2024`, `May-2024`, `2024-05-31T23:59:59Z`,
/// `11:30 PM`.
pub(crate) fn is_date_or_time(trimmed: &[u8]) -> bool {
    let text = match std::str::from_utf8(trimmed) {
        Ok(text) if text.len() <= MAX_BYTES && text.is_ascii() => text,
        _ => return false,
    };
    if is_date(text) || is_time(text) {
        return true;
    }
    let split = text
        .split_once('T')
        .filter(|(date, time)| is_date(date) && is_time(time));
    let split = split.or_else(|| {
        let at = text.find(':')?;
        let space = text[..at].rfind(' ')?;
        Some((&text[..space], &text[space + 1..]))
    });
    split.is_some_and(|(date, time)| is_date(date.trim_end_matches(',').trim()) && is_time(time))
}

/// True for a whole number that is a date without separators: `20240531`.
pub(crate) fn is_compact_date(trimmed: &[u8]) -> bool {
    if trimmed.len() != 8 || !trimmed.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let text = std::str::from_utf8(trimmed).unwrap_or_default();
    is_year(&text[..4]) && is_month(&text[4..6]) && is_day(&text[6..])
}

fn is_date(text: &str) -> bool {
    let separator = |character: char| matches!(character, '-' | '/' | '.' | ' ' | ',');
    let parts: Vec<&str> = text
        .split(separator)
        .filter(|part| !part.is_empty())
        .collect();
    match parts[..] {
        [one, other] => {
            is_month_name(one) != is_month_name(other) && {
                let number = if is_month_name(one) { other } else { one };
                is_year(number) || is_day(number)
            }
        }
        [year, month, day] if year.len() == 4 => {
            is_year(year) && (is_month(month) || is_month_name(month)) && is_day(day)
        }
        [one, other, year] => {
            let is_pair =
                |day: &str, month: &str| is_day(day) && (is_month(month) || is_month_name(month));
            let is_short_year = year.len() == 2 && year.bytes().all(|byte| byte.is_ascii_digit());
            (is_year(year) || is_short_year) && (is_pair(one, other) || is_pair(other, one))
        }
        _ => false,
    }
}

/// `23:59`, `23:59:59.5`, with `AM`, `Z` or `+02:00`.
fn is_time(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let clock = ["AM", "PM", "Z"]
        .iter()
        .find_map(|end| upper.strip_suffix(end))
        .unwrap_or(&upper)
        .trim_end();
    let zone_at = clock.rfind(['+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let parts: Vec<&str> = clock.split(':').collect();
    let is_clock = match parts[..] {
        [hour, minute] => is_within(hour, 0, 24) && is_part(minute),
        [hour, minute, second] => {
            let whole = second.split_once('.').map_or(second, |(whole, _)| whole);
            is_within(hour, 0, 24) && is_part(minute) && is_part(whole)
        }
        _ => false,
    };
    is_clock
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-:".contains(&byte))
}

fn is_part(text: &str) -> bool {
    text.len() == 2 && is_within(text, 0, 60)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && is_within(text, 1800, 2200)
}

fn is_month(text: &str) -> bool {
    text.len() <= 2 && is_within(text, 1, 12)
}

fn is_day(text: &str) -> bool {
    text.len() <= 2 && is_within(text, 1, 31)
}

fn is_within(text: &str, low: u32, high: u32) -> bool {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits
        && text
            .parse()
            .is_ok_and(|number| (low..=high).contains(&number))
}

fn is_month_name(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    MONTHS
        .iter()
        .any(|month| lower == *month || lower == month[..3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_recognised() {
        for text in [
            "2024-05-31",
            "2024/5/1",
            "31.12.2024",
            "12/31/24",
            "1-Jan-2015",
            "Dec-2011",
            "5 March 2020",
            "March 5, 2020",
            "2024-05-31 23:59",
            "2024-05-31T23:59:59.123Z",
            "2024-05-31 23:59:59+02:00",
            "12/31/2024 11:30 PM",
            "23:59",
            "7:05:00",
        ] {
            assert!(is_date_or_time(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "May",
            "2024",
            "12.5",
            "1.2.3",
            "382-4657",
            "2024-13-01",
            "40.1.2024",
            "25:00",
            "7590-VHVEG",
            "10-12",
            "36 months",
            "1:2",
            "a:b",
            "é-1-2024",
            ":",
            "T",
        ] {
            assert!(!is_date_or_time(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_number_may_be_a_date_without_separators() {
        assert!(is_compact_date(b"20170331"));
        for text in ["15634602", "20171301", "2017033", "2017-331"] {
            assert!(!is_compact_date(text.as_bytes()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_recognition_panic(text in ".{0,12}", digits in "[0-9TZ:. /+-]{0,20}") {
            is_date_or_time(text.as_bytes());
            is_date_or_time(digits.as_bytes());
        }
    }
}
