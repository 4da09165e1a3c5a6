//! Schemas of what the server says of the pipeline and of itself.

use serde_json::{Value, json};

use super::types::{
    closed, count, flag, list, number, object, or_null, reference, share_or_null, text, time,
    time_or_null,
};

/// Durations, missing values, dependencies and the last run.
pub(super) fn diagnostics() -> Value {
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
        ("drift", list(&reference("EvaluatedRun"))),
    ])
}

/// Result of a liveness or readiness check.
pub(super) fn health() -> Value {
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

/// Versions of the server and of the model.
pub(super) fn version() -> Value {
    closed(&[
        ("name", text()),
        ("version", text()),
        ("model_version", or_null("string")),
    ])
}
