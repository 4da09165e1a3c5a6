//! Ingested files that have no target column, but a column with a similar name.
//!
//! Only reading a file shows the misspelt name, and each file is read once. The finding is
//! therefore saved in the transaction that commits the file.

use std::collections::BTreeMap;

use common::History;
use common::ledger::{FileStatus, Ledger, LedgerFile};

use crate::report::FileReport;

/// Key of the history document that lists these files.
const MISSPELT_DOCUMENT: &str = "files with a misspelt target";

/// Column that may be meant as the target, by folder and SHA-256 of the content.
type Misspelt = BTreeMap<String, BTreeMap<String, String>>;

/// An ingested file whose target column is probably misspelt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisspeltTarget {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within that folder.
    pub name: String,
    /// Column that may be meant as the target.
    pub similar: String,
}

/// The ingested files whose target column is probably misspelt, in ingestion order.
pub fn misspelt_targets(history: &History, ledger: &Ledger) -> anyhow::Result<Vec<MisspeltTarget>> {
    let misspelt: Misspelt = history.document(MISSPELT_DOCUMENT)?.unwrap_or_default();
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

/// Saves the findings of the files that were read. Part of the transaction that commits the ledger.
pub(crate) fn keep_misspelt(
    history: &History,
    read: &[FileReport],
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let before: Option<Misspelt> = history.document(MISSPELT_DOCUMENT)?;
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
    history.save_document(MISSPELT_DOCUMENT, &now)
}
