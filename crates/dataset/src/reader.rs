//! Rows out of a CSV file, each checked against the schema.
//!
//! A file is refused whole when its header cannot serve; a row is refused alone, with its line,
//! its column and the reason. Columns are found by name, with spaces and case forgiven; other
//! columns are ignored. Fields are separated by commas and may be quoted; a line ends with LF,
//! CRLF or CR; a byte order mark is skipped.

mod header;
mod lines;

use std::io::{self, Read};

use common::Schema;
use csv::ByteRecord;

use crate::cell::{self, CellProblem, Label};
use crate::text::escaped;

use self::header::{ColumnMap, header_names};
pub use self::header::{ColumnPlaces, HeaderFlaw, find_columns};
use self::lines::LineTracker;

/// Reads the rows of one file.
pub struct RowReader<R> {
    reader: csv::Reader<LineTracker<R>>,
    columns: ColumnMap,
    notes: Vec<String>,
    record: ByteRecord,
    values: Vec<f64>,
    flaw: Option<RowFlaw>,
}

/// Whether the target column is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetColumn {
    /// It is read where the file has it.
    Read,
    /// It is treated like any other column.
    Ignored,
}

/// Why a file cannot be read as client rows.
#[derive(Debug)]
pub enum FileProblem {
    /// Its content does not serve; the reason says why.
    Unusable(String),
    /// It could not be read.
    Unreadable(io::Error),
}

/// Why a file's rows cannot be read at all, for a caller that answers by kind.
#[derive(Debug)]
pub enum OpenError {
    /// The header does not serve.
    Header(HeaderFlaw),
    /// The file could not be read.
    Unreadable(io::Error),
}

/// What is wrong with a refused row, for a caller that answers by kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowFlaw {
    /// It has more or fewer fields than the header.
    FieldCount,
    /// A field is not UTF-8.
    NotUtf8,
    /// The client has no name.
    NoClient,
    /// A cell does not serve.
    Cell(CellProblem),
}

/// One row of a file.
pub enum ReadRow<'a> {
    /// A row that fits the schema.
    Accepted(Cells<'a>),
    /// A row that does not.
    Rejected(Rejection),
}

/// An accepted row.
pub struct Cells<'a> {
    record: &'a ByteRecord,
    columns: &'a ColumnMap,
    /// Line that the row begins on, counted from 1.
    pub line: u64,
    /// The features in schema order; NaN stands for a missing value.
    pub values: &'a [f64],
    /// The class, where it is known.
    pub label: Label,
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Line that the row begins on, counted from 1.
    pub line: u64,
    /// Field that is to blame, counted from 1.
    pub column: usize,
    /// What is wrong with it.
    pub reason: String,
    /// The row's cells as CSV, with control characters and invalid bytes as `\xHH`.
    pub text: String,
}

impl<R: Read> RowReader<R> {
    /// Reads the header and finds the schema's columns in it.
    pub fn open(input: R, schema: &Schema, target: TargetColumn) -> Result<Self, FileProblem> {
        Self::try_open(input, schema, target).map_err(|error| match error {
            OpenError::Header(flaw) => FileProblem::Unusable(flaw.to_string()),
            OpenError::Unreadable(error) => FileProblem::Unreadable(error),
        })
    }

    /// [`Self::open`] with an error that says what kind of flaw the header has.
    pub fn try_open(input: R, schema: &Schema, target: TargetColumn) -> Result<Self, OpenError> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .buffer_capacity(256 * 1024)
            .from_reader(LineTracker::new(input));
        let header = reader
            .byte_headers()
            .map_err(|error| match unreadable(error) {
                FileProblem::Unusable(reason) => OpenError::Header(HeaderFlaw::NotCsv(reason)),
                FileProblem::Unreadable(error) => OpenError::Unreadable(error),
            })?;
        let names = header_names(header).map_err(OpenError::Header)?;
        let is_forgiven = header
            .iter()
            .zip(&names)
            .any(|(written, name)| written != name.as_bytes());
        let mut columns = ColumnMap::find(names, schema, target).map_err(OpenError::Header)?;
        columns.is_forgiven = is_forgiven && !is_as_configured(header, schema);
        let notes = columns.notes(schema, target);
        Ok(Self {
            reader,
            columns,
            notes,
            record: ByteRecord::new(),
            values: Vec::with_capacity(schema.features.len()),
            flaw: None,
        })
    }

    /// What was tolerated; complete once the last row was read.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(self.reader.get_ref().tolerated().map(str::to_owned));
        notes
    }

    /// What was wrong with the row read last, if it was refused.
    pub fn flaw(&self) -> Option<RowFlaw> {
        self.flaw
    }

    /// A field of the row read last, counted from 1 as in [`Rejection::column`].
    pub fn field(&self, column: usize) -> Option<&[u8]> {
        self.record.get(column.checked_sub(1)?)
    }

    /// The header's name of a field counted from 1, trimmed and in lower case.
    pub fn field_name(&self, column: usize) -> Option<&str> {
        let name = self.columns.names.get(column.checked_sub(1)?)?;
        Some(name)
    }

    /// The next row, or `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem> {
        if !self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(unreadable)?
        {
            return Ok(None);
        }
        let begins_at = self.record.position().map_or(0, csv::Position::byte);
        let line = self.reader.get_mut().line_of(begins_at);
        let checked = self.check();
        self.flaw = checked.as_ref().err().map(|blame| blame.flaw);
        Ok(Some(match checked {
            Ok(label) => ReadRow::Accepted(Cells {
                record: &self.record,
                columns: &self.columns,
                line,
                values: &self.values,
                label,
            }),
            Err(blame) => ReadRow::Rejected(Rejection {
                line,
                column: blame.field + 1,
                reason: blame.reason,
                text: as_csv(&self.record),
            }),
        }))
    }

    /// Fills `values` and returns the label, or what is to blame.
    fn check(&mut self) -> Result<Label, Blame> {
        let (record, columns) = (&self.record, &self.columns);
        let fields = columns.names.len();
        if record.len() != fields {
            return Err(Blame {
                field: record.len().min(fields),
                flaw: RowFlaw::FieldCount,
                reason: format!("{} fields, {fields} expected", record.len()),
            });
        }
        if let Some(field) = record
            .iter()
            .position(|cell| std::str::from_utf8(cell).is_err())
        {
            return Err(Blame {
                field,
                flaw: RowFlaw::NotUtf8,
                reason: "the text is not UTF-8".into(),
            });
        }
        if record[columns.id].is_empty() {
            return Err(Blame {
                field: columns.id,
                flaw: RowFlaw::NoClient,
                reason: "the client has no name".into(),
            });
        }
        self.values.clear();
        for (field, feature) in &columns.features {
            let value = cell::parse_number(&record[*field])
                .and_then(|value| cell::allowed(value, &feature.range))
                .map_err(|problem| blame(*field, &feature.name, problem, &record[*field]))?;
            self.values.push(value);
        }
        match &columns.target {
            None => Ok(None),
            Some((field, name)) => cell::parse_label(&record[*field])
                .map_err(|problem| blame(*field, name, problem, &record[*field])),
        }
    }
}

/// Whether each name of the header that differs from its plain form is written so in the schema.
fn is_as_configured(header: &ByteRecord, schema: &Schema) -> bool {
    schema
        .columns()
        .all(|column| header.iter().any(|name| name == column.as_bytes()))
}

/// What a row is refused for.
struct Blame {
    field: usize,
    flaw: RowFlaw,
    reason: String,
}

fn blame(field: usize, name: &str, problem: CellProblem, cell: &[u8]) -> Blame {
    Blame {
        field,
        flaw: RowFlaw::Cell(problem),
        reason: problem.describe(name, &escaped(cell.trim_ascii())),
    }
}

impl Cells<'_> {
    /// The client's name, as it stands in the file.
    pub fn id(&self) -> &[u8] {
        &self.record[self.columns.id]
    }

    /// The texts of the row in schema order; all but the id are trimmed, and a target column that
    /// the file does not have is empty.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let trimmed = |field: usize| self.record[field].trim_ascii();
        let features = self
            .columns
            .features
            .iter()
            .map(move |(field, _)| trimmed(*field));
        let target = self
            .columns
            .target
            .as_ref()
            .map_or(&b""[..], |(field, _)| trimmed(*field));
        std::iter::once(self.id())
            .chain(features)
            .chain(std::iter::once(target))
    }
}

fn as_csv(record: &ByteRecord) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_byte_record(record);
    let line = writer.into_inner().unwrap_or_default();
    escaped(line.trim_ascii_end())
}

fn unreadable(error: csv::Error) -> FileProblem {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => FileProblem::Unreadable(error),
        // Rows of bytes and of any length leave the parser nothing else to complain about.
        kind => FileProblem::Unusable(format!("it is no CSV: {kind:?}")),
    }
}

#[cfg(test)]
mod tests;
