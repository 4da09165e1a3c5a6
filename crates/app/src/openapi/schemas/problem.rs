//! Schema of an error.

use serde_json::{Value, json};

use super::types::{count, described, object, text};

/// An error (RFC 9457).
pub(super) fn problem() -> Value {
    let error = object(
        &[
            ("row", described(count(), "Number of the row, from 1")),
            ("line", described(count(), "Line of the CSV")),
            ("column", described(text(), "Column of the cell")),
            (
                "code",
                described(text(), "What is wrong with the cell or row"),
            ),
            ("detail", described(text(), "What is wrong, as a sentence")),
            ("value", described(text(), "Beginning of the cell")),
        ],
        &["line", "column", "value"],
    );
    object(
        &[
            (
                "type",
                described(
                    text(),
                    "Address of the description; its end is the code of the problem",
                ),
            ),
            ("title", described(text(), "The kind of problem in words")),
            ("status", described(count(), "Status of the answer")),
            ("detail", described(text(), "This problem in words")),
            (
                "instance",
                described(text(), "Address of the request, shortened"),
            ),
            (
                "request_id",
                described(text(), "Identifies the request in the log of the server"),
            ),
            (
                "errors",
                described(
                    json!({"type": "array", "items": error, "maxItems": 20}),
                    "The first wrong cells",
                ),
            ),
            ("errors_total", described(count(), "Number of wrong rows")),
        ],
        &["errors", "errors_total"],
    )
}
