//! The schemas of requests and answers (JSON Schema 2020-12).
//!
//! The tests of the server check its answers against these schemas.

use serde_json::{Map, Value, json};

/// All schemas by name.
pub(super) fn all() -> Value {
    json!({
        "Rows": rows(),
        "Predictions": predictions(),
        "Score": score(),
        "Summary": summary(),
        "Diagnostics": diagnostics(),
        "Health": health(),
        "Version": closed(&[
            ("name", text()),
            ("version", text()),
            ("model_version", or_null("string")),
        ]),
        "Runs": page("runs", &listed_run()),
        "Run": run(),
        "Drift": page("runs", &evaluated_run()),
        "Model": model(),
        "Releases": page("releases", &release()),
        "Object": {"type": "object"},
        "Text": {"type": "string"},
        "Problem": problem(),
    })
}

/// An object with exactly these members.
fn closed(members: &[(&str, Value)]) -> Value {
    object(members, &[])
}

/// An object with these members, some of which may be absent.
fn object(members: &[(&str, Value)], absent: &[&str]) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    let required: Vec<&str> = members
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !absent.contains(name))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A schema with a description.
fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn list(of: &Value) -> Value {
    json!({"type": "array", "items": of})
}

/// A page of a list; its items are under this name.
fn page(items: &str, item: &Value) -> Value {
    let next = described(
        or_null("string"),
        "Address of the page of older ones; null where there are none",
    );
    closed(&[(items, list(item)), ("next", next)])
}

fn text() -> Value {
    json!({"type": "string"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn time_or_null() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

fn number() -> Value {
    json!({"type": "number"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn share() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 1})
}

fn share_or_null() -> Value {
    json!({"type": ["number", "null"], "minimum": 0, "maximum": 1})
}

fn interval_or_null() -> Value {
    json!({"type": ["array", "null"], "items": share(), "minItems": 2, "maxItems": 2})
}

fn or_null(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

fn rows() -> Value {
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

fn predictions() -> Value {
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
            ("model_version", text()),
            ("request_id", text()),
            ("explanations", list(&explanation)),
        ],
        &["explanations"],
    )
}

fn score() -> Value {
    closed(&[
        ("f1", share_or_null()),
        ("f1_interval", interval_or_null()),
        ("precision", share_or_null()),
        ("recall", share_or_null()),
        ("roc_auc", share_or_null()),
        (
            "confusion_matrix",
            closed(&[
                ("true_positive", count()),
                ("false_positive", count()),
                ("false_negative", count()),
                ("true_negative", count()),
            ]),
        ),
        ("n", count()),
        ("model_version", text()),
        ("deployed_score", share()),
    ])
}

fn summary() -> Value {
    let level = closed(&[("level", text()), ("rows", count())]);
    let levels = closed(&[
        (
            "distinct",
            described(count(), "Different levels that are counted one by one"),
        ),
        (
            "distinct_is_exact",
            described(
                flag(),
                "Whether there are no others; else there are more than distinct",
            ),
        ),
        ("top", list(&level)),
        ("others", count()),
    ]);
    let column = object(
        &[
            ("name", text()),
            ("count", count()),
            ("missing", count()),
            ("mean", or_null("number")),
            ("median", or_null("number")),
            ("std", or_null("number")),
            ("min", or_null("number")),
            ("max", or_null("number")),
            ("levels", levels),
        ],
        &["levels"],
    );
    closed(&[
        ("rows", count()),
        (
            "superseded",
            described(
                count(),
                "Rows without a label that are left out, because a later row brought it",
            ),
        ),
        ("columns", list(&column)),
        ("medians_are_exact", flag()),
    ])
}

fn diagnostics() -> Value {
    let timing = closed(&[
        ("stage", text()),
        ("last_started_at", time()),
        ("last_seconds", number()),
        ("p50_seconds", number()),
        ("p95_seconds", number()),
        ("recorded", count()),
    ]);
    let missing = closed(&[
        ("column", text()),
        ("missing", count()),
        ("share", share_or_null()),
    ]);
    let dependency = object(
        &[
            ("name", text()),
            ("current", text()),
            ("latest", or_null("string")),
            ("compatible", or_null("string")),
            (
                "status",
                json!({"type": "string", "enum": ["up_to_date", "outdated", "yanked", "unknown"]}),
            ),
            ("reason", text()),
        ],
        &["reason"],
    );
    let dependencies = json!({
        "type": "object",
        "required": ["asked_at", "direct"],
        "properties": {"asked_at": time_or_null(), "direct": list(&dependency)},
    });
    let last_run = json!({
        "type": ["object", "null"],
        "required": ["run_id", "outcome", "finished_at"],
        "properties": {"run_id": count(), "outcome": text(), "finished_at": time()},
    });
    closed(&[
        ("timings", list(&timing)),
        ("missing", list(&missing)),
        ("dependencies", dependencies),
        ("last_run", last_run),
        ("last_run_is_stale", flag()),
        ("drift", list(&evaluated_run())),
    ])
}

fn health() -> Value {
    let check = closed(&[("name", text()), ("ok", flag()), ("detail", text())]);
    object(
        &[
            (
                "status",
                json!({"type": "string", "enum": ["alive", "ready", "no-model", "draining"]}),
            ),
            ("checks", list(&check)),
        ],
        &["checks"],
    )
}

/// The members of every view of a run.
fn run_members() -> Vec<(&'static str, Value)> {
    vec![
        ("run_id", count()),
        ("outcome", text()),
        ("reason", text()),
        ("finished_at", time_or_null()),
        ("release", or_null("string")),
        ("new_score", share_or_null()),
        ("new_score_interval", interval_or_null()),
        ("deployed_score", share_or_null()),
        ("deployed_score_interval", interval_or_null()),
    ]
}

/// The members of a run in a list.
fn listed_members() -> Vec<(&'static str, Value)> {
    let counts = |names: &[&'static str]| -> Value {
        let members: Vec<_> = names.iter().map(|name| (*name, count())).collect();
        closed(&members)
    };
    let files = ["ingested", "rejected", "ignored", "waiting", "removed"];
    let rows = ["read", "kept", "duplicate", "rejected", "new", "total"];
    let mut members = run_members();
    members.insert(3, ("started_at", time()));
    members.extend([
        ("candidate_score", share_or_null()),
        ("candidate_score_interval", interval_or_null()),
        ("files", counts(&files)),
        ("rows", counts(&rows)),
        (
            "seconds",
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
        ),
        ("warnings", list(&text())),
    ]);
    members
}

fn listed_run() -> Value {
    closed(&listed_members())
}

/// Everything that a run recorded.
fn run() -> Value {
    let mut members = listed_members();
    members.extend([
        ("ingestion", or_null("object")),
        ("data", or_null("string")),
        ("evidence", evidence()),
        ("decision", decision()),
        ("candidate_model", or_null("string")),
        ("comparison", or_null("object")),
        ("verdict", or_null("object")),
        ("notices", list(&json!({"type": "object"}))),
        ("has_due_notice", flag()),
        ("api", or_null("object")),
        ("dependencies", json!({"type": "object"})),
        ("effects", list(&text())),
    ]);
    object(&members, &["notices", "has_due_notice", "dependencies"])
}

fn evaluated_run() -> Value {
    let mut members = run_members();
    members.extend([
        ("evidence", evidence()),
        ("decision", decision()),
        ("verdicts", list(&verdict())),
    ]);
    closed(&members)
}

fn evidence() -> Value {
    described(
        or_null("object"),
        "What the run found; null where its record cannot be read, and where it found nothing",
    )
}

fn decision() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": {"action": text(), "reason": text()},
        "required": ["action", "reason"],
    })
}

/// One test of a run.
fn verdict() -> Value {
    closed(&[
        ("subject", text()),
        ("test", text()),
        (
            "verdict",
            json!({"type": "string", "enum": ["ok", "drift", "insufficient_data"]}),
        ),
        ("rows", count()),
        ("statistic", or_null("number")),
        ("p_value", share_or_null()),
        ("level", share_or_null()),
        ("effect", or_null("number")),
    ])
}

fn model() -> Value {
    let level = closed(&[
        ("level", or_null("string")),
        ("coefficient", number()),
        ("imputed", number()),
    ]);
    let feature = object(
        &[
            ("name", text()),
            ("coefficient", number()),
            ("imputed", number()),
            ("levels", list(&level)),
            ("allowed", json!({"type": ["object", "string"]})),
        ],
        &["coefficient", "imputed", "levels"],
    );
    let file = closed(&[("folder", text()), ("name", text()), ("sha256", text())]);
    closed(&[
        ("model_version", text()),
        ("created_at", time()),
        ("run", or_null("integer")),
        ("parent", or_null("string")),
        ("deployed_score", share()),
        ("program", text()),
        ("id", text()),
        ("target", text()),
        ("intercept", number()),
        ("features", list(&feature)),
        ("c", number()),
        ("rows", count()),
        ("positives", count()),
        (
            "convergence",
            closed(&[
                ("iterations", count()),
                ("gradient_norm", number()),
                ("loss", number()),
            ]),
        ),
        (
            "check",
            json!({"type": "string", "enum": ["confirmed", "unconfirmed", "not_checked"]}),
        ),
        (
            "data",
            closed(&[
                ("rows", count()),
                ("committed_bytes", count()),
                ("digest", text()),
                ("files", list(&file)),
            ]),
        ),
    ])
}

fn release() -> Value {
    closed(&[
        ("release", text()),
        ("is_live", flag()),
        ("created_at", time()),
        ("score", share()),
        ("parent", or_null("string")),
        ("run", or_null("integer")),
    ])
}

fn problem() -> Value {
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
