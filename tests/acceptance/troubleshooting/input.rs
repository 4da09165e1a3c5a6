//! Input and test data that cannot be used, wait, or have disappeared.

use std::collections::BTreeSet;
use std::fs;

use acceptance::sample_data::{HEADER, World, clients, to_csv};
use serde_json::json;

use super::Section;
use crate::workspace::Workspace;

const PRACTICE: &str = "data/practicedata";

const HELD_BACK: &str = "data/testdata/clients_held_back.csv";

/// Input rows with one label only.
fn leavers() -> String {
    let rows = (1..30).map(|row| format!("c{row},{row},9,3,1\n"));
    std::iter::once(format!("{HEADER}\n")).chain(rows).collect()
}

#[test]
fn the_test_data_is_of_no_use() {
    let mut page = Section::of("the_test_data_is_of_no_use");
    let workspace = Workspace::with_sample_data();
    let whole = workspace.text(HELD_BACK);
    workspace.write(HELD_BACK, whole.replacen("number_of_employees", "staff", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(HELD_BACK, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn all_rows_have_one_label() {
    let mut page = Section::of("all_rows_have_one_label");
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    workspace.write(&format!("{PRACTICE}/clients.csv"), leavers());
    page.follow(&workspace);
    workspace.copy_sample("practicedata", "practicedata");
    page.follow(&workspace);
    page.ends();
}

#[test]
fn nothing_can_be_trained() {
    let mut page = Section::of("nothing_can_be_trained");
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    let path = format!("{PRACTICE}/clients.csv");
    let rows: String = (1..9)
        .map(|row| format!("c{row},\"1,5\",9,3,1\n"))
        .collect();
    workspace.write(&path, format!("{HEADER}\n{rows}"));
    assert_eq!(workspace.run("fullprocess", &[]).code, 65);
    page.follow(&workspace);
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(&path, to_csv(&clients(World::Before, 50, 400)));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_file_is_refused() {
    let mut page = Section::of("a_file_is_refused");
    let workspace = Workspace::after_cold_start();
    let path = format!("{PRACTICE}/export.csv");
    let whole = to_csv(&clients(World::Before, 51, 100));
    let whole = String::from_utf8(whole).expect("UTF-8");
    workspace.write(&path, whole.replacen("number_of_employees", "staff", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(&path, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_quote_swallows_a_file() {
    let mut page = Section::of("a_quote_swallows_a_file");
    let workspace = Workspace::after_cold_start();
    let path = format!("{PRACTICE}/export.csv");
    let rows = (0..100).map(|row| format!("Client {row},{row},{},30,{}\n", 9 * row, row % 2));
    let whole: String = std::iter::once(format!("{HEADER}\n")).chain(rows).collect();
    let stray = |(line, text): (usize, &str)| match line {
        5 => format!("\"{text}\n"),
        _ => format!("{text}\n"),
    };
    workspace.write(
        &path,
        whole.lines().enumerate().map(stray).collect::<String>(),
    );
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(&path, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn no_input_comes() {
    let mut page = Section::of("no_input_comes");
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.copy_sample("practicedata", "practicedata");
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_file_stays_waiting() {
    let mut page = Section::of("a_file_stays_waiting");
    let mut workspace = Workspace::after_cold_start();
    // The file counts as recently changed, even on a slow machine.
    workspace.set("ingestion.settle_seconds", json!(100_000));
    let path = format!("{PRACTICE}/growing.csv");
    workspace.write(&path, format!("{HEADER}\nGrowing Co,1,2,3,0\nGrown Co,1,2"));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(
        &path,
        format!("{HEADER}\nGrowing Co,1,2,3,0\nGrown Co,1,2,3,1\n"),
    );
    page.follow(&workspace);
    page.ends();
}

#[test]
fn an_input_folder_is_empty() {
    let mut page = Section::of("an_input_folder_is_empty");
    let workspace = Workspace::after_cold_start();
    for entry in fs::read_dir(workspace.path(PRACTICE)).expect("files") {
        fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn rows_are_missing() {
    let mut page = Section::of("rows_are_missing");
    let workspace = Workspace::after_cold_start();
    let rows: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    let path = format!("{PRACTICE}/clients_2025_h2.csv");
    let content = workspace.text(&path);
    fs::remove_file(workspace.path(&path)).expect("removed");
    page.follow(&workspace);
    workspace.write(&format!("{PRACTICE}/second half.csv"), content);
    page.follow(&workspace);
    page.ends();
    let back: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    assert_eq!(back, rows);
}
