//! The body of a request for predictions.

use serde_json::{Value, json};

use crate::endpoints::PREDICTION;

/// The rows of a request, in each form.
pub(super) fn rows() -> Value {
    let csv = PREDICTION.example.as_ref().and_then(|example| example.body);
    let row = json!({
        "corporation": "Calm Co",
        "lastmonth_activity": 900,
        "lastyear_activity": 9000,
        "number_of_employees": 40,
    });
    let table = json!({
        "columns": ["corporation", "lastmonth_activity", "lastyear_activity", "number_of_employees"],
        "data": [["Calm Co", 900, 9000, 40]],
    });
    let examples = json!({
        "rows": {"summary": "Rows by column name", "value": [row]},
        "records": {"summary": "Rows in an object", "value": {"records": [row]}},
        "table": {"summary": "Columns and rows", "value": table},
        "file": {"summary": "A file on the server", "value": {"path": "data/testdata/clients_held_back.csv"}},
    });
    json!({
        "required": true,
        "description": "The rows in one form. Columns are found by name, in any order; other columns are ignored. The target is not needed. The body may be compressed: `Content-Encoding: gzip`",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Rows"},
                "examples": examples,
            },
            "text/csv": {
                "schema": {"type": "string", "description": "CSV with a header"},
                "example": csv,
            },
        },
    })
}
