//! Turns scanned and written files into ledger entries and report lines.

use common::ledger::{FileStatus, Ledger, LedgerFile, RowCounts};

use crate::accounting::FileTally;
use crate::reading::PlannedFile;
use crate::report::FileReport;
use crate::scan::{InputScan, NewFile, content};

/// Files of the ledger whose content still exists, in ingestion order.
pub(crate) fn remaining_files(ledger: &Ledger, found: &InputScan) -> Vec<PlannedFile> {
    ledger
        .files
        .iter()
        .filter(|file| file.status != FileStatus::Copy)
        .filter_map(|file| {
            Some(PlannedFile {
                entry: file.clone(),
                sha256: Some(file.sha256.clone()),
                path: found.paths.get(&content(file))?.clone(),
            })
        })
        .collect()
}

/// Files that the ledger does not know, in the order of the listing, as files of `run`.
pub(crate) fn new_files(found: &InputScan, run: Option<i64>) -> Vec<PlannedFile> {
    found
        .new_files
        .iter()
        .map(|NewFile { file, sha256 }| PlannedFile {
            entry: LedgerFile {
                folder: file.folder.clone(),
                name: file.name.clone(),
                sha256: String::new(),
                stamp: file.stamp,
                status: FileStatus::Ingested,
                reason: None,
                rows: RowCounts::default(),
                run,
            },
            sha256: sha256.clone(),
            path: file.path.clone(),
        })
        .collect()
}

/// Ledger entries and reports of the planned files after they were read.
pub(crate) fn entries_and_reports(
    planned: Vec<PlannedFile>,
    tallies: &[FileTally],
) -> (Vec<LedgerFile>, Vec<FileReport>) {
    planned
        .into_iter()
        .zip(tallies)
        .map(|(PlannedFile { mut entry, .. }, tally)| {
            let known = (!entry.sha256.is_empty()).then_some((entry.status, entry.rows.rejected));
            entry.sha256.clone_from(&tally.sha256);
            entry.rows = tally.rows;
            entry.reason = tally.reason.clone();
            entry.status = match tally.reason {
                None => FileStatus::Ingested,
                Some(_) => FileStatus::Rejected,
            };
            let report = FileReport {
                folder: entry.folder.clone(),
                name: entry.name.clone(),
                status: entry.status,
                reason: entry.reason.clone(),
                notes: tally.notes.clone(),
                warnings: tally.warnings.clone(),
                similar_target: tally.similar_target.clone(),
                lacks_target: tally.lacks_target,
                rows: entry.rows,
                rejections: tally.rejections.clone(),
                is_repeated: known == Some((entry.status, entry.rows.rejected)),
            };
            (entry, report)
        })
        .unzip()
}
