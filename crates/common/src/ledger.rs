//! The ledger: the ingested and rejected files, the committed length of finaldata.csv, and the number of
//! evaluated rows.
//!
//! The ledger is the commit point of ingestion: a change that is not in the ledger has not
//! happened. Rows are in ingestion order, so a single number, [`Ledger::evaluated_rows`], separates
//! old rows from new ones.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::numbers::{count, counted};

/// First line of finaldata.csv if it is no table of rows, but the list of their files on the storage of a
/// distributed engine.
pub const MANIFEST_HEADER: &str = "part,bytes,first_row,rows\n";

/// The committed state of the ingested data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Ingested and rejected files in ingestion order.
    pub files: Vec<LedgerFile>,
    /// Committed bytes of finaldata.csv; readers stop there.
    pub committed_bytes: u64,
    /// SHA-256 of the committed bytes.
    pub digest: String,
    /// Committed bytes of rejectedrows.csv.
    pub rejected_bytes: u64,
    /// SHA-256 of the committed bytes of rejectedrows.csv. Empty in ledgers of older programs.
    pub rejected_digest: String,
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Rows that a finished run has seen.
    pub seen_rows: u64,
    /// Rows that a deployed model was scored on or fitted to; the rest is new.
    pub evaluated_rows: u64,
    /// True if a rebuild has begun and is not committed. finaldata.csv may then be ahead of this
    /// ledger.
    pub rebuilding: bool,
    /// Digest of the schema that the data was written under.
    pub schema: String,
    /// Row order of the first part of finaldata.csv.
    pub base: RebuildBase,
    /// Committed fingerprints of evaluated rows in the state folder.
    pub evaluated_fingerprints: u64,
    /// Digests of the files in the state folder that decide which rows are new.
    pub state: StateDigests,
}

/// Digests of the files in the state folder that decide which rows are new.
///
/// A file that does not have its digest counts as lost. Both digests are empty in ledgers of older
/// programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDigests {
    /// SHA-256 of the fingerprint key.
    pub key: String,
    /// State of the running SHA-256 of the committed fingerprints of evaluated rows. Appending
    /// continues from this state, so that no run reads the rows before.
    pub evaluated: Vec<u8>,
}

/// The row order of the last rebuild.
///
/// A rebuild covers the rows of the first `files` files. Rows whose fingerprint is among the first
/// `evaluated_fingerprints` come first, the others after them. Each part is in file order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildBase {
    /// Files that the rebuild covered.
    pub files: usize,
    /// Fingerprints of evaluated rows that the rebuild used.
    pub evaluated_fingerprints: u64,
}

/// One ingested or rejected file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path relative to that folder.
    pub name: String,
    /// SHA-256 of the file's bytes. Folder and digest identify a file.
    pub sha256: String,
    /// Metadata of the file when it was last hashed.
    pub stamp: FileStamp,
    /// Whether the file's rows were ingested.
    pub status: FileStatus,
    /// Reason why the file was rejected; `None` if it was not rejected.
    pub reason: Option<String>,
    /// Counts of the file's rows by result.
    pub rows: RowCounts,
    /// The run that ingested the file; `None` if it was ingested by hand or by an older program.
    pub run: Option<i64>,
}

/// Metadata of a file. While it is unchanged, the content counts as unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified: i64,
    /// Inode number.
    pub inode: u64,
    /// Change time of the inode, nanoseconds since 1970. Unlike the modification time, no program can
    /// set it. 0 in stamps of older programs, which match no file.
    #[serde(default)]
    pub changed: i64,
}

/// Whether a file's rows were ingested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// The valid rows of the file are in finaldata.csv.
    Ingested,
    /// The whole file was rejected.
    Rejected,
    /// A copy of a known file under another name; remembered so that it is not hashed again.
    Copy,
}

/// Row counts of a file: `read = kept + duplicate + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// Rows after the header.
    pub read: u64,
    /// Rows that went into finaldata.csv.
    pub kept: u64,
    /// Rows that were already in finaldata.csv.
    pub duplicate: u64,
    /// Rejected rows, each with its reason in rejectedrows.csv.
    pub rejected: u64,
}

impl LedgerFile {
    /// Folder and name, joined by `/`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }
}

impl FileStamp {
    /// Stamp from the metadata of a file.
    pub fn of(metadata: &Metadata) -> Self {
        crate::faults::shown_stamp(Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

impl RowCounts {
    fn add_up(self) -> bool {
        let kept_or_not = self.kept.checked_add(self.duplicate);
        let sum = kept_or_not.and_then(|sum| sum.checked_add(self.rejected));
        sum == Some(self.read)
    }

    /// The sum of two counts.
    pub fn plus(self, other: Self) -> Self {
        Self {
            read: self.read + other.read,
            kept: self.kept + other.kept,
            duplicate: self.duplicate + other.duplicate,
            rejected: self.rejected + other.rejected,
        }
    }
}

impl Ledger {
    /// The ledger with the digest of the fingerprint key.
    pub fn with_key(mut self, digest: String) -> Self {
        self.state.key = digest;
        self
    }

    /// The files whose rows are in finaldata.csv, in ingestion order.
    pub fn ingested(&self) -> impl Iterator<Item = &LedgerFile> {
        self.files
            .iter()
            .filter(|file| file.status == FileStatus::Ingested)
    }

    /// The first row of each batch, in ascending order. A batch is the rows that one run ingested.
    ///
    /// The rows up to the last rebuild are one batch, because a rebuild changes their order. Files that
    /// were ingested by hand, one after the other, are one batch too.
    pub fn batches(&self) -> Vec<u64> {
        let is_ingested = |file: &&LedgerFile| file.status == FileStatus::Ingested;
        let since_rebuild = self.files.get(self.base.files..).unwrap_or_default();
        let appended: Vec<&LedgerFile> = since_rebuild.iter().filter(is_ingested).collect();
        let kept: u64 = appended.iter().map(|file| file.rows.kept).sum();
        let mut next = self.rows.saturating_sub(kept);
        let mut batches: Vec<u64> = (next > 0).then_some(0).into_iter().collect();
        for of_run in appended.chunk_by(|one, other| one.run == other.run) {
            let kept: u64 = of_run.iter().map(|file| file.rows.kept).sum();
            if kept > 0 {
                batches.push(next);
            }
            next += kept;
        }
        batches
    }

    /// First contradiction in the ledger, if any. Readers rely on consistent numbers.
    pub fn flaw(&self) -> Option<&'static str> {
        if self.evaluated_rows > self.rows || self.seen_rows > self.rows {
            return Some("more rows are evaluated or seen than there are");
        }
        if self.files.iter().any(|file| !file.rows.add_up()) {
            return Some("the rows of a file do not add up");
        }
        let kept = self
            .ingested()
            .try_fold(0u64, |sum, file| sum.checked_add(file.rows.kept));
        match kept {
            Some(kept) if kept <= self.rows => None,
            _ => Some("the files have more kept rows than finaldata.csv has rows"),
        }
    }

    /// The present state of the data, as a model records it.
    pub fn position(&self) -> DataPosition {
        DataPosition {
            rows: self.rows,
            committed_bytes: self.committed_bytes,
            digest: self.digest.clone(),
            files: self
                .ingested()
                .map(|file| FileReference {
                    folder: file.folder.clone(),
                    name: file.name.clone(),
                    sha256: file.sha256.clone(),
                })
                .collect(),
            sample: None,
        }
    }
}

/// The state of the ingested data that a model was fitted to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DataPosition {
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Bytes of finaldata.csv.
    pub committed_bytes: u64,
    /// SHA-256 of these bytes of finaldata.csv.
    pub digest: String,
    /// The files that the rows came from, in ingestion order.
    pub files: Vec<FileReference>,
    /// The sample of the rows that was used; `None` if all rows were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampledRows>,
}

/// A sample of the rows of finaldata.csv, used where all rows need more memory than the configuration
/// allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampledRows {
    /// Rows of the sample.
    pub rows: u64,
    /// Rows of finaldata.csv.
    pub of: u64,
    /// The limit that all rows exceed: `training.memory_limit_mib`.
    pub memory_limit_mib: u64,
}

impl fmt::Display for SampledRows {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "a sample of {} of {}, as training.memory_limit_mib is {}",
            count(self.rows),
            counted(self.of, "row"),
            self.memory_limit_mib
        )
    }
}

impl DataPosition {
    /// The file names, one per line: the content of ingestedfiles.txt.
    pub fn file_list(&self) -> String {
        self.files
            .iter()
            .map(|file| format!("{}\n", file.name))
            .collect()
    }
}

/// A file, identified by its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileReference {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path relative to that folder.
    pub name: String,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ingested file, with its kept and its rejected rows.
    fn file(run: Option<i64>, kept: u64, rejected: u64) -> LedgerFile {
        LedgerFile {
            folder: "in".into(),
            name: "a.csv".into(),
            sha256: String::new(),
            stamp: FileStamp::default(),
            status: FileStatus::Ingested,
            reason: None,
            rows: RowCounts {
                read: kept + rejected,
                kept,
                duplicate: 0,
                rejected,
            },
            run,
        }
    }

    /// A ledger of files, each with its run and its kept rows, after `before` rows of one rebuild.
    fn ledger(before: u64, files: &[(Option<i64>, u64)]) -> Ledger {
        let rebuilt = file(Some(99), before, 0);
        let appended = files.iter().map(|(run, kept)| file(*run, *kept, 0));
        Ledger {
            rows: before + files.iter().map(|(_, kept)| kept).sum::<u64>(),
            files: [rebuilt].into_iter().chain(appended).collect(),
            base: RebuildBase {
                files: 1,
                ..RebuildBase::default()
            },
            ..Ledger::default()
        }
    }

    #[test]
    fn a_batch_is_what_one_run_ingested() {
        let found = ledger(
            100,
            &[
                (None, 5),
                (None, 3),
                (Some(7), 2),
                (Some(7), 4),
                (Some(8), 1),
            ],
        );
        assert_eq!(found.batches(), [0, 100, 108, 114]);
        // A run whose rows were all duplicates, and a rejected file, are no batch.
        let mut found = ledger(10, &[(Some(2), 0), (Some(3), 6), (Some(4), 0)]);
        found.files[3].status = FileStatus::Rejected;
        assert_eq!(found.batches(), [0, 10]);
        assert_eq!(ledger(0, &[(Some(1), 6)]).batches(), [0]);
        assert_eq!(Ledger::default().batches(), [0; 0]);
    }

    #[test]
    fn contradictions_in_a_ledger_are_found() {
        let whole = Ledger {
            rows: 3,
            seen_rows: 3,
            evaluated_rows: 2,
            files: vec![file(None, 3, 1)],
            ..Ledger::default()
        };
        assert_eq!(whole.flaw(), None);
        let spoilt = |spoil: fn(&mut Ledger)| {
            let mut ledger = whole.clone();
            spoil(&mut ledger);
            ledger.flaw().is_some()
        };
        assert!(spoilt(|ledger| ledger.evaluated_rows = 4));
        assert!(spoilt(|ledger| ledger.seen_rows = u64::MAX));
        assert!(spoilt(|ledger| ledger.files[0].rows.read = 5));
        assert!(spoilt(|ledger| ledger.files[0].rows.duplicate = u64::MAX));
        assert!(spoilt(|ledger| ledger.rows = 2));
    }
}
