//! Numbers as text for people: counts, scores and p-values. All programs use the same forms.
//!
//! Nothing here is meant for a machine: JSON, CSV files and metrics have the exact numbers.

use std::fmt::Display;

/// Largest difference of two scores that counts as a rounding error. Such scores are equal.
pub const SCORE_TOLERANCE: f64 = 1e-9;
/// Minimum and maximum number of decimals of a score. Scores that differ only in later decimals
/// look equal.
const DECIMALS: std::ops::RangeInclusive<usize> = 2..=4;
/// A score of at least this size is written with a power of ten.
const LARGE_SCORE: f64 = 1e7;

/// A count with a comma between groups of three digits: `3,096`.
pub fn count(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, in the plural unless it is 1: `1 row`, `3,096 rows`.
pub fn counted(n: impl TryInto<u64>, noun: impl Display) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// The first names of a list, at most `max`, and the number of the others: `a, b and 3 more`.
pub fn listed(names: &[impl AsRef<str>], max: usize) -> String {
    let shown: Vec<&str> = names.iter().take(max).map(AsRef::as_ref).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), count(more)),
    }
}

/// A p-value: `p = 0.034`, or `p < 0.0001`.
pub fn p_value(p: f64) -> String {
    match p < 1e-4 {
        true => "p < 0.0001".into(),
        false => format!("p = {}", level(p)),
    }
}

/// A significance level: two significant digits at most, such as `0.005`.
pub fn level(p: f64) -> String {
    let text = two_digits(p);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// An amount, such as a sum of money, with two significant digits, or as a whole number with commas: `4,291`,
/// `-9.7`.
pub fn amount(amount: f64) -> String {
    match (100.0..1e15).contains(&amount.abs()) {
        true if amount < 0.0 => format!("-{}", count(-amount.round() as u64)),
        true => count(amount.round() as u64),
        false => level(amount),
    }
}

/// A number with at least two significant digits and no exponent: `0.0034`, `0.92`, `1.5`, `1234`.
pub fn two_digits(number: f64) -> String {
    let size = number.abs();
    if !size.is_finite() || size >= LARGE_SCORE || size == 0.0 {
        return number.to_string();
    }
    let decimals = 1 - power_of_ten(number);
    format!("{number:.*}", decimals.clamp(0, 12) as usize)
}

/// The power of ten of a number that is rounded to two significant digits: 0 for 0.996, which becomes
/// 1.0.
fn power_of_ten(number: f64) -> i32 {
    let text = format!("{number:.1e}");
    let power = text.split_once('e').map(|(_, power)| power.parse());
    power.and_then(Result::ok).unwrap_or(0)
}

/// A value from the data with three significant digits: `868.7` becomes `869`. A whole number is written
/// in full. A very large or very small number is written with a power of ten.
pub fn bound(number: f64) -> String {
    with_digits(number, MIN_DIGITS)
}

/// The ends of a range, each written like [`bound`], with enough digits to tell them apart.
pub fn bounds(ends: [f64; 2]) -> [String; 2] {
    let both = |digits| ends.map(|number| with_digits(number, digits));
    let mut rounded = (MIN_DIGITS..MAX_DIGITS).map(both);
    let differing = rounded.find(|[from, to]| from != to);
    differing.unwrap_or_else(|| both(MAX_DIGITS))
}

/// Minimum number of significant digits of a number with decimals.
const MIN_DIGITS: usize = 3;
/// Significant digits by which any two numbers differ.
const MAX_DIGITS: usize = 17;
/// A number of at least this size is written with a power of ten.
const LARGE: f64 = 1e9;
/// A number below this size is written with a power of ten.
const SMALL: f64 = 1e-4;

/// A number with this many significant digits or more, without zeros at the end. Digits before the
/// point are not rounded away.
fn with_digits(number: f64, digits: usize) -> String {
    let size = number.abs();
    if size < LARGE && number.fract() == 0.0 {
        // Adding 0 turns −0 into 0.
        return (number + 0.0).to_string();
    }
    if !(SMALL..LARGE).contains(&size) {
        return format!("{number:.*e}", digits.saturating_sub(1));
    }
    let whole = size.log10().floor() as i32 + 1;
    let decimals = (digits as i32 - whole).max(0) as usize;
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A score with its 95 % interval if there is one: `0.68 (95 % interval 0.66 to 0.71)`. Without a
/// score, `undefined`.
pub fn score(score: Option<f64>, interval: Option<[f64; 2]>) -> String {
    Scores::of(score.into_iter().chain(interval.into_iter().flatten())).show(score, interval)
}

/// Writes the scores of one text. All of them get the same number of decimals, so that a reader can
/// compare them.
#[derive(Clone, Copy, Debug)]
pub struct Scores {
    decimals: usize,
}

impl Scores {
    /// Chooses the fewest decimals, from two to four, with which different scores look different.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut scores: Vec<f64> = scores.into_iter().collect();
        scores.sort_by(f64::total_cmp);
        let all_differ = |decimals: &usize| {
            let shown = Self {
                decimals: *decimals,
            };
            scores.windows(2).all(|pair| {
                (pair[1] - pair[0]).abs() <= SCORE_TOLERANCE
                    || shown.number(pair[0]) != shown.number(pair[1])
            })
        };
        Self {
            decimals: DECIMALS
                .into_iter()
                .find(all_differ)
                .unwrap_or(*DECIMALS.end()),
        }
    }

    /// Chooses the decimals for a comparison of two scores: enough to show two significant digits of
    /// the difference, but at least two and at most four.
    pub fn compared(a: f64, b: f64) -> Self {
        let difference = (a - b).abs();
        let decimals = match difference > SCORE_TOLERANCE && difference.is_finite() {
            true => 1 - power_of_ten(difference),
            false => 0,
        };
        Self {
            decimals: (decimals.max(0) as usize).clamp(*DECIMALS.start(), *DECIMALS.end()),
        }
    }

    /// One of the scores.
    pub fn number(self, score: f64) -> String {
        if score.abs() >= LARGE_SCORE {
            return format!("{score:.1e}");
        }
        let text = format!("{score:.*}", self.decimals);
        match text.strip_prefix('-') {
            // A number that is rounded to 0 has no sign.
            Some(zero) if zero.chars().all(|c| "0.".contains(c)) => zero.to_owned(),
            _ => text,
        }
    }

    /// One of the scores, with its 95 % interval if there is one.
    pub fn show(self, score: Option<f64>, interval: Option<[f64; 2]>) -> String {
        let Some(score) = score.map(|score| self.number(score)) else {
            return "undefined".into();
        };
        match interval.map(|ends| ends.map(|end| self.number(end))) {
            Some([lower, upper]) => format!("{score} (95 % interval {lower} to {upper})"),
            None => score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_differ() {
        for (number, text) in [
            (868.7, "869"),
            (12_785.0, "12785"),
            (1_282.4, "1282"),
            (0.999_6, "1"),
            (0.123_456, "0.123"),
            (-0.0, "0"),
            (2.25e12, "2.25e12"),
            (1.5e-7, "1.50e-7"),
        ] {
            assert_eq!(bound(number), text);
        }
        assert_eq!(bounds([29.4, 868.7]), ["29.4", "869"]);
        assert_eq!(bounds([2019.2, 2019.4]), ["2019.2", "2019.4"]);
        assert_eq!(bounds([0.5, 0.5]), ["0.5", "0.5"]);
    }

    #[test]
    fn amounts_have_commas_or_two_digits() {
        for (number, text) in [
            (4_290.7, "4,291"),
            (-1_573.4, "-1,573"),
            (100.0, "100"),
            (99.4, "99"),
            (-9.71, "-9.7"),
            (0.3, "0.3"),
            (0.0, "0"),
            (1e300, &*level(1e300)),
        ] {
            assert_eq!(amount(number), text);
        }
    }

    #[test]
    fn counts_have_commas_and_nouns_a_plural() {
        for (n, text) in [
            (0_u64, "0 rows"),
            (1, "1 row"),
            (999, "999 rows"),
            (3_096, "3,096 rows"),
            (1_234_567, "1,234,567 rows"),
        ] {
            assert_eq!(counted(n, "row"), text);
        }
    }

    #[test]
    fn a_long_list_says_how_many_names_are_left_out() {
        let none: [&str; 0] = [];
        assert_eq!(listed(&none, 2), "");
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(listed(&vec!["a"; 1_502], 2), "a, a and 1,500 more");
    }

    #[test]
    fn a_p_value_has_two_digits() {
        for (p, text) in [
            (1.0, "p = 1"),
            (0.996, "p = 1"),
            (0.9167, "p = 0.92"),
            (0.05, "p = 0.05"),
            (0.000_49, "p = 0.00049"),
            (6.4e-39, "p < 0.0001"),
            (0.0, "p < 0.0001"),
        ] {
            assert_eq!(p_value(p), text);
        }
    }

    #[test]
    fn a_score_has_two_digits_unless_that_hides_an_order() {
        assert_eq!(score(Some(0.6817), None), "0.68");
        let interval = Some([0.6566, 0.7058]);
        assert_eq!(
            score(Some(0.6817), interval),
            "0.68 (95 % interval 0.66 to 0.71)"
        );
        let narrow = Some([0.6812, 0.6822]);
        assert_eq!(
            score(Some(0.6817), narrow),
            "0.6817 (95 % interval 0.6812 to 0.6822)"
        );
        assert_eq!(score(None, interval), "undefined");
        assert_eq!(Scores::of([0.5, 0.5]).number(0.5), "0.50");
        assert_eq!(Scores::of([]).number(-0.002), "0.00");
        assert_eq!(Scores::of([-0.002, 0.0]).number(-0.002), "-0.002");
        assert_eq!(Scores::of([1e300, 2e300]).number(1e300), "1.0e300");
    }

    #[test]
    fn compared_scores_show_two_digits_of_their_difference() {
        for (a, b, text) in [
            (0.4883, 0.6495, "0.49"),
            (0.6875, 0.6493, "0.688"),
            (0.500_001, 0.500_002, "0.5000"),
            (0.7, 0.7, "0.70"),
            (12.0, 1.0, "12.00"),
        ] {
            assert_eq!(Scores::compared(a, b).number(a), text);
        }
    }
}
