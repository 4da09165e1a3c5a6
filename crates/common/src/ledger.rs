//! The ledger: what finaldata.csv is made of, up to which byte it is committed, and which of its
//! rows were judged.
//!
//! It is the commit point of ingestion: what the ledger does not say has not happened. Rows stand
//! in ingestion order, so "new" is one number, [`Ledger::judged_rows`].

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

/// The committed state of the ingested data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Ingested and rejected files in ingestion order.
    pub files: Vec<LedgerFile>,
    /// Bytes of finaldata.csv that count; readers of ours stop there.
    pub committed_bytes: u64,
    /// SHA-256 of those bytes.
    pub digest: String,
    /// Bytes of rejectedrows.csv that count.
    pub rejected_bytes: u64,
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Rows that a run has taken note of.
    pub seen_rows: u64,
    /// Rows that a deployed model was scored on or fitted to; the rest is new.
    pub judged_rows: u64,
    /// A rebuild has begun and not committed; finaldata.csv may be ahead of this ledger.
    pub rebuilding: bool,
    /// Digest of the column roles that the data was written under.
    pub schema: String,
    /// How the first part of finaldata.csv was ordered.
    pub base: RebuildBase,
    /// Fingerprints of judged rows that count in the state folder.
    pub judged_fingerprints: u64,
}

/// The order that the last rebuild laid down: the rows of the first `files` files, those first
/// whose fingerprint is among the first `judged_fingerprints`; each part in file order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildBase {
    /// Files that the rebuild covered.
    pub files: usize,
    /// Judged fingerprints known to it.
    pub judged_fingerprints: u64,
}

/// One ingested or rejected file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path relative to that folder.
    pub name: String,
    /// SHA-256 of its bytes; a file is known by folder and digest.
    pub sha256: String,
    /// What the file system said of it when it was last hashed.
    pub stamp: FileStamp,
    /// Whether its rows were taken.
    pub status: FileStatus,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// What became of its rows.
    pub rows: RowCounts,
}

/// What the file system says of a file; while it is equal, the content is taken to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified: i64,
    /// Inode number.
    pub inode: u64,
}

/// Whether a file's rows were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// Its good rows are in finaldata.csv.
    Ingested,
    /// Nothing of it is.
    Rejected,
    /// It repeats a known file under another name; remembered so that it is not hashed again.
    Copy,
}

/// What became of the rows of a file: `read = kept + duplicate + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows after the header.
    pub read: u64,
    /// Rows that went into finaldata.csv.
    pub kept: u64,
    /// Rows that were there already.
    pub duplicate: u64,
    /// Rows refused, each with its reason in rejectedrows.csv.
    pub rejected: u64,
}

impl FileStamp {
    /// What the file system said.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }
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
    /// The files whose rows are in finaldata.csv, in ingestion order.
    pub fn ingested(&self) -> impl Iterator<Item = &LedgerFile> {
        self.files
            .iter()
            .filter(|file| file.status == FileStatus::Ingested)
    }

    /// What contradicts itself in it, if anything does; whoever reads it counts on its numbers.
    pub fn flaw(&self) -> Option<&'static str> {
        if self.judged_rows > self.rows || self.seen_rows > self.rows {
            return Some("more rows are judged or seen than there are");
        }
        if self.files.iter().any(|file| !file.rows.add_up()) {
            return Some("the rows of a file do not add up");
        }
        let kept = self
            .ingested()
            .try_fold(0u64, |sum, file| sum.checked_add(file.rows.kept));
        match kept {
            Some(kept) if kept <= self.rows => None,
            _ => Some("more rows are kept of the files than there are"),
        }
    }

    /// Where the data stands now, as a model records it.
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
        }
    }
}

/// The state of the ingested data that a model was fitted to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPosition {
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Bytes of finaldata.csv.
    pub committed_bytes: u64,
    /// SHA-256 of those bytes.
    pub digest: String,
    /// The files that the rows came from, in ingestion order.
    pub files: Vec<FileReference>,
}

impl DataPosition {
    /// The file names, one a line: the content of ingestedfiles.txt.
    pub fn file_list(&self) -> String {
        self.files
            .iter()
            .map(|file| format!("{}\n", file.name))
            .collect()
    }
}

/// A file by content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileReference {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path relative to that folder.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_contradicts_itself_is_noticed() {
        let whole = Ledger {
            rows: 3,
            seen_rows: 3,
            judged_rows: 2,
            files: vec![LedgerFile {
                folder: "in".into(),
                name: "a.csv".into(),
                sha256: String::new(),
                stamp: FileStamp::default(),
                status: FileStatus::Ingested,
                reason: None,
                rows: RowCounts {
                    read: 4,
                    kept: 3,
                    duplicate: 0,
                    rejected: 1,
                },
            }],
            ..Ledger::default()
        };
        assert_eq!(whole.flaw(), None);
        let spoilt = |spoil: fn(&mut Ledger)| {
            let mut ledger = whole.clone();
            spoil(&mut ledger);
            ledger.flaw().is_some()
        };
        assert!(spoilt(|ledger| ledger.judged_rows = 4));
        assert!(spoilt(|ledger| ledger.seen_rows = u64::MAX));
        assert!(spoilt(|ledger| ledger.files[0].rows.read = 5));
        assert!(spoilt(|ledger| ledger.files[0].rows.duplicate = u64::MAX));
        assert!(spoilt(|ledger| ledger.rows = 2));
    }
}
