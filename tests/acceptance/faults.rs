//! Failures around a deployment.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::files;
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
fn a_run_that_fails_after_its_decision_does_not_block_the_next_run() {
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
fn damaged_data_is_rebuilt_by_the_next_stage_that_ingests() {
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
fn a_lost_key_is_replaced_and_no_row_is_evaluated_twice() {
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

/// Replaces a file by a link that leads to itself, so that the system cannot open it.
fn deny_access(path: &Path, aside: &Path) {
    files::rename(path, aside).expect("set aside");
    symlink(path, path).expect("a link");
}

#[test]
fn a_file_that_cannot_be_opened_is_not_lost() {
    let workspace = Workspace::after_redeployment();
    let aside = workspace.path("aside");
    let data = workspace.text("data/ingesteddata/finaldata.csv");
    for file in [
        "data/state/judged.fingerprints",
        "data/state/fingerprint.key",
        "data/state/history.db",
        "data/state/history.db-seal",
        "data/ingesteddata/finaldata.csv",
        "data/ingesteddata/rejectedrows.csv",
        "data/ingesteddata/ingestedfiles.txt",
        "production_deployment/current",
        "production_deployment/releases/000002",
        "production_deployment/releases/000002/manifest.json",
    ] {
        let path = workspace.path(file);
        if path.symlink_metadata().is_err() {
            continue;
        }
        deny_access(&path, &aside);
        let name = Path::new(file).file_name().and_then(|name| name.to_str());
        let name = name.expect("UTF-8");
        for program in ["fullprocess", "ingestion"] {
            let run = workspace.run(program, &[]);
            assert_eq!(run.code, 74, "{program}, {file}: {}", run.stderr);
            assert!(run.stderr.contains(name), "{file}: {}", run.stderr);
        }
        fs::remove_file(&path).expect("removed");
        files::rename(&aside, &path).expect("put back");
        let record = workspace.fullprocess();
        assert_eq!(outcome(&record), "nothing_new", "{file}: {record:#}");
        assert_eq!(workspace.live(), "000002", "{file}");
    }
    assert_eq!(workspace.text("data/ingesteddata/finaldata.csv"), data);
}

#[test]
fn a_changed_manifest_decides_nothing() {
    let workspace = Workspace::after_redeployment();
    let path = "production_deployment/releases/000002/manifest.json";
    let whole = workspace.text(path);
    let says = "is not the one that was published";
    for (key, value) in [
        ("score", json!(0.1)),
        ("parent", json!(null)),
        ("run", json!(9)),
        ("release", json!("000001")),
    ] {
        let mut manifest: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        manifest[key] = value;
        workspace.write(path, manifest.to_string());
        for program in ["fullprocess", "ingestion", "reporting"] {
            workspace.run(program, &[]).failed(74, says);
        }
        workspace
            .run("deployment", &["--rollback"])
            .failed(74, "`deployment --rollback 000001`");
        let doctor = workspace.run("fullprocess", &["--doctor"]);
        assert_eq!(doctor.code, 74, "{}", doctor.stdout);
        assert!(doctor.stdout.contains(says), "{}", doctor.stdout);
    }
    let back = workspace.run("deployment", &["--rollback", "000001"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert_eq!(workspace.live(), "000001");
    workspace.write(path, whole);
    let forth = workspace.run("deployment", &["--rollback", "000002"]);
    assert_eq!(forth.code, 0, "{}", forth.stderr);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}
