//! Record of the rows in the storage of an engine: the file `rows.json`.

use std::path::{Path, PathBuf};

use common::{Config, digest, files};
use serde::{Deserialize, Serialize};

use super::FinalRows;

/// Version of the file. A file with another version is treated as missing.
const VERSION: u32 = 1;

/// The rows on the storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    version: u32,
    /// Path of the finaldata.csv that the rows are from.
    pub(super) final_data: String,
    /// Digest of the schema that the rows were written under.
    schema: String,
    /// Number of rows.
    pub(super) rows: u64,
    /// Length in bytes of the part of finaldata.csv that has these rows.
    bytes: u64,
    /// SHA-256 of that part.
    digest: String,
    /// The Parquet files.
    pub(super) files: Vec<StoredFile>,
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredFile {
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl Content {
    /// The content after the rows were stored in these files.
    pub(super) fn of(rows: &FinalRows<'_>, files: Vec<StoredFile>) -> Self {
        let ledger = rows.ledger;
        Self {
            version: VERSION,
            final_data: rows.config.layout.final_data().display().to_string(),
            schema: ledger.schema.clone(),
            rows: ledger.rows,
            bytes: ledger.committed_bytes,
            digest: ledger.digest.clone(),
            files,
        }
    }

    /// The record of a storage whose rows the engine reads from the input files. finaldata.csv lists them.
    pub(super) fn of_manifest(config: &Config) -> Self {
        Self {
            version: VERSION,
            final_data: config.layout.final_data().display().to_string(),
            schema: String::new(),
            rows: 0,
            bytes: 0,
            digest: String::new(),
            files: Vec::new(),
        }
    }

    /// Reads the record; `None` if it is missing or this program cannot read it.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let Some(text) = files::read_if_present(path)? else {
            return Ok(None);
        };
        let content: Option<Self> = serde_json::from_slice(&text).ok();
        Ok(content.filter(|content| content.version == VERSION))
    }

    /// Writes the record.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        files::replace(path, &serde_json::to_vec_pretty(self)?)
    }

    /// True for the name of one of the files.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }

    /// The first file that is missing in the folder, or has another length there.
    pub(super) fn incomplete_file(&self, folder: &Path) -> Option<PathBuf> {
        let mut files = self
            .files
            .iter()
            .map(|file| (folder.join(&file.name), file.bytes));
        let incomplete = files.find(|(path, bytes)| {
            let length = files::length_if_present(path);
            !length.is_ok_and(|length| length == Some(*bytes))
        });
        incomplete.map(|(path, _)| path)
    }

    /// Number of the first row that is missing on the storage; `None` if all are there, and 0 if the stored rows
    /// are of other data.
    pub(super) fn first_missing(&self, rows: &FinalRows<'_>) -> anyhow::Result<Option<u64>> {
        let (ledger, earlier) = (rows.ledger, rows.earlier);
        if self.schema != ledger.schema {
            return Ok(Some(0));
        }
        if (&self.digest, self.rows) == (&ledger.digest, ledger.rows) {
            return Ok(None);
        }
        if (&self.digest, self.rows) == (&earlier.digest, earlier.rows) {
            return Ok(Some(self.rows));
        }
        if self.rows >= ledger.rows || self.bytes >= ledger.committed_bytes {
            return Ok(Some(0));
        }
        // Several ingestions by hand may have appended rows since.
        let start = digest::of_file_start(&rows.config.layout.final_data(), self.bytes)?;
        let is_same = start.as_ref() == Some(&self.digest);
        Ok(Some(if is_same { self.rows } else { 0 }))
    }
}
