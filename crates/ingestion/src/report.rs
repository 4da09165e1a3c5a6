//! Report of an ingestion.

use std::fmt;

use common::cli::Report;
use common::ledger::{FileStatus, RowCounts};
use dataset::SkippedEntry;
use serde::{Deserialize, Serialize};

use crate::former_folder::FormerFolder;

/// Report of an ingestion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IngestReport {
    /// Files ingested or rejected this time, in ingestion order.
    pub files: Vec<FileReport>,
    /// Entries that are not client data, each with the reason.
    pub ignored: Vec<SkippedEntry>,
    /// Files that wait for the next run, each with the reason.
    pub waiting: Vec<SkippedEntry>,
    /// Input folders without a CSV file, as written in the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_folders: Vec<String>,
    /// Files whose rows were dropped because they are gone.
    pub removed: Vec<String>,
    /// Folders that the configuration no longer names, whose rows were dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_longer_input: Vec<FormerFolder>,
    /// Reason for the rebuild of finaldata.csv. `None` if rows were appended or nothing was new.
    pub rebuilt: Option<String>,
    /// Row counts of these files.
    pub rows: RowCounts,
    /// Number of rows of finaldata.csv after the ingestion.
    pub total_rows: u64,
    /// Columns that no model will be fitted to, with the reason; one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Report of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within the folder.
    pub name: String,
    /// Whether the file was ingested or rejected.
    pub status: FileStatus,
    /// Reason for the rejection of the whole file.
    pub reason: Option<String>,
    /// Deviations that were tolerated.
    pub notes: Vec<String>,
    /// Warnings that a person should check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Column that may be meant as the target, if the file has no target column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar_target: Option<String>,
    /// Row counts: read, kept, duplicate and rejected.
    pub rows: RowCounts,
    /// The first rejected rows, as `line:column: reason`.
    pub rejections: Vec<String>,
    /// True if the ledger knew the file and the same number of rows was rejected in the last read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_repeated: bool,
}

impl IngestReport {
    /// Number of known files whose rows were dropped.
    pub fn removed_files(&self) -> usize {
        let former = self.no_longer_input.iter().map(|former| former.files);
        self.removed.len() + former.sum::<usize>()
    }

    /// True if a file or a row was rejected.
    pub fn has_rejections(&self) -> bool {
        self.rows.rejected > 0
            || self
                .files
                .iter()
                .any(|file| file.status == FileStatus::Rejected)
    }

    /// Warnings of files that were not known before, with the path of each file.
    pub fn new_warnings(&self) -> impl Iterator<Item = String> {
        let new = self.files.iter().filter(|file| !file.is_repeated);
        new.flat_map(|file| {
            let of_file = |warning| format!("{}: {warning}", file.path());
            file.warnings.iter().map(of_file)
        })
    }

    /// Entries of the input folders that cannot be read.
    pub fn unreadable(&self) -> impl Iterator<Item = &SkippedEntry> {
        self.waiting.iter().filter(|entry| entry.is_unreadable)
    }
}

impl Report for IngestReport {
    fn needs_attention(&self) -> bool {
        self.has_rejections()
            || !self.empty_folders.is_empty()
            || self.unreadable().next().is_some()
            || self.files.iter().any(|file| file.similar_target.is_some())
            || self.new_warnings().next().is_some()
    }
}

impl fmt::Display for IngestReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() && self.removed_files() == 0 {
            writeln!(
                to,
                "nothing new; finaldata.csv holds {} rows",
                self.total_rows
            )?;
        } else {
            self.write_files(to)?;
        }
        for name in &self.removed {
            writeln!(to, "removed: {name} is gone, and so are its rows")?;
        }
        for former in &self.no_longer_input {
            writeln!(to, "removed: {former}")?;
        }
        if let Some(reason) = &self.rebuilt {
            writeln!(to, "finaldata.csv was rebuilt: {reason}")?;
        }
        for folder in &self.empty_folders {
            writeln!(to, "the input folder {folder} holds no CSV file")?;
        }
        for (what, entries) in [("ignored", &self.ignored), ("waiting", &self.waiting)] {
            for entry in entries {
                writeln!(to, "{what}: {entry}")?;
            }
        }
        Ok(())
    }
}

impl IngestReport {
    fn write_files(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .files
            .iter()
            .map(|file| file.path().chars().count())
            .max()
            .unwrap_or(0)
            .max("total".len());
        writeln!(
            to,
            "{:width$} {:>10} {:>10} {:>10} {:>10}",
            "file", "read", "kept", "duplicate", "rejected"
        )?;
        let line = |to: &mut fmt::Formatter<'_>, name: &str, rows: &RowCounts| {
            writeln!(
                to,
                "{name:width$} {:>10} {:>10} {:>10} {:>10}",
                rows.read, rows.kept, rows.duplicate, rows.rejected
            )
        };
        for file in &self.files {
            line(to, &file.path(), &file.rows)?;
        }
        line(to, "total", &self.rows)?;
        writeln!(to, "finaldata.csv holds {} rows", self.total_rows)?;
        for file in &self.files {
            if let Some(reason) = &file.reason {
                writeln!(to, "rejected file: {}: {reason}", file.path())?;
            }
            for rejection in &file.rejections {
                writeln!(to, "rejected row: {}:{rejection}", file.path())?;
            }
            let more = file.rows.rejected - file.rejections.len() as u64;
            if more > 0 {
                writeln!(
                    to,
                    "rejected row: {}: and {more} more, see rejectedrows.csv",
                    file.path()
                )?;
            }
            for warning in &file.warnings {
                writeln!(to, "warning: {}: {warning}", file.path())?;
            }
            for note in &file.notes {
                writeln!(to, "note: {}: {note}", file.path())?;
            }
        }
        Ok(())
    }
}

impl FileReport {
    /// Folder and name, joined by `/`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }
}
