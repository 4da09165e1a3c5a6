//! Describes in the history what an ingestion by hand changed.

use std::collections::BTreeSet;

use common::history::{ChangeKind, NewChange};
use common::ledger::{FileStatus, Ledger};
use common::numbers::{count, counted};
use common::{History, clock};

/// Records what an ingestion by hand changed since the ledger `before`: files, rows or settings. Part of
/// the transaction that commits the new ledger.
///
/// A rebuild that gives the same rows under the same settings is not recorded.
pub(crate) fn record_change(history: &History, before: &Ledger) -> anyhow::Result<()> {
    let Some(what) = changed_in_words(before, &history.ledger()?) else {
        return Ok(());
    };
    let change = NewChange {
        kind: ChangeKind::Ingestion,
        from: None,
        to: None,
        note: Some(what),
    };
    history.record_change(clock::now(), &change)
}

/// The difference of files, rows and settings between two ledgers, as the end of a sentence. `None` if there is
/// no difference.
fn changed_in_words(before: &Ledger, after: &Ledger) -> Option<String> {
    let known = [before, after].map(contents);
    let [known_before, known_after] = &known;
    let added = known_after.difference(known_before);
    let rejected = added.clone().filter(|(_, _, is_rejected)| *is_rejected);
    let rejected = rejected.count();
    let counts = [
        (added.count() - rejected, "ingested"),
        (rejected, "rejected"),
        (known_before.difference(known_after).count(), "dropped"),
    ];
    let files = counts.into_iter().filter(|(files, _)| *files > 0);
    let mut parts: Vec<String> = files
        .map(|(files, what)| format!("{} {what}", counted(files, "file")))
        .collect();
    if parts.is_empty() && before.rows == after.rows && before.schema == after.schema {
        return None;
    }
    if parts.is_empty() {
        parts.push("other settings".into());
    }
    let rows = match before.rows {
        rows if rows == after.rows => counted(rows, "row"),
        rows => format!("{} instead of {}", counted(after.rows, "row"), count(rows)),
    };
    Some(format!("{}; finaldata.csv has {rows}", parts.join(", ")))
}

/// Folder and SHA-256 of each ingested or rejected file, and whether it was rejected.
fn contents(ledger: &Ledger) -> BTreeSet<(&str, &str, bool)> {
    let files = ledger.files.iter();
    files
        .filter(|file| file.status != FileStatus::Copy)
        .map(|file| {
            let is_rejected = file.status == FileStatus::Rejected;
            (file.folder.as_str(), file.sha256.as_str(), is_rejected)
        })
        .collect()
}
