//! Schemas of runs: in lists, and with everything that a run recorded.

use serde_json::{Value, json};

use super::types::{
    self, closed, count, described, flag, interval_or_null, list, object, or_null, reference,
    share_or_null, text, time, time_or_null, windows,
};

/// A page of the runs, with the changes by hand in between.
pub(super) fn page() -> Value {
    let mut page = types::page("runs", &reference("ListedRun"));
    page["properties"]["changes_by_hand"] = described(
        list(&reference("ChangeByHand")),
        "What people changed after the oldest of these runs began, newest first; on the last page also what they changed before the first run",
    );
    if let Some(required) = page["required"].as_array_mut() {
        required.push("changes_by_hand".into());
    }
    page
}

/// A change that a person made.
pub(super) fn change_by_hand() -> Value {
    let kinds = ["ingestion", "training", "deployment", "rollback", "unknown"];
    let by = json!({"anyOf": [
        closed(&[
            ("uid", described(count(), "Number of the user")),
            ("name", described(or_null("string"), "Name of the user; null if the machine has no account of this number")),
        ]),
        {"type": "null"},
    ]});
    closed(&[
        ("change_id", described(count(), "Number of the change")),
        (
            "kind",
            described(
                json!({"type": "string", "enum": kinds}),
                "What was changed; unknown for a change of the live release that an older program recorded",
            ),
        ),
        (
            "after_run",
            described(
                count(),
                "The newest run that had begun before; 0 before the first run",
            ),
        ),
        ("made_at", time()),
        (
            "by",
            described(by, "Who; null for a change that an older program recorded"),
        ),
        (
            "from",
            described(or_null("string"), "The live release before"),
        ),
        (
            "to",
            described(
                or_null("string"),
                "The live release after; null if the live release did not change",
            ),
        ),
        (
            "note",
            described(
                or_null("string"),
                "SHA-256 of the candidate, or the rows after an ingestion",
            ),
        ),
    ])
}

/// The members of a run in every list.
fn run_members() -> Vec<(&'static str, Value)> {
    vec![
        ("run_id", described(count(), "Number of the run")),
        ("outcome", described(text(), "How the run ended")),
        ("reason", described(text(), "Why it ended so")),
        ("finished_at", time_or_null()),
        (
            "release",
            described(or_null("string"), "The live release after the run"),
        ),
        (
            "new_score",
            described(
                share_or_null(),
                "F1 of the deployed model on the rows that decide",
            ),
        ),
        (
            "new_score_interval",
            described(interval_or_null(), "95 % interval of new_score"),
        ),
        (
            "deployed_score",
            described(share_or_null(), "F1 of the deployed model on the test data"),
        ),
        (
            "deployed_score_interval",
            described(interval_or_null(), "95 % interval of deployed_score"),
        ),
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
        (
            "candidate_score",
            described(share_or_null(), "F1 of the candidate on the test data"),
        ),
        (
            "candidate_score_interval",
            described(interval_or_null(), "95 % interval of candidate_score"),
        ),
        ("files", described(counts(&files), "Counts of input files")),
        ("rows", described(counts(&rows), "Counts of rows")),
        (
            "seconds",
            described(
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                "Seconds by stage",
            ),
        ),
        (
            "warnings",
            described(list(&text()), "Warnings, one sentence each"),
        ),
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
        (
            "ingestion",
            described(or_null("object"), "What was ingested"),
        ),
        (
            "configuration",
            described(text(), "SHA-256 of the configuration file"),
        ),
        (
            "data",
            described(
                or_null("string"),
                "SHA-256 of finaldata.csv at the decision",
            ),
        ),
        ("evidence", evidence()),
        ("decision", described(decision(), "What the run decided")),
        ("regime", json!({"type": "object"})),
        (
            "windows",
            described(windows(), "The training windows that were tried"),
        ),
        (
            "candidate_metrics",
            described(
                json!({"type": "object"}),
                "Metrics of the candidate on the test data",
            ),
        ),
        (
            "candidate_model",
            described(
                or_null("string"),
                "SHA-256 of the candidate that was compared",
            ),
        ),
        (
            "comparison",
            described(
                or_null("object"),
                "Candidate and deployed model on the same rows",
            ),
        ),
        (
            "verdict",
            described(or_null("object"), "Decision of the gate with its reasons"),
        ),
        (
            "call_list",
            described(
                json!({"type": "object"}),
                "Counts of the call list; absent if no client waits for a label",
            ),
        ),
        (
            "call_list_problem",
            described(text(), "Why the call list was not made; absent if it was"),
        ),
        (
            "call_outcomes",
            described(
                json!({"type": "object"}),
                "Leavers among called and held-out clients so far, with the predictions; absent while no label of them has arrived",
            ),
        ),
        ("notices", list(&json!({"type": "object"}))),
        ("has_due_notice", flag()),
        (
            "api",
            described(or_null("object"), "Results of the API calls"),
        ),
        ("dependencies", json!({"type": "object"})),
        ("effects", described(list(&text()), "Effects that are done")),
    ]);
    let absent = [
        "configuration",
        "candidate_metrics",
        "regime",
        "windows",
        "call_list",
        "call_list_problem",
        "call_outcomes",
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
        (
            "subject",
            described(
                text(),
                "The model, all features, one feature, or all segments",
            ),
        ),
        ("test", described(text(), "Name of the test")),
        (
            "verdict",
            json!({"type": "string", "enum": ["ok", "drift", "insufficient_data"]}),
        ),
        ("rows", described(count(), "Number of tested rows")),
        ("statistic", or_null("number")),
        ("p_value", share_or_null()),
        (
            "level",
            described(share_or_null(), "Drift is a p-value below this level"),
        ),
        (
            "effect",
            described(
                or_null("number"),
                "Size of the change; for segments the odds ratio of the worst one",
            ),
        ),
    ])
}
