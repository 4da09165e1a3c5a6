//! The test data: the API calls at the end of a run use the same rows as the score, in any folder.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use common::files;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::HEADER;
use crate::workspace::{Workspace, outcome};

const HELD_BACK: &str = "data/testdata/clients_held_back.csv";

/// Number of rows that the API calls predicted, by file.
fn predicted(workspace: &Workspace) -> Vec<(String, usize)> {
    let returns = workspace.text("data/models/apireturns.json");
    let returns: Value = serde_json::from_str(&returns).expect("JSON");
    let calls = returns["calls"].as_array().expect("calls").iter();
    calls
        .filter(|call| call["endpoint"] == "/prediction")
        .map(|call| {
            let file = call["input"].as_str().expect("a file").to_owned();
            let predictions = call["answer"]["predictions"]
                .as_array()
                .expect("predictions");
            (file, predictions.len())
        })
        .collect()
}

#[test]
fn a_rejected_test_row_is_named_and_fails_no_call() {
    let workspace = Workspace::with_sample_data();
    let text = workspace.text(HELD_BACK);
    workspace.write(HELD_BACK, format!("{text}odd,x,2,3,0\n"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    let line = text.lines().count() + 1;
    let named = format!(
        "1 row of the test data was rejected: {HELD_BACK}:{line}:2: lastmonth_activity: \"x\" is not a number"
    );
    let warnings = record["warnings"].as_array().expect("warnings");
    assert!(
        warnings.iter().any(|warning| warning == named.as_str()),
        "{warnings:?}"
    );
    let n = text.lines().count() - 1;
    assert_eq!(predicted(&workspace), [(HELD_BACK.to_owned(), n)]);
}

#[test]
fn s24_test_data_is_called_with_as_it_is_scored_wherever_it_lies() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("api.data_roots", json!([]));
    workspace.set("api.limits.rows", json!(1200));
    let text = workspace.text(HELD_BACK);
    fs::remove_file(workspace.path(HELD_BACK)).expect("removed");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let file = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(file(&rows[..1500]).as_bytes())
        .expect("written");
    workspace.write("data/testdata/a.csv.gz", gzip.finish().expect("compressed"));
    workspace.write("elsewhere/b.csv", file(&rows[1500..1700]));
    let link = workspace.path("data/testdata/b.csv");
    symlink(workspace.path("elsewhere/b.csv"), link).expect("a link");
    let odd = workspace
        .path("data/testdata")
        .join(OsStr::from_bytes(b"c \xff.csv"));
    workspace.write("c.csv", file(&rows[1700..]));
    files::rename(&workspace.path("c.csv"), &odd).expect("renamed");
    workspace.write("data/testdata/d.csv", format!("{HEADER}\n"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(record["warnings"], json!([]));
    let n = rows.len();
    let expected = [
        ("data/testdata/a.csv.gz", 1200),
        ("data/testdata/a.csv.gz", 300),
        ("data/testdata/b.csv", 200),
        (r"data/testdata/c \xFF.csv", n - 1700),
    ];
    let expected = expected.map(|(file, rows)| (file.to_owned(), rows));
    assert_eq!(predicted(&workspace), expected);
}
