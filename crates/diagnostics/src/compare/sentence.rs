//! The result of a check as a sentence.

use common::numbers::{count, counted, two_digits};

use super::check::{Check, Test, Unit, Verdict};
use super::column::Kind;
use super::limits::CHECK_LEVEL;

/// Facts that a sentence about a check mentions besides the result of the check.
#[derive(Clone, Copy)]
pub(super) struct SentenceFacts<'c> {
    /// How the column was compared.
    pub(super) kind: Kind,
    /// Why the values were not tested.
    pub(super) untested: Option<&'c str>,
    /// How a column changed that has a single value in the reference.
    pub(super) was_constant: Option<&'c str>,
}

/// What has moved if the values of a column have changed, with the verb.
pub(crate) fn values_in_words(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Number | Kind::Untested => format!("the distribution of {name} has"),
        Kind::Category => format!("the shares of the levels of {name} have"),
        Kind::Mixed => format!("the share of numbers among the values of {name} has"),
    }
}

/// How far something has moved: the effect of a check with its unit.
pub(crate) fn effect_in_words(check: &Check) -> String {
    match (check.unit, check.effect) {
        (_, None) => "too far to be measured".to_owned(),
        (unit, Some(by)) => format!("by {}", amount(unit, by)),
    }
}

/// An effect or a limit of effects with its unit, in words.
fn amount(unit: Unit, by: f64) -> String {
    match unit {
        Unit::StandardDeviations => format!("{} standard deviations", two_digits(by)),
        // The levels that grew have gained as much together as the others have lost.
        Unit::TotalVariation => format!("{} percentage points in total", two_digits(by * 100.0)),
        Unit::MissingShare | Unit::ValueShare => {
            format!("{} percentage points", two_digits(by * 100.0))
        }
    }
}

/// How a check was made, in words: the test, its p-values, and when it is drift.
pub(super) fn made_in_words(check: &Check) -> String {
    let from = match check.min_effect {
        0.0 => String::new(),
        floor => format!(" and from {} on", amount(check.unit, floor)),
    };
    format!("{}{from}", tested_in_words(check))
}

fn tested_in_words(check: &Check) -> String {
    let test = match check.test {
        Test::KolmogorovSmirnov => "Kolmogorov-Smirnov test",
        Test::ChiSquare => "chi-square test",
        Test::Fisher => "Fisher's exact test",
        Test::Range => "exact test",
    };
    let [reference, current] = check.rows;
    let what = match check.unit {
        Unit::MissingShare => "row",
        Unit::StandardDeviations | Unit::TotalVariation | Unit::ValueShare => "value",
    };
    format!(
        "{test} of {} and {}, p {}, corrected {}; drift is below {CHECK_LEVEL}",
        count(reference),
        counted(current, what),
        p_text(check.p_value),
        p_text(check.corrected_p_value),
    )
}

/// The result of a check as a sentence about the column `name`.
pub(super) fn sentence(name: &str, check: &Check, facts: SentenceFacts<'_>) -> String {
    let is_of_missing = check.unit == Unit::MissingShare;
    let subject = match is_of_missing {
        true => format!("the share of {name} that is missing has"),
        false => values_in_words(name, facts.kind),
    };
    let [reference, current] = check.rows;
    if check.p_value.is_none() || check.corrected_p_value.is_none() {
        let subject = match is_of_missing {
            true => format!("the share of {name} that is missing"),
            false => format!("the distribution of {name}"),
        };
        return match facts.untested {
            Some(reason) => format!("{subject} cannot be tested: {reason}"),
            None => format!("{subject} cannot be tested: {reference} values and {current}"),
        };
    }
    let effect = effect_in_words(check);
    let made = made_in_words(check);
    if let (Verdict::Drift, Some(change)) = (check.verdict, facts.was_constant) {
        return format!("{subject} moved: {change} ({})", tested_in_words(check));
    }
    match check.verdict {
        Verdict::Drift => format!("{subject} moved {effect} ({made})"),
        Verdict::Ok if check.is_significant_but_small() => {
            format!(
                "{subject} moved, but too little to matter ({made}; the change is {})",
                size(check)
            )
        }
        Verdict::Ok => format!(
            "{subject} not moved ({made}; the difference is {})",
            size(check)
        ),
        Verdict::InsufficientData => format!(
            "there are too few rows to tell whether {subject} moved ({made}; no values could give a p below {})",
            p_text(check.min_p_value)
        ),
    }
}

/// The effect of a check with its unit.
fn size(check: &Check) -> String {
    match check.effect {
        Some(by) => amount(check.unit, by),
        None => "too large to be measured".to_owned(),
    }
}

/// A p-value as text.
pub(super) fn p_text(p_value: Option<f64>) -> String {
    match p_value {
        None => "-".into(),
        Some(p) if p < 1e-4 => format!("{p:.1e}"),
        Some(p) => format!("{p:.4}"),
    }
}
