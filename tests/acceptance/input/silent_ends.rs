//! Runs that end with exit code 0 and do nothing: the obstacle is reported, but not every time.

use std::fs;
use std::os::unix::fs::symlink;

use common::files;
use serde_json::json;

use super::{HEADER, IN};
use crate::workspace::{Workspace, outcome};

/// Checks that a run with `--quiet` prints nothing.
#[track_caller]
fn is_silent(workspace: &Workspace) {
    let run = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

/// Checks that a run with `--quiet` prints this.
#[track_caller]
fn says(workspace: &Workspace, what: &str) {
    let run = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains(what), "{}", run.stdout);
}

#[test]
fn s12_where_every_file_is_rejected_and_nothing_is_deployed_each_run_ends_with_65() {
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    let bad = HEADER.replace("number_of_employees", "number_of_employes");
    workspace.write(&format!("{IN}/a.csv"), format!("{bad}\na,1,2,3,0\n"));
    workspace.write(&format!("{IN}/b.csv"), format!("{HEADER}\nb,x,2,3,0\n"));
    workspace.write(&format!("{IN}/c.csv"), format!("{HEADER}\n"));
    for _ in 0..3 {
        let run = workspace.run("fullprocess", &["--quiet"]);
        assert_eq!(run.code, 65, "{}{}", run.stdout, run.stderr);
        for said in [
            "training_refused",
            "nothing is deployed, and no input file can be used: ",
            "a.csv: the column number_of_employees is missing, did you mean \"number_of_employes\"?",
            "b.csv: its only row was rejected",
        ] {
            assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
        }
        let dry = workspace.run("fullprocess", &["--dry-run"]);
        assert_eq!(dry.code, 65, "{}", dry.stdout);
    }
    workspace.copy_sample("practicedata", "practicedata");
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    is_silent(&workspace);
}

#[test]
fn an_empty_input_folder_is_reported_at_first_and_after_a_cool_down() {
    let mut workspace = Workspace::empty();
    let empty = "notice     the input folder data/practicedata holds no CSV file";
    says(&workspace, empty);
    is_silent(&workspace);
    let shown = workspace.run("fullprocess", &[]);
    assert!(shown.stdout.contains(empty), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("there is no input file"),
        "{}",
        shown.stdout
    );
    workspace.set("alerts.cool_down_hours", json!(0));
    says(&workspace, empty);
    says(&workspace, empty);
    let by_hand = workspace.run("ingestion", &["--quiet"]);
    assert!(
        by_hand.stdout.contains("holds no CSV file"),
        "{}",
        by_hand.stdout
    );
    workspace.set("alerts.cool_down_hours", json!(24));
    for tick in 0..3 {
        workspace.write(&format!("{IN}/{tick}.log"), "x");
        is_silent(&workspace);
    }
}

#[test]
fn s23_input_that_cannot_be_read_is_reported_at_first_and_when_it_comes_again() {
    let workspace = Workspace::after_cold_start();
    is_silent(&workspace);
    let link = workspace.path(&format!("{IN}/later.csv"));
    symlink("/nowhere/later.csv", &link).expect("a link");
    let what = "notice     cannot be read: data/practicedata/later.csv: ";
    says(&workspace, what);
    is_silent(&workspace);
    fs::remove_file(&link).expect("removed");
    is_silent(&workspace);
    symlink("/nowhere/later.csv", &link).expect("a link");
    says(&workspace, what);
}

#[test]
fn a_target_that_is_probably_misspelt_is_reported_and_a_feed_without_labels_is_not() {
    let workspace = Workspace::after_cold_start();
    let unlabelled = HEADER.trim_end_matches(",exited");
    workspace.write(&format!("{IN}/a.csv"), format!("{unlabelled}\na,1,2,3\n"));
    let without = workspace.run("fullprocess", &[]);
    assert!(!without.stdout.contains("notice"), "{}", without.stdout);
    let misspelt = HEADER.replace("exited", "Exited_");
    workspace.write(&format!("{IN}/b.csv"), format!("{misspelt}\nb,1,2,3,1\n"));
    let what = "data/practicedata/b.csv has no target column, so its rows have no label: did you mean \"Exited_\"?";
    says(&workspace, what);
    is_silent(&workspace);
    let shown = workspace.run("fullprocess", &[]);
    assert!(shown.stdout.contains(what), "{}", shown.stdout);
    workspace.write(&format!("{IN}/b.csv"), format!("{HEADER}\nb,1,2,3,1\n"));
    let corrected = workspace.run("fullprocess", &[]);
    assert!(!corrected.stdout.contains("notice"), "{}", corrected.stdout);
}

#[test]
fn a_misspelt_target_that_was_ingested_by_hand_is_reported_by_the_next_run_and_by_the_doctor() {
    let workspace = Workspace::after_cold_start();
    let misspelt = HEADER.replace("exited", "exitd");
    workspace.write(&format!("{IN}/b.csv"), format!("{misspelt}\nb,1,2,3,1\n"));
    assert_eq!(workspace.run("ingestion", &[]).code, 0);
    let found = workspace.run("fullprocess", &["--doctor"]);
    assert!(
        found.stdout.contains("did you mean \"exitd\"?"),
        "{}",
        found.stdout
    );
    says(&workspace, "b.csv has no target column");
    is_silent(&workspace);
    let renamed = workspace.path(&format!("{IN}/c.csv"));
    files::rename(&workspace.path(&format!("{IN}/b.csv")), &renamed).expect("renamed");
    let found = workspace.run("fullprocess", &["--doctor"]);
    assert!(
        found.stdout.contains("did you mean \"exitd\"?"),
        "{}",
        found.stdout
    );
}

#[test]
fn test_data_that_is_lost_after_a_deployment_is_reported_at_first_and_when_it_is_lost_again() {
    let workspace = Workspace::after_cold_start();
    is_silent(&workspace);
    let folder = workspace.path("data/testdata");
    for file in fs::read_dir(&folder).expect("a folder") {
        fs::remove_file(file.expect("a file").path()).expect("removed");
    }
    says(
        &workspace,
        "data/testdata holds no CSV file, so no new model can be scored",
    );
    is_silent(&workspace);
    workspace.copy_sample("testdata", "testdata");
    is_silent(&workspace);
    fs::remove_dir_all(&folder).expect("removed");
    says(&workspace, "notice     the test data cannot be listed: ");
}

#[test]
fn too_few_labels_for_a_first_model_are_reported() {
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    let rows: String = (0..30).map(|row| format!("c{row},{row},2,3,\n")).collect();
    workspace.write(&format!("{IN}/a.csv"), format!("{HEADER}\n{rows}"));
    let what = "nothing is deployed, and no ingested row has a label in the column exited";
    says(&workspace, what);
    is_silent(&workspace);
}

#[test]
fn a_rebuild_that_waits_is_reported_once_and_leaves_nothing_to_do() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("ingestion.settle_seconds", json!(100_000));
    let before = workspace.final_rows();
    // One file is being rewritten, and another one is gone: the rebuild needs the first.
    let rewritten = format!("{IN}/clients_2025_h1.csv");
    let whole = workspace.text(&rewritten);
    workspace.write(&rewritten, whole.trim_end());
    fs::remove_file(workspace.path(&format!("{IN}/clients_2025_h2.csv"))).expect("removed");
    let what = "notice     finaldata.csv has to be rebuilt, which needs data/practicedata/clients_2025_h1.csv (";
    says(&workspace, what);
    is_silent(&workspace);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "nothing_new");
    assert_eq!(
        record["ingestion"]["deferred"]["kept"],
        json!([format!("{IN}/clients_2025_h2.csv")])
    );
    assert_eq!(workspace.final_rows(), before);
    workspace.write(&rewritten, whole);
    let rebuilt = workspace.run("fullprocess", &[]);
    assert!(
        rebuilt.stdout.contains("clients_2025_h2.csv is gone"),
        "{}",
        rebuilt.stdout
    );
    assert!(workspace.final_rows().len() < before.len());
}
