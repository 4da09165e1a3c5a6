//! Schema of a client of the call list.

use scoring::MAX_REASONS;
use serde_json::{Value, json};

use super::types::{closed, count, described, or_null, share, text};
use crate::endpoints::BANDS;

/// A client of the call list.
pub(super) fn risk() -> Value {
    let reasons = json!({"type": "array", "items": {"type": "string"}, "maxItems": MAX_REASONS});
    closed(&[
        ("rank", described(count(), "Place in the list, from 1")),
        (
            "id",
            described(
                text(),
                "Id of the client; the number of its row where rows have no id",
            ),
        ),
        (
            "probability",
            described(share(), "Probability of the label 1"),
        ),
        (
            "band",
            described(
                json!({"type": "string", "enum": BANDS}),
                "Band of the probability",
            ),
        ),
        (
            "expected_value",
            described(
                or_null("number"),
                "What a call is expected to bring; null if no value is configured, or if the client's value is missing",
            ),
        ),
        (
            "in_capacity",
            described(
                or_null("boolean"),
                "Whether the client is to be called; null if neither capacity, value nor a share to hold out is configured",
            ),
        ),
        (
            "hold_out",
            described(
                or_null("boolean"),
                "Whether the client is held out, to see whether calling works; null if no share is held out",
            ),
        ),
        (
            "reasons",
            described(
                reasons,
                "The largest contributions to the log-odds in words, the largest first",
            ),
        ),
        (
            "model_version",
            described(text(), "The release that predicted"),
        ),
    ])
}
