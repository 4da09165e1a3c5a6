//! What becomes of the rows of one file: written, counted, or refused with a reason.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use common::ledger::RowCounts;
use common::{Layout, Schema};
use dataset::{
    BulkReader, DataFile, FileProblem, Fingerprint, FingerprintKey, Lines, ParsedRows,
    RecordWriter, Rejection, Scratch, Table, TargetColumn,
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
    /// Memory that is used again from file to file.
    pub(crate) scratch: Scratch,
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

impl<W: Write + Send> Sink<'_, W> {
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
        match BulkReader::open(&mut file, self.schema, TargetColumn::Read) {
            Ok(mut reader) => {
                let (key, mut scratch) = (self.key, std::mem::take(&mut self.scratch));
                let taken = reader.take_rows(key, Lines::Kept, &mut scratch, |rows| {
                    self.take_rows(rows, name, take, &mut tally)
                });
                self.scratch = scratch;
                taken?;
                tally.notes = reader.notes();
            }
            Err(FileProblem::Unusable(reason)) => tally.reason = Some(reason),
            Err(problem) => return Err(problem.into()),
        }
        if file.digest().map_err(unreadable)? != sha256 {
            return Err(Postponed::Because("it changed while it was read".into()));
        }
        Ok(tally)
    }

    fn take_rows(
        &mut self,
        rows: &ParsedRows,
        name: &str,
        take: Take<'_>,
        tally: &mut FileTally,
    ) -> Result<(), Postponed> {
        tally.rows.read += rows.read();
        tally.rows.rejected += rows.rejections.len() as u64;
        tally.rows.kept += self.keep(rows, take)?;
        if !matches!(take, Take::Except(_)) {
            for rejection in &rows.rejections {
                self.refuse(name, rejection, tally)?;
            }
        }
        Ok(())
    }

    /// Keeps the wanted rows that are not there yet, and returns how many they are.
    fn keep(&mut self, rows: &ParsedRows, take: Take<'_>) -> anyhow::Result<u64> {
        let new = self.seen.insert_new(
            &rows.fingerprints,
            &self.table.fingerprints,
            |fingerprint| match take {
                Take::All => true,
                Take::Only(judged) => judged.contains(fingerprint),
                Take::Except(judged) => !judged.contains(fingerprint),
            },
        );
        self.table.append(rows, &new);
        // Rows that stand together are written together.
        for run in new.chunk_by(|row, next| row + 1 == *next) {
            self.write(rows.lines(run[0]..run[run.len() - 1] + 1))?;
        }
        Ok(new.len() as u64)
    }

    fn write(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        self.rows
            .write_lines(lines)
            .with_context(|| failed_to_write(&self.layout.final_data()))
    }

    fn refuse(
        &mut self,
        name: &str,
        rejection: &Rejection,
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
            .write([name, &line.to_string(), &column.to_string(), reason, text])
            .with_context(|| failed_to_write(&self.layout.rejected_rows()))
    }
}

/// The context of an error at one of the two files that rows go to.
pub(crate) fn failed_to_write(path: &Path) -> String {
    format!("failed to write {}", path.display())
}

impl From<FileProblem> for Postponed {
    fn from(problem: FileProblem) -> Self {
        Self::Because(match problem {
            FileProblem::Unusable(reason) => reason,
            FileProblem::Unreadable(error) => error.to_string(),
        })
    }
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
