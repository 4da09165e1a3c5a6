//! From what was found and laid down to the entries of the ledger and the lines of the report.

use common::ledger::{FileStatus, Ledger, LedgerFile, RowCounts};

use crate::lay::{Laid, Planned};
use crate::look::{Look, Unknown, content};
use crate::report::FileReport;

/// The files that the ledger knows and whose content is still there, in ingestion order.
pub(crate) fn still_there(ledger: &Ledger, found: &Look) -> Vec<Planned> {
    ledger
        .files
        .iter()
        .filter(|file| file.status != FileStatus::Copy)
        .filter_map(|file| {
            Some(Planned {
                entry: file.clone(),
                sha256: Some(file.sha256.clone()),
                path: found.places.get(&content(file))?.clone(),
            })
        })
        .collect()
}

/// The files that the ledger does not know, in listing order.
pub(crate) fn unknown(found: &Look) -> Vec<Planned> {
    found
        .unknown
        .iter()
        .map(|Unknown { file, sha256 }| Planned {
            entry: LedgerFile {
                folder: file.folder.clone(),
                name: file.name.clone(),
                sha256: String::new(),
                stamp: file.stamp,
                status: FileStatus::Ingested,
                reason: None,
                rows: RowCounts::default(),
            },
            sha256: sha256.clone(),
            path: file.path.clone(),
        })
        .collect()
}

/// What reading the planned files came to.
pub(crate) fn entries_and_reports(
    planned: Vec<Planned>,
    laid: &Laid,
) -> (Vec<LedgerFile>, Vec<FileReport>) {
    planned
        .into_iter()
        .zip(&laid.tallies)
        .map(|(Planned { mut entry, .. }, tally)| {
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
                rows: entry.rows,
                rejections: tally.rejections.clone(),
                is_repeated: known == Some((entry.status, entry.rows.rejected)),
            };
            (entry, report)
        })
        .unzip()
}
