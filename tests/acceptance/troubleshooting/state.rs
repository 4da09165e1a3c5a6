//! Damaged or lost data, history or key, and how to recover them.

use std::fs;

use super::Section;
use crate::past::of_a_newer_program;
use crate::workspace::Workspace;

#[test]
fn the_key_is_lost() {
    let mut page = Section::of("the_key_is_lost");
    let workspace = Workspace::after_cold_start();
    fs::remove_file(workspace.path("data/state/fingerprint.key")).expect("removed");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn finaldata_csv_is_damaged() {
    let mut page = Section::of("finaldata_csv_is_damaged");
    let workspace = Workspace::after_cold_start();
    let path = "data/ingesteddata/finaldata.csv";
    let whole = workspace.text(path);
    workspace.write(path, whole.replacen("Mornonda", "Nornonda", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.text(path), whole);
}

#[test]
fn the_history_is_damaged() {
    let mut page = Section::of("the_history_is_damaged");
    let workspace = Workspace::after_cold_start();
    workspace.write(
        "data/state/history.db",
        "no database, and long enough to tell",
    );
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_history_is_newer() {
    let mut page = Section::of("the_history_is_newer");
    let workspace = Workspace::after_cold_start();
    let path = "data/state/history.db";
    let whole = fs::read(workspace.path(path)).expect("a history");
    workspace.write(path, of_a_newer_program(&whole));
    page.follow(&workspace);
    page.follow(&workspace);
    // The newer program is not available here, so its history is removed.
    workspace.write(path, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn restore_a_backup() {
    let mut page = Section::of("restore_a_backup");
    let workspace = Workspace::after_redeployment();
    let before = workspace.final_rows();
    page.follow(&workspace);
    fs::remove_dir_all(workspace.path("data/state")).expect("removed");
    workspace.write("data/ingesteddata/finaldata.csv", "");
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.final_rows(), before);
}

#[test]
fn start_over() {
    let mut page = Section::of("start_over");
    let workspace = Workspace::after_cold_start();
    fs::remove_file(workspace.path("data/state/history.db")).expect("removed");
    page.follow(&workspace);
    page.ends();
}
