//! Schemas of runs: in lists, and with everything that a run recorded.

use serde_json::{Value, json};

use super::types::{
    closed, count, described, flag, interval_or_null, list, object, or_null, share_or_null, text,
    time, time_or_null, windows,
};

/// The members of a run in every list.
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

/// The members of a run in the list of all runs.
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

/// A run in the list of all runs.
pub(super) fn listed() -> Value {
    closed(&listed_members())
}

/// Everything that a run recorded.
pub(super) fn full() -> Value {
    let mut members = listed_members();
    members.extend([
        ("ingestion", or_null("object")),
        ("data", or_null("string")),
        ("evidence", evidence()),
        ("decision", decision()),
        ("regime", json!({"type": "object"})),
        ("windows", windows()),
        (
            "candidate_metrics",
            described(
                json!({"type": "object"}),
                "Metrics of the candidate on the test data",
            ),
        ),
        ("candidate_model", or_null("string")),
        ("comparison", or_null("object")),
        ("verdict", or_null("object")),
        ("notices", list(&json!({"type": "object"}))),
        ("has_due_notice", flag()),
        ("api", or_null("object")),
        ("dependencies", json!({"type": "object"})),
        ("effects", list(&text())),
    ]);
    let absent = [
        "candidate_metrics",
        "regime",
        "windows",
        "notices",
        "has_due_notice",
        "dependencies",
    ];
    object(&members, &absent)
}

/// A run that evaluated the deployed model.
pub(super) fn evaluated() -> Value {
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
