//! Schemas of what the server says of the pipeline and of itself.

use serde_json::{Value, json};

use super::types::{
    closed, count, described, flag, list, number, object, or_null, reference, share_or_null, text,
    time, time_or_null,
};

/// Durations, missing values, dependencies and the last run.
pub(super) fn diagnostics() -> Value {
    let timing = closed(&[
        ("stage", described(text(), "Stage of a run")),
        ("last_started_at", time()),
        (
            "last_seconds",
            described(number(), "Duration in the newest run"),
        ),
        (
            "p50_seconds",
            described(number(), "Median of the recorded durations"),
        ),
        (
            "p95_seconds",
            described(number(), "95th percentile of the recorded durations"),
        ),
        (
            "recorded",
            described(count(), "Number of recorded durations"),
        ),
    ]);
    let missing = closed(&[
        ("column", text()),
        ("missing", described(count(), "Rows without a value")),
        (
            "share",
            described(share_or_null(), "Share of the rows without a value"),
        ),
    ]);
    let dependency = object(
        &[
            ("name", text()),
            ("current", described(text(), "The version in this program")),
            (
                "latest",
                described(or_null("string"), "Newest published version"),
            ),
            (
                "compatible",
                described(
                    or_null("string"),
                    "Newest compatible version, which cargo update installs",
                ),
            ),
            (
                "status",
                json!({"type": "string", "enum": ["up_to_date", "outdated", "yanked", "unknown"]}),
            ),
            ("reason", described(text(), "Reason for the status unknown")),
        ],
        &["reason"],
    );
    let dependencies = json!({
        "type": "object",
        "required": ["asked_at", "direct"],
        "properties": {"asked_at": described(time_or_null(), "When the registry index was last asked"),
            "direct": described(list(&dependency), "The direct dependencies"),
            "others": described(count(), "Number of indirect dependencies"),
        },
    });
    let last_run = json!({
        "type": ["object", "null"],
        "required": ["run_id", "outcome", "finished_at"],
        "properties": {"run_id": count(), "outcome": text(), "finished_at": time()},
    });
    closed(&[
        (
            "timings",
            described(list(&timing), "Durations of each stage"),
        ),
        (
            "missing",
            described(
                list(&missing),
                "Missing values of each column of the ingested data",
            ),
        ),
        (
            "dependencies",
            described(dependencies, "The crates that the program is built from"),
        ),
        (
            "last_run",
            described(last_run, "The newest run that ended; null before the first"),
        ),
        (
            "last_run_is_stale",
            described(flag(), "Whether the last run is too long ago"),
        ),
        (
            "drift",
            described(
                list(&reference("EvaluatedRun")),
                "The runs that evaluated the deployed model, newest first",
            ),
        ),
    ])
}

/// Result of a liveness or readiness check.
pub(super) fn health() -> Value {
    let check = closed(&[
        ("name", text()),
        ("ok", flag()),
        ("detail", described(text(), "Result of the check in words")),
    ]);
    object(
        &[
            (
                "status",
                json!({"type": "string", "enum": ["alive", "ready", "degraded", "no-model", "draining"]}),
            ),
            ("checks", described(list(&check), "The checks of /readyz")),
        ],
        &["checks"],
    )
}

/// Versions of the server and of the model.
pub(super) fn version() -> Value {
    closed(&[
        ("name", text()),
        ("version", described(text(), "Version of the server")),
        (
            "model_version",
            described(
                or_null("string"),
                "The release that serves; null before the first deployment",
            ),
        ),
    ])
}
