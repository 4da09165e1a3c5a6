//! Schemas of a request for predictions and of its answer.

use serde_json::{Value, json};

use super::types::{closed, count, described, labels, list, number, object, share, text};

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
        (
            "unit",
            described(
                json!({"type": "string", "enum": ["log-odds"]}),
                "The unit of base and contributions",
            ),
        ),
        (
            "base",
            described(
                number(),
                "The log-odds of a row whose features are the means of the training rows",
            ),
        ),
        (
            "contributions",
            described(
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                "What each feature adds to the log-odds",
            ),
        ),
        (
            "base_probability",
            described(share(), "The probability of such a row"),
        ),
        (
            "probability_changes",
            described(
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                "How much each feature changes the probability: the prediction minus the one without the feature's contribution",
            ),
        ),
    ]);
    object(
        &[
            (
                "predictions",
                described(
                    list(&json!({"type": "integer", "enum": [0, 1]})),
                    "The predicted label of each row",
                ),
            ),
            (
                "probabilities",
                described(
                    list(&share()),
                    "The probability of the positive label for each row",
                ),
            ),
            (
                "ids",
                described(
                    list(&text()),
                    "The id of each row; the number of the row where the data has no id",
                ),
            ),
            ("rows", described(count(), "Number of rows")),
            (
                "imputed",
                described(count(), "Number of missing values that were replaced"),
            ),
            (
                "unknown_levels",
                described(count(), "Number of levels without their own coefficient"),
            ),
            (
                "extrapolated",
                described(
                    count(),
                    "Number of numbers outside the range of the training rows",
                ),
            ),
            (
                "threshold",
                described(
                    share(),
                    "The positive label is predicted above this probability",
                ),
            ),
            ("labels", labels()),
            (
                "model_version",
                described(text(), "The release that predicted"),
            ),
            (
                "request_id",
                described(text(), "Identifies the request in the log of the server"),
            ),
            (
                "explanations",
                described(list(&explanation), "One for each row, with explain=true"),
            ),
        ],
        &["labels", "explanations"],
    )
}
