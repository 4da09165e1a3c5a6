//! Runs that do not start, block other runs, or have wrong arguments.

use std::fs;

use acceptance::sample_data::{World, clients, to_csv};
use common::RunLock;
use jiff::SignedDuration;
use serde_json::json;

use super::Section;
use crate::workspace::Workspace;

#[test]
fn ask_the_doctor_first() {
    let mut page = Section::of("ask_the_doctor_first");
    page.follow(&Workspace::after_cold_start());
    page.ends();
}

#[test]
fn no_run_for_a_long_time() {
    let mut page = Section::of("no_run_for_a_long_time");
    let workspace = Workspace::after_cold_start();
    let long_ago = common::clock::now() - SignedDuration::from_hours(25);
    workspace.add_run(long_ago, Some("nothing_new"), &workspace.last_record());
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn another_run_is_working() {
    let mut page = Section::of("another_run_is_working");
    let workspace = Workspace::after_cold_start();
    let config = workspace.configuration();
    let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
    page.follow(&workspace);
    page.follow(&workspace);
    drop(lock);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_command_line_is_wrong() {
    let mut page = Section::of("the_command_line_is_wrong");
    let workspace = Workspace::after_cold_start();
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_configuration_is_wrong() {
    let mut page = Section::of("the_configuration_is_wrong");
    let mut workspace = Workspace::after_cold_start();
    workspace.set("drift", json!({"on_ties": "keep"}));
    page.follow(&workspace);
    workspace.set("drift", json!({"on_tie": "keep"}));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_engine_cannot_be_used() {
    let mut page = Section::of("the_engine_cannot_be_used");
    let mut workspace = Workspace::after_cold_start();
    let storage = format!("file://{}", workspace.path("engine").display());
    let engine = json!({"kind": "flight_sql", "url": "grpc://localhost:32010", "storage": storage});
    workspace.set("engine", engine);
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.set("engine", json!({"kind": "embedded"}));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_report_has_a_warning() {
    let mut page = Section::of("the_report_has_a_warning");
    let mut workspace = Workspace::after_cold_start();
    let actions = json!({"capacity": 20, "holdout": 0.3});
    workspace.set("scoring", json!({"actions": actions}));
    let labelled = to_csv(&clients(World::Before, 30, 300));
    let labelled = String::from_utf8(labelled).expect("UTF-8");
    let rows = labelled.lines().filter_map(|line| line.rsplit_once(','));
    let unlabelled: String = rows.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/practicedata/march.csv", unlabelled);
    workspace.fullprocess();
    let list = workspace.path("data/state/runs/000002/riskranking.csv");
    fs::remove_file(list).expect("the list of the run");
    workspace.write("data/practicedata/april.csv", labelled);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn something_is_left_over() {
    let mut page = Section::of("something_is_left_over");
    let workspace = Workspace::after_cold_start();
    let model = fs::read(workspace.path("data/models/trainedmodel.msgpack")).expect("a model");
    workspace.write("data/state/runs/000001/trainedmodel.msgpack", model);
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}
