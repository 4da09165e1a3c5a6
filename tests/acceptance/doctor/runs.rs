//! Traces of runs: a lock, unfinished work, a failure, no run for a long time, or a time in the
//! future.

use std::fs;
use std::time::{Duration, SystemTime};

use common::RunLock;
use jiff::SignedDuration;
use serde_json::json;

use super::{FINAL_DATA, Visit, fix, is_fixed};
use crate::workspace::Workspace;

fn set_modified(workspace: &Workspace, path: &str, time: SystemTime) {
    let file = fs::OpenOptions::new()
        .write(true)
        .open(workspace.path(path));
    file.and_then(|file| file.set_modified(time))
        .expect("a time");
}

#[test]
fn the_holder_of_the_lock_is_named_and_its_unfinished_work_is_not_examined() {
    let workspace = Workspace::after_cold_start();
    let config = workspace.configuration();
    let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
    workspace.write("data/ingesteddata/.finaldata.csv.partial", "half a ro");
    workspace.add_run(common::clock::now(), None, &workspace.last_record());
    let visit = Visit::to(&workspace);
    assert_eq!((visit.code, visit.findings.len()), (0, 1));
    let holder = format!("a test, process {}", std::process::id());
    let remedy = visit.remedy("lock", "note", &holder);
    fix(&workspace, remedy);
    drop(lock);
    assert_eq!(Visit::to(&workspace).findings.len(), 2);
}

#[test]
fn the_text_of_a_run_that_ended_is_no_holder() {
    let workspace = Workspace::after_cold_start();
    // The named process runs, but it does not hold the lock.
    let text = format!("fullprocess, process {}\n", std::process::id());
    workspace.write("data/state/run.lock", text);
    Visit::to(&workspace).is_healthy();
}

#[test]
fn a_run_that_was_cut_short_is_finished_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let mut record = workspace.last_record();
    record["decision"] = json!(null);
    workspace.add_run(common::clock::now(), None, &record);
    is_fixed(&workspace, "runs", "note", "run 2 was interrupted");
}

#[test]
fn a_run_that_failed_is_named_with_its_reason() {
    let workspace = Workspace::after_cold_start();
    let held_back = workspace.text("data/testdata/clients_held_back.csv");
    let header = held_back.lines().next().expect("a header").to_owned();
    workspace.write("data/testdata/clients_held_back.csv", header + "\n");
    workspace.copy_sample("sourcedata", "practicedata");
    workspace
        .run("fullprocess", &[])
        .failed(65, "no usable labelled row");
    let visit = Visit::to(&workspace);
    visit.remedy("runs", "problem", "no usable labelled row");
    workspace.write("data/testdata/clients_held_back.csv", held_back);
    is_fixed(&workspace, "runs", "problem", "run 2 failed");
}

#[test]
fn a_record_that_cannot_be_read_is_named_with_its_run_and_is_no_problem() {
    let workspace = Workspace::after_cold_start();
    let now = common::clock::now();
    workspace.add_run(now, Some("nothing_new"), &json!("this is no record"));
    let visit = Visit::to(&workspace);
    assert_eq!((visit.code, visit.findings.len()), (0, 1));
    let says = "the record of run 2 in the history cannot be read";
    let remedy = visit.remedy("runs", "note", says);
    assert_eq!(remedy, "fullprocess --version");
    fix(&workspace, remedy);
    visit.remedy("runs", "note", "Pages and reports leave it out");
    visit.remedy("runs", "note", "A newer program may have written it");
}

#[test]
fn a_last_run_of_long_ago_is_found() {
    let workspace = Workspace::after_cold_start();
    let long_ago = common::clock::now() - SignedDuration::from_hours(25);
    workspace.add_run(long_ago, Some("nothing_new"), &workspace.last_record());
    is_fixed(&workspace, "runs", "problem", "more than 24 hours ago");
}

#[test]
fn a_clock_that_went_back_is_found() {
    let mut workspace = Workspace::after_cold_start();
    let to_come = common::clock::now() + SignedDuration::from_hours(3);
    workspace.add_run(to_come, Some("nothing_new"), &workspace.last_record());
    is_fixed(&workspace, "clock", "problem", "run 2 ended at");

    let to_come = SystemTime::now() + Duration::from_secs(10_000);
    set_modified(&workspace, FINAL_DATA, to_come);
    is_fixed(
        &workspace,
        "clock",
        "problem",
        "finaldata.csv was written at",
    );

    workspace.set("training.c", json!(0.5));
    workspace.clock = Some("10800");
    for stage in ["training", "scoring", "deployment"] {
        assert_eq!(workspace.run(stage, &[]).code, 0, "{stage}");
    }
    workspace.clock = None;
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 0);
    fix(
        &workspace,
        visit.remedy("clock", "note", "release 000002 was made at"),
    );
}

#[test]
fn what_a_killed_run_left_is_found_and_removed() {
    let workspace = Workspace::after_cold_start();
    for (path, says) in [
        (
            "data/ingesteddata/.finaldata.csv.partial",
            "finaldata.csv.partial",
        ),
        (
            "data/models/.latestscore.txt.partial",
            "latestscore.txt.partial",
        ),
        (
            "data/state/.fingerprint.key.partial",
            "fingerprint.key.partial",
        ),
        ("production_deployment/.current.partial", "current.partial"),
        (
            "production_deployment/releases/.staging-000002/latestscore.txt",
            ".staging-000002",
        ),
        ("data/state/runs/000077/record.json", "1 report folder"),
    ] {
        workspace.write(path, "half a fi");
        is_fixed(&workspace, "orphans", "note", says);
    }
    for (path, more, says) in [
        (
            FINAL_DATA,
            "Quiet Co,1,2,",
            "13 bytes that no run committed",
        ),
        (
            "data/ingesteddata/rejectedrows.csv",
            "x",
            "1 byte that no run committed",
        ),
        (
            "data/ingesteddata/ingestedfiles.txt",
            "another.csv\n",
            "not the list of the ingested files",
        ),
    ] {
        let text = workspace.text(path);
        workspace.write(path, text.clone() + more);
        is_fixed(&workspace, "orphans", "note", says);
        assert_eq!(workspace.text(path), text);
    }
}

#[test]
fn a_damaged_and_a_missing_call_list_are_rebuilt_by_the_remedy() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["practicedata", "newclients"]);
    workspace.copy_sample("newclients", "newclients");
    workspace.fullprocess();
    Visit::to(&workspace).is_healthy();
    let list = "data/models/riskranking.csv";
    let whole = workspace.text(list);
    let first = whole.lines().nth(1).expect("a client").to_owned();
    for (damaged, says) in [
        (
            "rank,id\n".to_owned(),
            "line 1: the column probability is missing",
        ),
        (
            format!("{whole}garbage\n"),
            "this is no line of a call list",
        ),
        (
            format!("{whole}{first}\n"),
            "rank 1 is not above the rank before it",
        ),
    ] {
        workspace.write(list, damaged);
        is_fixed(&workspace, "runs", "problem", says);
        assert_eq!(workspace.text(list), whole);
    }
    fs::remove_file(workspace.path(list)).expect("the list");
    is_fixed(&workspace, "runs", "problem", "riskranking.csv is missing");
    assert_eq!(workspace.text(list), whole);
}
