//! Rows out of a CSV file, each checked against the schema.
//!
//! A file is rejected whole when its header cannot serve or a quote in it is never closed; a row is
//! rejected alone, with its line, its column and the reason. Columns are found by name, with spaces and case forgiven; other
//! columns are ignored. Fields are separated by commas and may be quoted; a line ends with LF,
//! CRLF or CR; a byte order mark is skipped.

mod blocks;
mod bulk;
mod header;
mod lines;
mod missing;
mod parse;
mod plain;
mod quotes;
mod record;
mod separators;

use std::io::{self, Read};
use std::ops::Range;

use common::Schema;
use csv::ByteRecord;

use crate::cell::{CellProblem, Label};

pub(crate) use self::blocks::{Block, Blocks, CutError, Marks};
pub use self::bulk::{BulkReader, Scratch};
use self::header::{ColumnMap, header_names};
pub use self::header::{ColumnPlaces, HeaderFlaw, find_columns};
use self::lines::LineTracker;
pub(crate) use self::lines::line_breaks;
pub use self::missing::{MissingCounts, missing_too_often};
pub use self::parse::{Lines, ParsedRows};
pub use self::plain::{PlainHeader, PlainReader};
pub(crate) use self::quotes::{LongFields, long_name, never_closed, too_long};
use self::record::Record;

/// Reads the rows of one file, one after another.
pub struct RowReader<R> {
    reader: csv::Reader<LineTracker<R>>,
    columns: ColumnMap,
    notes: Vec<String>,
    record: ByteRecord,
    fields: Vec<Range<usize>>,
    checked: Checked,
    long_fields: LongFields,
}

/// Rows one after another, whatever they are read from.
pub trait Rows {
    /// The next row, or `None` at the end.
    fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem>;

    /// What was wrong with the row read last, if it was refused.
    fn flaw(&self) -> Option<RowFlaw>;

    /// A field of the row read last, counted from 1 as in [`Rejection::column`].
    fn field(&self, column: usize) -> Option<&[u8]>;

    /// The header's name of a field counted from 1, trimmed and in lower case.
    fn field_name(&self, column: usize) -> Option<&str>;
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
    id: &'a [u8],
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
            .from_reader(LineTracker::following_quotes(input));
        let not_csv = |reason: String| OpenError::Header(HeaderFlaw::NotCsv(reason));
        reader
            .byte_headers()
            .map_err(|error| match unreadable(error) {
                FileProblem::Unusable(reason) => not_csv(reason),
                FileProblem::Unreadable(error) => OpenError::Unreadable(error),
            })?;
        if let Some(reason) = reader.get_ref().flaw() {
            return Err(not_csv(reason));
        }
        let header = reader
            .byte_headers()
            .map_err(|error| not_csv(error.to_string()))?;
        if let Some(reason) = long_name(header.iter()) {
            return Err(not_csv(reason));
        }
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
            fields: Vec::new(),
            checked: Checked::with_room(schema.features.len()),
            long_fields: LongFields::default(),
        })
    }

    /// What somebody should look at; complete once the last row was read.
    pub fn warnings(&self) -> Vec<String> {
        self.long_fields.sentences()
    }

    /// What was tolerated; complete once the last row was read.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(
            self.reader
                .get_ref()
                .tolerated()
                .sentences()
                .map(str::to_owned),
        );
        notes
    }

    /// Where the header ends in a text that begins with it; before the first row was read.
    fn header_end(&self, text: &[u8]) -> usize {
        let end = usize::try_from(self.reader.position().byte()).unwrap_or(text.len());
        // The parser takes the line feed of a CRLF for an empty line.
        let is_crlf = end > 0 && text[end - 1] == b'\r' && text.get(end) == Some(&b'\n');
        end + usize::from(is_crlf)
    }

    /// Where the schema's columns are, and what was tolerated of the header.
    fn into_columns(self) -> (ColumnMap, Vec<String>) {
        (self.columns, self.notes)
    }
}

impl<R: Read> Rows for RowReader<R> {
    fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem> {
        if !self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(unreadable)?
        {
            return Ok(None);
        }
        if let Some(reason) = self.reader.get_ref().flaw() {
            return Err(FileProblem::Unusable(reason));
        }
        let begins_at = self.record.position().map_or(0, csv::Position::byte);
        let line = self.reader.get_mut().line_of(begins_at);
        let record = Record::of_parsed(&self.record, &mut self.fields);
        self.long_fields
            .look_into(record, line, Marks::QuotesOrReturns);
        Ok(Some(self.checked.row(&self.columns, record, line)))
    }

    fn flaw(&self) -> Option<RowFlaw> {
        self.checked.flaw
    }

    fn field(&self, column: usize) -> Option<&[u8]> {
        self.record.get(column.checked_sub(1)?)
    }

    fn field_name(&self, column: usize) -> Option<&str> {
        self.columns.name_of(column)
    }
}

/// What the check of the record at hand left.
struct Checked {
    values: Vec<f64>,
    flaw: Option<RowFlaw>,
}

impl Checked {
    /// Before the first record.
    fn with_room(n_features: usize) -> Self {
        Self {
            values: Vec::with_capacity(n_features),
            flaw: None,
        }
    }

    /// The row that the next record is.
    fn row<'a>(&'a mut self, columns: &ColumnMap, record: Record<'a>, line: u64) -> ReadRow<'a> {
        let checked = columns.check(record, &mut self.values);
        self.flaw = checked.as_ref().err().map(|blame| blame.flaw);
        match checked {
            Ok(label) => ReadRow::Accepted(Cells {
                id: record.field(columns.id),
                line,
                values: &self.values,
                label,
            }),
            Err(blame) => ReadRow::Rejected(record.refused(blame, line)),
        }
    }
}

/// Whether each name of the header that differs from its plain form is written so in the schema.
fn is_as_configured(header: &ByteRecord, schema: &Schema) -> bool {
    schema
        .columns()
        .all(|column| header.iter().any(|name| name == column.as_bytes()))
}

impl Cells<'_> {
    /// The client's name, as it stands in the file.
    pub fn id(&self) -> &[u8] {
        self.id
    }
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
