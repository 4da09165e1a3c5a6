//! The ingested files that have no target column, but one of nearly that name.
//!
//! Only the reading of a file shows it, and a file is read once. So it is kept in the transaction
//! that commits the file, whoever ingested it and however the run ends.

use std::collections::BTreeMap;

use common::History;
use common::ledger::{FileStatus, Ledger, LedgerFile};

use crate::report::FileReport;

/// The document of these files.
const MISSPELT: &str = "files with a misspelt target";

/// By folder and SHA-256 of the content, as the ledger identifies a file: the column that may be
/// meant.
type Misspelt = BTreeMap<String, BTreeMap<String, String>>;

/// An ingested file whose target column is probably misspelt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisspeltTarget {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within that folder.
    pub name: String,
    /// The column that may be meant as the target.
    pub similar: String,
}

/// The ingested files whose target column is probably misspelt, in ingestion order.
pub fn misspelt_targets(history: &History, ledger: &Ledger) -> anyhow::Result<Vec<MisspeltTarget>> {
    let misspelt: Misspelt = history.document(MISSPELT)?.unwrap_or_default();
    let of_file = |file: &LedgerFile| {
        let similar = misspelt.get(&file.folder)?.get(&file.sha256)?;
        (file.status == FileStatus::Ingested).then(|| MisspeltTarget {
            folder: file.folder.clone(),
            name: file.name.clone(),
            similar: similar.clone(),
        })
    };
    Ok(ledger.files.iter().filter_map(of_file).collect())
}

/// Keeps what reading these files showed; part of the transaction that commits the ledger.
pub(crate) fn keep_misspelt(
    history: &History,
    read: &[FileReport],
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let before: Option<Misspelt> = history.document(MISSPELT)?;
    if before.is_none() && read.iter().all(|file| file.similar_target.is_none()) {
        return Ok(());
    }
    let before = before.unwrap_or_default();
    let read: BTreeMap<(&str, &str), &FileReport> = read
        .iter()
        .map(|file| ((file.folder.as_str(), file.name.as_str()), file))
        .collect();
    let mut now = Misspelt::new();
    let ingested = ledger.files.iter();
    for file in ingested.filter(|file| file.status == FileStatus::Ingested) {
        let similar = match read.get(&(file.folder.as_str(), file.name.as_str())) {
            Some(report) => report.similar_target.as_ref(),
            None => before
                .get(&file.folder)
                .and_then(|folder| folder.get(&file.sha256)),
        };
        if let Some(similar) = similar {
            let folder = now.entry(file.folder.clone()).or_default();
            folder.insert(file.sha256.clone(), similar.clone());
        }
    }
    if now == before {
        return Ok(());
    }
    history.save_document(MISSPELT, &now)
}
