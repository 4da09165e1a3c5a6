//! Whether earlier decisions were right, as rows that arrive later show.

use std::fs;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::workspace::{Workspace, outcome};

/// Writes another export and runs the pipeline.
fn after_export(workspace: &Workspace, world: World, seed: u64, rows: usize) -> Value {
    let name = format!("data/exports/{seed}.csv");
    workspace.write(&name, to_csv(&clients(world, seed, rows)));
    workspace.fullprocess()
}

/// A pipeline with its first model, ready for more exports.
fn ready() -> Workspace {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write("data/exports/readme", "");
    workspace
}

fn reviews(record: &Value) -> &[Value] {
    let reviews = record["evidence"]["reviews"].as_array();
    reviews.map_or(&[], Vec::as_slice)
}

/// The report of a run, as a person reads it.
fn report(workspace: &Workspace, record: &Value) -> String {
    let run = record["run_id"].as_i64().expect("a run");
    workspace.text(&format!("data/state/runs/{run:06}/report.txt"))
}

#[test]
fn a_right_retrain_and_a_wrong_rollback_are_recognised_by_the_rows_after_them() {
    let workspace = ready();
    let retrained = after_export(&workspace, World::After, 22, 400);
    assert_eq!(outcome(&retrained), "redeployed", "{retrained:#}");
    assert_eq!(
        reviews(&retrained),
        [json!(null); 0],
        "no row came after it"
    );
    let run = &retrained["run_id"];

    // The labels since the drift have not doubled, so no further candidate is tried.
    let next = after_export(&workspace, World::After, 23, 300);
    let [review] = reviews(&next) else {
        panic!("one decision is reviewed: {next:#}");
    };
    assert_eq!(
        (&review["decision"], &review["run"]),
        (&json!("retrain"), run)
    );
    assert_eq!(review["chosen"]["release"], "000002");
    assert_eq!(review["other"]["release"], "000001");
    assert_eq!(review["losses"]["rows"], 300);
    assert_eq!(review["verdict"], "was_right");
    let text = report(&workspace, &next);
    let says =
        format!("  afterwards the retrain of run {run} was right: on 300 rows that arrived later");
    assert!(text.contains(&says), "{text}");

    let back = workspace.run("deployment", &["--rollback", "000001"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    let after = after_export(&workspace, World::After, 24, 500);
    let [retrain, rollback] = reviews(&after) else {
        panic!("two decisions are reviewed: {after:#}");
    };
    assert_eq!(retrain["losses"]["rows"], 800);
    let of = ["decision", "verdict"].map(|member| &rollback[member]);
    assert_eq!(of, ["rollback", "was_wrong"]);
    let text = report(&workspace, &after);
    assert!(
        text.contains("  afterwards the rollback before run"),
        "{text}"
    );
    assert!(text.contains("was wrong: on 500 rows"), "{text}");
}

#[test]
fn a_refused_candidate_is_kept_and_scored_and_a_lost_one_fails_no_run() {
    let mut workspace = ready();
    workspace.set("drift.trigger", json!("score"));
    // Thirty rows are too few to learn from.
    let refused = after_export(&workspace, World::Before, 31, 30);
    assert_eq!(outcome(&refused), "candidate_refused", "{refused:#}");
    let run = refused["run_id"].as_i64().expect("a run");
    let kept = format!("data/state/runs/{run:06}/trainedmodel.msgpack");
    let candidate = fs::read(workspace.path("data/models/trainedmodel.msgpack")).expect("a model");
    assert_eq!(
        fs::read(workspace.path(&kept)).expect("it is kept"),
        candidate
    );
    let doctor = workspace.run("fullprocess", &["--doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.stdout);
    assert!(
        !doctor.stdout.contains("no review needs it"),
        "{}",
        doctor.stdout
    );

    workspace.set("drift.trigger", json!("evidence"));
    workspace.write(
        "data/exports/32.csv",
        to_csv(&clients(World::Before, 32, 600)),
    );
    let trial = workspace
        .run("fullprocess", &["--dry-run", "--json"])
        .json();
    let next = workspace.fullprocess();
    let [review] = reviews(&next) else {
        panic!("one decision is reviewed: {next:#}");
    };
    assert_eq!(review["decision"], "refusal");
    assert_eq!(review["losses"]["rows"], 600);
    assert_eq!(review["problem"], Value::Null);
    assert_eq!(reviews(&trial), reviews(&next), "a dry run says the same");

    fs::remove_file(workspace.path(&kept)).expect("the candidate");
    let later = after_export(&workspace, World::Before, 33, 300);
    assert_eq!(outcome(&later), "steady", "{later:#}");
    let [review] = reviews(&later) else {
        panic!("one decision is reviewed: {later:#}");
    };
    assert_eq!(review["losses"]["rows"], 600, "the sums stay");
    let problem = format!("the candidate of run {run} cannot be opened");
    assert_eq!(review["problem"], problem);
    assert!(report(&workspace, &later).contains(&problem));
}

#[test]
fn a_candidate_that_no_review_needs_is_found_by_the_doctor() {
    let workspace = Workspace::after_cold_start();
    let model = fs::read(workspace.path("data/models/trainedmodel.msgpack")).expect("a model");
    let left = "data/state/runs/000001/trainedmodel.msgpack";
    workspace.write(left, model);
    let looked = workspace.run("fullprocess", &["--doctor"]);
    assert_eq!(looked.code, 0, "{}", looked.stdout);
    let what = "the candidate of run 1 is kept, and no review needs it";
    assert!(looked.stdout.contains(what), "{}", looked.stdout);
    let remedy = looked.stdout.split(what).nth(1).unwrap_or_default();
    assert!(remedy.contains(left), "{}", looked.stdout);
    fs::remove_file(workspace.path(left)).expect("the candidate");
    let looked = workspace.run("fullprocess", &["--doctor"]);
    assert!(!looked.stdout.contains(what), "{}", looked.stdout);
}
