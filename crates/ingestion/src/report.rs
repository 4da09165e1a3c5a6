//! Report of an ingestion.

use std::fmt;

use common::cli::Report;
use common::ledger::{FileStatus, RowCounts};
use common::numbers::{count, counted, listed};
use dataset::SkippedEntry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dropped_files::FormerFolder;

/// Report of an ingestion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Files whose ingested rows were dropped because their content has changed. The new content is
    /// another file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// A rebuild of finaldata.csv that waits until all known files can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Box<DeferredRebuild>>,
    /// Folders that the configuration no longer names, whose rows were dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_longer_input: Vec<FormerFolder>,
    /// Reason for the rebuild of finaldata.csv. `None` if rows were appended or nothing was new.
    pub rebuilt: Option<String>,
    /// Row counts of `files` together.
    pub rows: RowCounts,
    /// Number of rows of finaldata.csv after the ingestion.
    pub total_rows: u64,
    /// Number of known files that `ingestion --verify` read again and found unchanged. `None` without
    /// that option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<u64>,
    /// Columns that no model will be fitted to, with the reason; one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A rebuild of finaldata.csv that waits, because a known file cannot be read now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeferredRebuild {
    /// The file or folder that cannot be read.
    pub blocked: String,
    /// Reason why it cannot be read.
    pub reason: String,
    /// Files that are gone or have other content, and whose ingested rows stay until the rebuild.
    pub kept: Vec<String>,
    /// Files that are ingested after the rebuild.
    pub waiting: Vec<String>,
}

impl fmt::Display for DeferredRebuild {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            blocked,
            reason,
            kept,
            waiting,
        } = self;
        write!(
            to,
            "finaldata.csv has to be rebuilt, which needs {blocked} ({reason}); until then "
        )?;
        match kept.as_slice() {
            [] => write!(to, "no ingested row is dropped")?,
            [name] => write!(
                to,
                "the ingested rows of {name} are kept, although the file is gone or has changed"
            )?,
            names => write!(
                to,
                "the ingested rows of {} are kept, although the files are gone or have changed: {}",
                counted(names.len(), "file"),
                listed(names, MAX_SHOWN)
            )?,
        }
        match waiting.as_slice() {
            [] => Ok(()),
            [name] => write!(to, "; {name} waits"),
            names => write!(
                to,
                "; {} wait: {}",
                counted(names.len(), "file"),
                listed(names, MAX_SHOWN)
            ),
        }
    }
}

/// Report of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// True if the file has no target column, so that none of its rows has a label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks_target: bool,
    /// Row counts: read, kept, duplicate and rejected.
    pub rows: RowCounts,
    /// The first rejected rows, as `line:column: reason`.
    pub rejections: Vec<String>,
    /// True if the ledger knew the file and the same number of rows was rejected in the last read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_repeated: bool,
}

impl IngestReport {
    /// Number of known files whose rows were dropped because they are gone, have other content or are
    /// no longer input.
    pub fn removed_files(&self) -> usize {
        let former = self.no_longer_input.iter().map(|former| former.files);
        self.removed.len() + self.changed.len() + former.sum::<usize>()
    }

    /// The files that are gone in one line, and a line for each folder that the configuration no
    /// longer names.
    pub fn removed_in_words(&self) -> impl Iterator<Item = String> {
        let gone = match self.removed.as_slice() {
            [] => None,
            [name] => Some(format!("{name} is gone, and so are its rows")),
            names => Some(format!(
                "{} are gone, and so are their rows: {}",
                counted(names.len(), "file"),
                listed(names, MAX_SHOWN)
            )),
        };
        let former = self.no_longer_input.iter().map(ToString::to_string);
        gone.into_iter().chain(former)
    }

    /// The files whose content has changed, in one line. `None` without any.
    pub fn changed_in_words(&self) -> Option<String> {
        match self.changed.as_slice() {
            [] => None,
            [name] => Some(format!(
                "the content of {name} has changed since it was ingested; the rows of its old content are dropped"
            )),
            names => Some(format!(
                "the content of {} has changed since they were ingested; the rows of their old content are dropped: {}",
                counted(names.len(), "file"),
                listed(names, MAX_SHOWN)
            )),
        }
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
            || self.deferred.is_some()
            || self.files.iter().any(|file| file.similar_target.is_some())
            || self.new_warnings().next().is_some()
    }
}

impl fmt::Display for IngestReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() && self.removed_files() == 0 && self.changed.is_empty() {
            writeln!(
                to,
                "nothing new; finaldata.csv holds {}",
                counted(self.total_rows, "row")
            )?;
        } else {
            self.write_files(to)?;
        }
        if let Some(verified) = self.verified {
            let were = if verified == 1 { "was" } else { "were" };
            let files = counted(verified, "known file");
            writeln!(to, "{files} {were} read again: unchanged")?;
        }
        for removed in self.removed_in_words() {
            writeln!(to, "removed: {removed}")?;
        }
        if let Some(changed) = self.changed_in_words() {
            writeln!(to, "changed: {changed}")?;
        }
        if let Some(reason) = &self.rebuilt {
            writeln!(to, "finaldata.csv was rebuilt: {reason}")?;
        }
        if let Some(deferred) = &self.deferred {
            writeln!(to, "deferred: {deferred}")?;
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
        writeln!(
            to,
            "finaldata.csv holds {}",
            counted(self.total_rows, "row")
        )?;
        for file in &self.files {
            if let Some(rejected) = file.rejected_in_words() {
                writeln!(to, "rejected: {rejected}")?;
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

/// Maximum number of rejected rows of a file, and of removed files, that a text lists.
const MAX_SHOWN: usize = 3;

/// A rejected row for a person: `line 418, hours: "12 k" is not a number`. The position of the
/// column is left out, because the column's name follows.
fn rejection_in_words(rejection: &str) -> String {
    let parts = rejection
        .split_once(':')
        .zip(rejection.splitn(3, ':').nth(2));
    match parts {
        Some(((line, _), reason)) => format!("line {line}, {}", reason.trim_start()),
        None => rejection.to_owned(),
    }
}

impl FileReport {
    /// The rejections of the file as one line: the number of rows, and the first ones. `None` if
    /// nothing was rejected.
    pub fn rejected_in_words(&self) -> Option<String> {
        let shown = self.rejections.iter().take(MAX_SHOWN);
        let shown: Vec<String> = shown
            .map(|rejection| rejection_in_words(rejection))
            .collect();
        let rejected = self.rows.rejected;
        let what = match &self.reason {
            Some(reason) => reason.clone(),
            None if rejected > 0 => {
                format!("{} of {}", count(rejected), counted(self.rows.read, "row"))
            }
            None => return None,
        };
        let rest = match rejected {
            0 => String::new(),
            1 => "; it is in rejectedrows.csv".into(),
            _ => "; all are in rejectedrows.csv".into(),
        };
        let shown: String = shown.iter().map(|row| format!("; {row}")).collect();
        Some(format!("{}: {what}{shown}{rest}", self.path()))
    }

    /// Folder and name, joined by `/`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rejected: u64, reason: Option<&str>) -> FileReport {
        let lines = 2..2 + rejected.min(5);
        FileReport {
            folder: "in".into(),
            name: "a.csv".into(),
            status: FileStatus::Ingested,
            reason: reason.map(str::to_owned),
            notes: Vec::new(),
            warnings: Vec::new(),
            similar_target: None,
            lacks_target: false,
            rows: RowCounts {
                read: 2_090,
                kept: 2_090 - rejected,
                rejected,
                ..RowCounts::default()
            },
            rejections: lines
                .map(|line| format!("{line}:2: hours: \"x: y\" is not a number"))
                .collect(),
            is_repeated: false,
        }
    }

    #[test]
    fn two_thousand_rejected_rows_are_one_line() {
        assert_eq!(
            file(2_000, None).rejected_in_words().unwrap(),
            "in/a.csv: 2,000 of 2,090 rows; line 2, hours: \"x: y\" is not a number; \
             line 3, hours: \"x: y\" is not a number; line 4, hours: \"x: y\" is not a number; \
             all are in rejectedrows.csv"
        );
        assert_eq!(
            file(1, None).rejected_in_words().unwrap(),
            "in/a.csv: 1 of 2,090 rows; line 2, hours: \"x: y\" is not a number; \
             it is in rejectedrows.csv"
        );
        assert_eq!(file(0, None).rejected_in_words(), None);
        assert_eq!(
            file(0, Some("it is empty")).rejected_in_words().unwrap(),
            "in/a.csv: it is empty"
        );
    }

    #[test]
    fn removed_files_are_one_line() {
        let names = |count: usize| (0..count).map(|n| format!("in/{n}.csv")).collect();
        let removed = |count| {
            let report = IngestReport {
                removed: names(count),
                ..IngestReport::default()
            };
            report.removed_in_words().collect::<Vec<_>>()
        };
        assert!(removed(0).is_empty());
        assert_eq!(removed(1), ["in/0.csv is gone, and so are its rows"]);
        assert_eq!(
            removed(8),
            ["8 files are gone, and so are their rows: in/0.csv, in/1.csv, in/2.csv and 5 more"]
        );
    }
}
