//! Input of every kind, and its results: scenarios 10 to 27.

mod cells;
mod files;
mod gone;
mod headers;
mod quotes;
mod ranges;
mod silent_ends;
mod test_rows;
mod unfit;

use acceptance::sample_data::HEADER;
use serde_json::Value;

use crate::workspace::Workspace;

const IN: &str = "data/practicedata";

/// A workspace with test data and these input files, ingested by hand.
fn ingested(files: &[(&str, &[u8])]) -> (Workspace, Value) {
    let workspace = Workspace::empty();
    for (name, content) in files {
        workspace.write(&format!("{IN}/{name}"), content);
    }
    let report = workspace.run("ingestion", &["--json"]).json();
    (workspace, report)
}

/// The rows of finaldata.csv after ingesting one file with these lines, and the report.
fn rows_of(lines: &str) -> (Vec<String>, Value) {
    let (workspace, report) = ingested(&[("a.csv", format!("{HEADER}\n{lines}").as_bytes())]);
    (workspace.final_rows(), report)
}

fn reasons(entries: &Value) -> Vec<&str> {
    let entries = entries.as_array().expect("entries");
    entries
        .iter()
        .map(|entry| entry["reason"].as_str().expect("a reason"))
        .collect()
}
