//! Runs that do not start, block other runs, or have wrong arguments.

use common::RunLock;
use jiff::{SignedDuration, Timestamp};
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
    let long_ago = Timestamp::now() - SignedDuration::from_hours(25);
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
