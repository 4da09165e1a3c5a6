//! The result of a check as a sentence.

use super::check::{Check, Unit, Verdict};
use super::limits::CHECK_LEVEL;

/// Facts that a sentence about a check mentions besides the result of the check.
#[derive(Clone, Copy, Default)]
pub(super) struct SentenceFacts<'c> {
    /// Why the values were not tested.
    pub(super) untested: Option<&'c str>,
    /// How a column changed that has a single value in the reference.
    pub(super) was_constant: Option<&'c str>,
}

/// The result of a check as a sentence about the column `name`.
pub(super) fn sentence(name: &str, check: &Check, circumstances: SentenceFacts<'_>) -> String {
    let subject = match check.unit {
        Unit::MissingShare => format!("the share of {name} that is missing"),
        Unit::StandardDeviations | Unit::TotalVariation | Unit::ValueShare => {
            format!("the distribution of {name}")
        }
    };
    let [reference, current] = check.rows;
    let (Some(p_value), Some(corrected)) = (check.p_value, check.corrected_p_value) else {
        return match circumstances.untested {
            Some(reason) => format!("{subject} cannot be tested: {reason}"),
            None => format!("{subject} cannot be tested: {reference} values and {current}"),
        };
    };
    let effect = check.effect.map_or_else(
        || "by a number out of range".to_owned(),
        |effect| format!("by {:.3} {}", effect, check.unit),
    );
    let from = match check.min_effect {
        0.0 => String::new(),
        floor => format!(
            " and from {} {} on",
            (floor * 1e3).round() / 1e3,
            check.unit
        ),
    };
    let made = format!(
        "{} of {reference} and {current}, p {}, corrected {}; drift is below {CHECK_LEVEL}{from}",
        check.test,
        p_text(Some(p_value)),
        p_text(Some(corrected)),
    );
    if let (Verdict::Drift, Some(change)) = (check.verdict, circumstances.was_constant) {
        return format!(
            "{subject} has moved: {change} ({} of {reference} and {current}, p {}, corrected {}; drift is below {CHECK_LEVEL})",
            check.test,
            p_text(Some(p_value)),
            p_text(Some(corrected))
        );
    }
    match check.verdict {
        Verdict::Drift => format!("{subject} has moved {effect} ({made})"),
        Verdict::Ok if check.is_significant_but_small() => {
            format!("{subject} has moved, but too little to matter ({made}; it differs {effect})")
        }
        Verdict::Ok => format!("{subject} has not moved ({made}; it differs {effect})"),
        Verdict::InsufficientData => format!(
            "there are too few rows to tell whether {subject} has moved ({made}; no values could give a p below {})",
            p_text(check.min_p_value)
        ),
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
