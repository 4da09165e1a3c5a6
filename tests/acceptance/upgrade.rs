//! Pipelines that older versions wrote are read and gone on with.

use std::fs;

use serde_json::Value;

use crate::program;
use crate::workspace::{Workspace, outcome};

#[test]
fn a_pipeline_of_version_1_goes_on_where_it_was() {
    goes_on("v1");
}

#[test]
fn a_pipeline_of_version_2_goes_on_where_it_was() {
    goes_on("v2");
}

#[test]
fn a_pipeline_of_version_3_goes_on_where_it_was() {
    goes_on("v3");
}

#[test]
fn every_version_of_the_history_is_frozen() {
    let workspace = Workspace::empty();
    workspace.run("fullprocess", &[]);
    let (_, newest) = workspace.history().versions().expect("versions");
    let frozen = fs::read_dir(program::repository().join("tests/frozen")).expect("frozen");
    let folders = frozen.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), newest, "each new version adds a folder");
}

fn goes_on(version: &str) {
    let workspace = Workspace::from_frozen(version);
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let outcomes: Vec<&str> = runs.as_array().expect("runs").iter().map(outcome).collect();
    assert_eq!(outcomes, ["steady", "nothing_new", "cold_start"]);
    let listed = workspace.run("deployment", &["--list", "--json"]).json();
    assert_eq!(listed["releases"][0]["score"], 0.514_285_714_285_714_2);

    let shown = workspace.run("diagnostics", &["--json"]).json();
    assert_eq!(shown["problems"], Value::Array(Vec::new()));
    assert_eq!(
        shown["deployed"]["current_score"],
        shown["deployed"]["deployed_score"]
    );
    assert_eq!(shown["summary"]["rows"], 81);

    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    // The rows that were judged then are still known by their fingerprints.
    let text = workspace.text("data/practicedata/clients.csv");
    let (header, rows) = text.split_once('\n').expect("a header");
    workspace.write(
        "data/practicedata/again.csv",
        format!("{header}\n{rows}New Co,1,500,9,1\n"),
    );
    let record = workspace.fullprocess();
    assert_eq!(record["rows"]["duplicate"], 80, "{record:#}");
    assert_eq!(record["rows"]["new"], 1);
}
