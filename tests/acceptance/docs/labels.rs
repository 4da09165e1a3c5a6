//! The page on late labels.

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::json;

use super::each_block_of;
use crate::workspace::Workspace;

/// An export whose rows have no label yet.
fn without_labels(export: &str) -> String {
    let rows = export.lines().filter_map(|line| line.rsplit_once(','));
    rows.map(|(row, _)| format!("{row}\n")).collect()
}

#[test]
fn late_labels() {
    each_block_of("docs/late-labels.md", |page| {
        let workspace = Workspace::after_cold_start();
        let export = to_csv(&clients(World::Before, 30, 400));
        let export = String::from_utf8(export).expect("UTF-8");
        workspace.write("data/practicedata/march.csv", without_labels(&export));
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run without labels", &run);

        workspace.write("data/practicedata/april.csv", &export);
        let run = workspace.run("fullprocess", &[]);
        page.shows("a run with the labels", &run);

        let statistics = workspace.run("diagnostics", &[]);

        let mut workspace = Workspace::with_sample_data();
        workspace.set("schema.id", json!(null));
        workspace.write("march.csv", without_labels(&export));
        let explained = workspace.shell("ingestion --explain march.csv");
        page.shows("ingestion --explain FILE", &explained);
        page.shows("diagnostics", &statistics);
    });
}
