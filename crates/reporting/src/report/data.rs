//! The section on the files and rows of a run.

use common::ledger::FileStatus;
use common::numbers::{count, counted};
use ingestion::FileReport;
use maud::{Markup, html};
use record::RunRecord;

use super::sentences;
use crate::page::Section;
use crate::page::tables::{Column, more, table};

/// Maximum number of files in the table.
const MAX_FILES: usize = 50;

/// The section. `None` if the run did not list its input.
pub(crate) fn section(record: &RunRecord) -> Option<Section> {
    let ingestion = record.ingestion.as_ref()?;
    let rows = &record.rows;
    let lead = format!(
        "{} read: {} kept, {} known already, {} rejected. finaldata.csv has {}, {} of them new.",
        counted(rows.of_files.read, "row"),
        count(rows.of_files.kept),
        count(rows.of_files.duplicate),
        count(rows.of_files.rejected),
        counted(rows.total, "row"),
        count(rows.new)
    );
    let removed = ingestion.removed_in_words();
    let rebuilt = ingestion
        .rebuilt
        .iter()
        .map(|reason| format!("finaldata.csv was rebuilt: {reason}"));
    let waiting = ingestion
        .waiting
        .iter()
        .map(|entry| format!("waiting: {entry}"));
    let ignored = ingestion
        .ignored
        .iter()
        .map(|entry| format!("ignored: {entry}"));
    let changed = ingestion.changed_in_words();
    let others = removed
        .chain(changed)
        .chain(rebuilt)
        .chain(waiting)
        .chain(ignored);
    Some(Section {
        id: "data",
        heading: "Which data?",
        content: html! {
            p { (lead) }
            (files(&ingestion.files))
            (sentences(others))
        },
    })
}

fn files(files: &[FileReport]) -> Markup {
    let rows: Vec<Vec<String>> = files.iter().take(MAX_FILES).map(file).collect();
    let rejected = files.iter().filter_map(FileReport::rejected_in_words);
    html! {
        (table(
            "Files and their rows",
            &[
                Column::Text("File"),
                Column::Text("Status"),
                Column::Number("Read"),
                Column::Number("Kept"),
                Column::Number("Known already"),
                Column::Number("Rejected"),
            ],
            &rows,
        ))
        (more(rows.len(), files.len(), "files"))
        (sentences(rejected.take(MAX_FILES)))
    }
}

fn file(file: &FileReport) -> Vec<String> {
    let status = match file.status {
        FileStatus::Ingested => "ingested",
        FileStatus::Rejected => "rejected",
        FileStatus::Copy => "copy of a known file",
    };
    vec![
        file.path(),
        status.to_owned(),
        count(file.rows.read),
        count(file.rows.kept),
        count(file.rows.duplicate),
        count(file.rows.rejected),
    ]
}
