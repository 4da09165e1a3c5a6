//! What becomes of the rows of one file: written, counted, or refused with a reason.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use common::ledger::RowCounts;
use common::{Layout, Schema};
use dataset::{
    Cells, DataFile, FileProblem, Fingerprint, FingerprintKey, ReadRow, RecordWriter, Rejection,
    RowReader, Table, TargetColumn,
};

use crate::seen::SeenRows;

/// Refused rows that a report shows per file.
const SHOWN_REJECTIONS: usize = 5;

/// Where rows go.
pub(crate) struct Sink<'a, W: Write> {
    pub(crate) layout: &'a Layout,
    pub(crate) schema: &'a Schema,
    pub(crate) key: &'a FingerprintKey,
    pub(crate) rows: RecordWriter<W>,
    pub(crate) rejected: RecordWriter<W>,
    pub(crate) table: Table,
    /// The rows of `table`.
    pub(crate) seen: SeenRows,
}

/// Which rows of a file are taken, by whether they were judged before.
#[derive(Clone, Copy)]
pub(crate) enum Take<'a> {
    /// All.
    All,
    /// Only these.
    Only(&'a HashSet<Fingerprint>),
    /// All but these; the file was read before for the others.
    Except(&'a HashSet<Fingerprint>),
}

/// What reading a file came to.
#[derive(Default)]
pub(crate) struct FileTally {
    pub(crate) rows: RowCounts,
    pub(crate) notes: Vec<String>,
    pub(crate) rejections: Vec<String>,
    /// Why nothing of it can be taken.
    pub(crate) reason: Option<String>,
}

/// Why a file cannot be taken this time.
pub(crate) enum Postponed {
    /// The reason, for people.
    Because(String),
    /// Something else is wrong, for example a full disk.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Postponed {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl<W: Write> Sink<'_, W> {
    /// Takes the chosen rows of one file whose content has the digest `sha256`.
    pub(crate) fn take_file(
        &mut self,
        path: &Path,
        name: &str,
        sha256: &str,
        take: Take<'_>,
    ) -> Result<FileTally, Postponed> {
        let unreadable = |error: std::io::Error| Postponed::Because(error.to_string());
        let mut file = DataFile::open(path).map_err(unreadable)?;
        let mut tally = FileTally::default();
        match RowReader::open(&mut file, self.schema, TargetColumn::Read) {
            Ok(mut reader) => {
                while let Some(row) = reader.next_row().map_err(postpone)? {
                    self.take_row(row, name, take, &mut tally)?;
                }
                tally.notes = reader.notes();
            }
            Err(FileProblem::Unusable(reason)) => tally.reason = Some(reason),
            Err(problem) => return Err(postpone(problem)),
        }
        if file.digest().map_err(unreadable)? != sha256 {
            return Err(Postponed::Because("it changed while it was read".into()));
        }
        Ok(tally)
    }

    fn take_row(
        &mut self,
        row: ReadRow<'_>,
        name: &str,
        take: Take<'_>,
        tally: &mut FileTally,
    ) -> anyhow::Result<()> {
        tally.rows.read += 1;
        match row {
            ReadRow::Accepted(cells) => {
                let fingerprint = self.key.of_row(cells.id(), cells.values, cells.label);
                let is_wanted = match take {
                    Take::All => true,
                    Take::Only(judged) => judged.contains(&fingerprint),
                    Take::Except(judged) => !judged.contains(&fingerprint),
                };
                if is_wanted && self.seen.insert(fingerprint, &self.table.fingerprints) {
                    self.keep(&cells, fingerprint)?;
                    tally.rows.kept += 1;
                }
            }
            ReadRow::Rejected(rejection) => {
                tally.rows.rejected += 1;
                if !matches!(take, Take::Except(_)) {
                    self.refuse(name, rejection, tally)?;
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, cells: &Cells<'_>, fingerprint: Fingerprint) -> anyhow::Result<()> {
        self.rows
            .write(cells.texts())
            .with_context(|| failed_to_write(&self.layout.final_data()))?;
        self.table
            .push(cells.id(), cells.values, cells.label, fingerprint);
        Ok(())
    }

    fn refuse(
        &mut self,
        name: &str,
        rejection: Rejection,
        tally: &mut FileTally,
    ) -> anyhow::Result<()> {
        let Rejection {
            line,
            column,
            reason,
            text,
        } = rejection;
        if tally.rejections.len() < SHOWN_REJECTIONS {
            tally.rejections.push(format!("{line}:{column}: {reason}"));
        }
        self.rejected
            .write([name, &line.to_string(), &column.to_string(), &reason, &text])
            .with_context(|| failed_to_write(&self.layout.rejected_rows()))
    }
}

/// The context of an error at one of the two files that rows go to.
pub(crate) fn failed_to_write(path: &Path) -> String {
    format!("failed to write {}", path.display())
}

fn postpone(problem: FileProblem) -> Postponed {
    Postponed::Because(match problem {
        FileProblem::Unusable(reason) => reason,
        FileProblem::Unreadable(error) => error.to_string(),
    })
}

impl FileTally {
    /// Joins what a second reading of the same file came to.
    pub(crate) fn and_second_reading(&mut self, second: &Self) {
        self.rows.kept += second.rows.kept;
    }

    /// Counts what is neither kept nor refused, and refuses a file without one good row.
    pub(crate) fn close(&mut self) {
        let rows = &mut self.rows;
        rows.duplicate = rows.read - rows.kept - rows.rejected;
        if self.reason.is_none() && rows.read > 0 && rows.rejected == rows.read {
            self.reason = Some(format!("all of its {} rows were refused", rows.read));
        }
        if self.reason.is_none() && rows.read == 0 {
            self.notes.push("it has a header and no rows".into());
        }
    }
}
