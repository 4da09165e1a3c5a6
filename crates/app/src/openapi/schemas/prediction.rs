//! Schemas of a request for predictions and of its answer.

use serde_json::{Value, json};

use super::types::{closed, count, labels, list, number, object, share, text};

/// Rows of a request.
pub(super) fn rows() -> Value {
    let record = json!({"type": "object"});
    json!({
        "description": "Rows by column name, a category's cell being a string, or the path of a CSV file on the server",
        "oneOf": [
            list(&record),
            {"type": "object", "required": ["records"],
                "properties": {"records": list(&record)}},
            {"type": "object", "required": ["columns", "data"],
                "properties": {"columns": list(&text()), "data": list(&json!({"type": "array"}))}},
            {"type": "object", "required": ["path"], "properties": {"path": text()}},
            {"type": "string"},
        ],
    })
}

/// Predictions for the rows.
pub(super) fn predictions() -> Value {
    let explanation = closed(&[
        ("base", number()),
        (
            "contributions",
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
        ),
    ]);
    object(
        &[
            (
                "predictions",
                list(&json!({"type": "integer", "enum": [0, 1]})),
            ),
            ("probabilities", list(&share())),
            ("ids", list(&text())),
            ("rows", count()),
            ("imputed", count()),
            ("unknown_levels", count()),
            ("threshold", share()),
            ("labels", labels()),
            ("model_version", text()),
            ("request_id", text()),
            ("explanations", list(&explanation)),
        ],
        &["labels", "explanations"],
    )
}
