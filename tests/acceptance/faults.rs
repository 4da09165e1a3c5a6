//! Failures around a deployment.

use std::fs;

use serde_json::json;

use crate::workspace::{Workspace, outcome};

#[test]
fn a_wiped_production_folder_is_a_cold_start_whatever_the_ledger_says() {
    let workspace = Workspace::after_cold_start();
    fs::remove_dir_all(workspace.path("production_deployment")).expect("wiped");
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(workspace.live(), "000002", "numbers are not given twice");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn killed_before_the_first_deployment_the_next_run_is_the_cold_start() {
    let workspace = Workspace::with_sample_data();
    workspace.run("ingestion", &[]);
    // The state that a run leaves if it is killed after ingestion.
    let mut open = workspace
        .run("fullprocess", &["--dry-run", "--json"])
        .json();
    open["outcome"] = json!(null);
    open["decision"] = json!(null);
    workspace.add_run(common::clock::now(), None, &open);

    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    assert_eq!(runs[1]["outcome"], "interrupted", "{runs:#}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_run_that_fails_after_its_decision_does_not_stand_in_the_way_of_the_next() {
    let mut workspace = Workspace::after_cold_start();
    let held_back = workspace.text("data/testdata/clients_held_back.csv");
    let header = held_back.lines().next().expect("a header");
    workspace.write("data/testdata/clients_held_back.csv", format!("{header}\n"));
    workspace.set_input(&["sourcedata"]);
    workspace
        .run("fullprocess", &[])
        .failed(65, "no usable labelled row");
    assert_eq!(workspace.live(), "000001");
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    assert_eq!(runs[0]["outcome"], "failed", "{runs:#}");

    workspace.write("data/testdata/clients_held_back.csv", &held_back);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_run_that_cannot_even_look_for_input_is_in_the_history_with_its_reason() {
    let workspace = Workspace::after_cold_start();
    let score = "production_deployment/releases/000001/latestscore.txt";
    let whole = workspace.text(score);
    workspace.write(score, "0.9\n");
    let says = "was changed after it was published";
    workspace.run("fullprocess", &[]).failed(74, says);
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    assert_eq!(runs[0]["outcome"], "failed", "{runs:#}");
    let reason = runs[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains(says), "{reason}");

    workspace.write(score, &whole);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn damaged_data_is_made_anew_by_the_next_stage_that_takes_data_in() {
    let workspace = Workspace::after_cold_start();
    let path = "data/ingesteddata/finaldata.csv";
    let whole = workspace.text(path);
    workspace.write(path, whole.replacen("Mornonda", "Nornonda", 1));
    workspace.run("training", &[]).failed(74, "run `ingestion`");
    assert_eq!(workspace.run("ingestion", &[]).code, 0);
    assert_eq!(workspace.text(path), whole);
    fs::remove_file(workspace.path(path)).expect("removed");
    assert_eq!(outcome(&workspace.fullprocess()), "not_judged");
    assert_eq!(workspace.text(path), whole);
}

#[test]
fn a_lost_key_is_drawn_anew_and_nothing_is_judged_twice() {
    let workspace = Workspace::after_cold_start();
    let data = workspace.text("data/ingesteddata/finaldata.csv");
    fs::remove_file(workspace.path("data/state/fingerprint.key")).expect("removed");
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["rows"]["new"], 0);
    assert_eq!(workspace.text("data/ingesteddata/finaldata.csv"), data);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn the_score_of_another_model_is_refused() {
    let mut workspace = Workspace::with_sample_data();
    for stage in ["ingestion", "training", "scoring"] {
        assert_eq!(workspace.run(stage, &[]).code, 0, "{stage}");
    }
    workspace.set("training.c", json!(0.5));
    assert_eq!(workspace.run("training", &[]).code, 0);
    workspace.run("deployment", &[]).failed(65, "run `scoring`");
    assert!(!workspace.path("production_deployment/current").exists());
    assert_eq!(workspace.run("scoring", &[]).code, 0);
    assert_eq!(workspace.run("deployment", &[]).code, 0);
    assert_eq!(workspace.live(), "000001");
}
