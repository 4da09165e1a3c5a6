//! The files that an ingestion reads, and the settings for reading.

use std::path::PathBuf;

use common::ledger::LedgerFile;
use common::{Config, Layout, Schema};
use dataset::{FingerprintKey, Format};

use crate::memory::Memory;

/// A file to read, known to the ledger or new.
pub(crate) struct PlannedFile {
    /// Ledger entry of the file. Reading the file fills in digest, status and row counts.
    pub(crate) entry: LedgerFile,
    /// SHA-256 of the content during the scan. `None` if the scan did not read the file.
    pub(crate) sha256: Option<String>,
    /// Path to the content.
    pub(crate) path: PathBuf,
}

/// Whether an ingestion returns the written rows to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Return the rows in memory if finaldata.csv has at most `max_rows` rows, or if the written rows
    /// are at most an eighth of `max_rows`.
    Rows {
        /// Number of rows that may be in memory.
        max_rows: usize,
    },
    /// Return no rows, which bounds the memory in use.
    Nothing,
}

impl Keep {
    /// True if `written` rows may stay in memory, when finaldata.csv has `all` rows.
    ///
    /// Both numbers only grow during an ingestion. Once the answer is false, it stays false, so dropped
    /// rows are not needed later.
    pub(crate) fn may_hold(self, written: usize, all: u64) -> bool {
        match self {
            Self::Rows { max_rows } => all <= max_rows as u64 || written <= max_rows / 8,
            Self::Nothing => false,
        }
    }
}

/// Settings under which rows are read and identified.
pub(crate) struct Reading<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) schema: &'a Schema,
    pub(crate) format: Format,
    /// True if equal rows of two files are one row. Only for rows without an id.
    pub(crate) deduplicate: bool,
    pub(crate) key: &'a FingerprintKey,
    pub(crate) memory: Memory,
    pub(crate) keep: Keep,
    /// If true, each file is read to its end before its rows are written. The end of a file can
    /// cause its rejection.
    pub(crate) reads_twice: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(config: &'a Config, key: &'a FingerprintKey, keep: Keep) -> Self {
        Self {
            reads_twice: false,
            layout: &config.layout,
            schema: &config.schema,
            format: Format::foreign(&config.ingestion.text),
            deduplicate: config.ingestion.deduplicate,
            key,
            memory: Memory::of(&config.ingestion),
            keep,
        }
    }
}
