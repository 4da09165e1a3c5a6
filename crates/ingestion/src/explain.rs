//! Explains what an ingestion would do with one file. Changes and locks nothing.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::cli::Report;
use common::ledger::RowCounts;
use common::numbers::counted;
use common::{Config, History, regular};
use dataset::{
    DataFile, FileProblem, Fingerprint, FingerprintKey, Format, ReadRow, RowIds, RowReader,
    TargetColumn, each_fingerprint, missing_too_often, reason_to_ignore,
};
use serde::Serialize;

/// Explanation of one file.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The file.
    pub file: PathBuf,
    /// What would happen to the file.
    pub fate: FileFate,
    /// Reason why the file would not be ingested.
    pub reason: Option<String>,
    /// Deviations that would be tolerated.
    pub notes: Vec<String>,
    /// Warnings that a person should check.
    pub warnings: Vec<String>,
    /// Row counts: read, kept, duplicate and rejected.
    pub rows: RowCounts,
    /// Rejected rows or, with [`Detail::EveryRow`], all rows.
    pub details: Vec<RowFate>,
}

/// What an ingestion would do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFate {
    /// The accepted rows would be ingested.
    Ingested,
    /// The whole file would be rejected.
    Rejected,
    /// The file is not client data, for example a hidden file.
    Ignored,
}

/// What an ingestion would do with one row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowFate {
    /// Line on which the row starts, counted from 1.
    pub line: u64,
    /// `kept`, `duplicate` or `rejected`.
    pub fate: &'static str,
    /// Rejected field, counted from 1.
    pub column: Option<usize>,
    /// Reason for the rejection.
    pub reason: Option<String>,
}

/// Which rows an explanation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Rejected rows only.
    RejectedRows,
    /// All rows.
    EveryRow,
}

/// Reads a file and explains what an ingestion would do with it. Returns an error if the file
/// cannot be read.
pub fn explain(config: &Config, file: &Path, detail: Detail) -> anyhow::Result<Explanation> {
    let context = || format!("failed to read {}", file.display());
    let metadata = file.metadata().with_context(context)?;
    let name = file.file_name().unwrap_or_default();
    let mut explanation = Explanation {
        file: file.to_owned(),
        fate: FileFate::Ignored,
        reason: reason_to_skip(name, &metadata),
        notes: Vec::new(),
        warnings: Vec::new(),
        rows: RowCounts::default(),
        details: Vec::new(),
    };
    if explanation.reason.is_none() {
        read(config, file, detail, &mut explanation).with_context(context)?;
    }
    Ok(explanation)
}

/// Reason why an ingestion would not read a file, or `None`.
fn reason_to_skip(name: &OsStr, metadata: &Metadata) -> Option<String> {
    let kind = metadata.file_type();
    if kind.is_file() && metadata.len() == 0 {
        return Some("it is empty".into());
    }
    regular::reason_not_read(kind).or_else(|| reason_to_ignore(name, kind))
}

/// The name by which an ingestion identifies a file: its folder's name and the path below. Outside
/// the input folders, the full path.
fn origin(config: &Config, file: &Path) -> String {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let known = config.input_folders.iter().find_map(|folder| {
        let below = file.strip_prefix(&folder.path).ok()?;
        Some(format!("{}/{}", folder.name, below.display()))
    });
    known.unwrap_or_else(|| file.display().to_string())
}

fn read(
    config: &Config,
    file: &Path,
    detail: Detail,
    explanation: &mut Explanation,
) -> anyhow::Result<()> {
    explanation.fate = FileFate::Rejected;
    let input = DataFile::open(file)?;
    let format = Format::foreign(&config.ingestion.text);
    let mut reader = match RowReader::open(input, format, &config.schema, TargetColumn::Read) {
        Ok(reader) => reader,
        Err(FileProblem::Unusable(flaw)) => {
            explanation.reason = Some(flaw.to_string());
            return Ok(());
        }
        Err(FileProblem::Unreadable(error)) => return Err(error.into()),
    };
    explanation.reason = missing_too_often(file, format, &config.schema)?;
    if explanation.reason.is_some() {
        return Ok(());
    }
    let (key, mut seen) = ingested(config)?;
    let mut row_ids = match config.ingestion.deduplicate {
        true => RowIds::default(),
        false => RowIds::of_origin(&origin(config, file)),
    };
    let rows = &mut explanation.rows;
    loop {
        let fate = match reader.next_row() {
            Ok(None) => break,
            Ok(Some(ReadRow::Rejected(row))) => {
                rows.rejected += 1;
                RowFate {
                    line: row.line,
                    fate: "rejected",
                    column: Some(row.column),
                    reason: Some(row.reason),
                }
            }
            Ok(Some(ReadRow::Accepted(row))) => {
                let id = match row.id {
                    Some(id) => id,
                    None => row_ids.next(row.values, row.label),
                };
                let is_new = seen.insert(key.of_row(id, row.values, row.label));
                if is_new {
                    rows.kept += 1;
                } else {
                    rows.duplicate += 1;
                }
                RowFate {
                    line: row.line,
                    fate: if is_new { "kept" } else { "duplicate" },
                    column: None,
                    reason: None,
                }
            }
            Err(FileProblem::Unusable(flaw)) => {
                // No row of a rejected file counts.
                explanation.reason = Some(flaw.to_string());
                explanation.rows = RowCounts::default();
                explanation.details.clear();
                return Ok(());
            }
            Err(FileProblem::Unreadable(error)) => return Err(error.into()),
        };
        rows.read += 1;
        if detail == Detail::EveryRow || fate.reason.is_some() {
            explanation.details.push(fate);
        }
    }
    explanation.notes = reader.notes();
    explanation.warnings = reader.warnings();
    if rows.read > 0 && rows.rejected == rows.read {
        explanation.reason = Some(match rows.read {
            1 => "its only row would be rejected".into(),
            read => format!("all of its {} would be rejected", counted(read, "row")),
        });
    } else {
        explanation.fate = FileFate::Ingested;
    }
    Ok(())
}

/// Fingerprints of the ingested rows and their key. Empty before the first ingestion.
fn ingested(config: &Config) -> anyhow::Result<(FingerprintKey, HashSet<Fingerprint>)> {
    let key = FingerprintKey::load(&config.layout)?;
    let history = History::read(&config.layout)?;
    let (Some(key), Some(history)) = (key, history) else {
        return Ok((FingerprintKey::PUBLIC, HashSet::new()));
    };
    let mut seen = HashSet::new();
    each_fingerprint(config, &history.ledger()?, &key, 0..u64::MAX, |rows| {
        seen.extend(rows);
        Ok(())
    })?;
    Ok((key, seen))
}

impl Report for Explanation {
    fn needs_attention(&self) -> bool {
        true
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            FileFate::Ingested => "would be ingested",
            FileFate::Rejected => "would be rejected",
            FileFate::Ignored => "would be ignored",
        };
        write!(to, "{} {fate}", self.file.display())?;
        match &self.reason {
            Some(reason) => writeln!(to, ": {reason}")?,
            None => writeln!(to)?,
        }
        for warning in &self.warnings {
            writeln!(to, "warning: {warning}")?;
        }
        for note in &self.notes {
            writeln!(to, "note: {note}")?;
        }
        if self.fate == FileFate::Ignored {
            return Ok(());
        }
        writeln!(
            to,
            "rows: {} read = {} kept + {} duplicate + {} rejected",
            self.rows.read, self.rows.kept, self.rows.duplicate, self.rows.rejected
        )?;
        for row in &self.details {
            match (row.column, &row.reason) {
                (Some(column), Some(reason)) => {
                    writeln!(to, "{}:{column}: {} {reason}", row.line, row.fate)?;
                }
                _ => writeln!(to, "{}: {}", row.line, row.fate)?,
            }
        }
        Ok(())
    }
}
