//! Schema of an error.

use serde_json::{Value, json};

use super::types::{count, object, text};

/// An error (RFC 9457).
pub(super) fn problem() -> Value {
    let error = object(
        &[
            ("row", count()),
            ("line", count()),
            ("column", text()),
            ("code", text()),
            ("value", text()),
        ],
        &["line", "column", "value"],
    );
    object(
        &[
            ("type", text()),
            ("title", text()),
            ("status", count()),
            ("detail", text()),
            ("instance", text()),
            ("request_id", text()),
            (
                "errors",
                json!({"type": "array", "items": error, "maxItems": 20}),
            ),
            ("errors_total", count()),
        ],
        &["errors", "errors_total"],
    )
}
