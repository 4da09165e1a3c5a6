//! Rows out of a CSV file, each checked against the schema.
//!
//! A file is rejected whole when its header cannot serve, a quote in it is never closed, or it
//! exceeds a limit. A row is rejected alone, with its line, its column and the reason. Columns are
//! found by name, with spaces and case forgiven; other columns are ignored.

mod bulk;
mod header;
mod long_fields;
mod missing;
mod opened;
mod parse;
mod record;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use common::Schema;

use crate::cell::{CellProblem, Label};
use crate::tokenizer::{Block, Blocks, Format, LimitExceeded, Record, Tokenizer, Tolerated};

pub use self::bulk::{BulkReader, Scratch};
use self::header::ColumnMap;
pub use self::header::{ColumnPlaces, HeaderFlaw, find_columns};
pub(crate) use self::long_fields::{LongFields, never_closed};
pub use self::missing::{MissingCounts, missing_too_often};
pub(crate) use self::opened::{Opened, problem_of_cut};
pub use self::parse::{Lines, ParsedRows};
use self::record::Encoding;

/// Reads the rows of one text, one after another.
pub struct RowReader<R> {
    blocks: Blocks<R>,
    block: Block,
    encoding: Encoding,
    tokenizer: Tokenizer,
    columns: Arc<ColumnMap>,
    passed: Passed,
    checked: Checked,
}

/// A header that was read, and where the schema's columns stand in it, for texts that begin with
/// the same bytes: finding the columns takes longer than reading a few rows.
pub struct KnownHeader {
    schema: Schema,
    target: TargetColumn,
    text: Box<[u8]>,
    columns: Arc<ColumnMap>,
}

/// Bytes of the longest header that is kept.
const MAX_KNOWN_HEADER_BYTES: usize = 4096;

/// The part of a text that was passed, the header included.
#[derive(Default)]
struct Passed {
    tolerated: Tolerated,
    lines: u64,
    long_fields: LongFields,
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
    /// Its content does not serve.
    Unusable(FileFlaw),
    /// It could not be read.
    Unreadable(io::Error),
}

/// What is wrong with the content of a file; its text says why the file is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFlaw {
    /// The header does not serve.
    Header(HeaderFlaw),
    /// A quote is never closed, or a record has no end.
    Syntax(String),
    /// It exceeds a limit of its format.
    Exceeded(LimitExceeded),
}

impl From<HeaderFlaw> for FileFlaw {
    fn from(flaw: HeaderFlaw) -> Self {
        Self::Header(flaw)
    }
}

impl fmt::Display for FileFlaw {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(flaw) => flaw.fmt(to),
            Self::Syntax(reason) => to.write_str(reason),
            Self::Exceeded(limit) => limit.fmt(to),
        }
    }
}

/// What is wrong with a refused row, for a caller that answers by kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowFlaw {
    /// A field spans lines and has text after its closing quote.
    StrayQuote,
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
    pub fn open(
        input: R,
        format: Format,
        schema: &Schema,
        target: TargetColumn,
    ) -> Result<Self, FileProblem> {
        Self::open_with(input, format, schema, target, &mut None)
    }

    /// [`Self::open`], which uses the known header where the text begins with it, and else replaces
    /// it by the text's own.
    pub fn open_with(
        input: R,
        format: Format,
        schema: &Schema,
        target: TargetColumn,
        known: &mut Option<KnownHeader>,
    ) -> Result<Self, FileProblem> {
        let opened = Opened::of(input, format)?;
        let text = opened.header_text();
        let is_known = |known: &&KnownHeader| {
            *known.text == *text && known.target == target && known.schema == *schema
        };
        let columns = match known.as_ref().filter(is_known) {
            Some(known) => Arc::clone(&known.columns),
            None => {
                let columns = ColumnMap::of_header(opened.header(), schema, target)
                    .map_err(|flaw| FileProblem::Unusable(flaw.into()))?;
                let columns = Arc::new(columns);
                *known = (text.len() <= MAX_KNOWN_HEADER_BYTES).then(|| KnownHeader {
                    schema: schema.clone(),
                    target,
                    text: text.into(),
                    columns: Arc::clone(&columns),
                });
                columns
            }
        };
        let Opened {
            blocks,
            block,
            tokenizer,
            lines_before,
            tolerated_before,
        } = opened;
        Ok(Self {
            blocks,
            encoding: Encoding::of(block.text()),
            block,
            tokenizer,
            columns,
            passed: Passed {
                lines: lines_before,
                tolerated: tolerated_before,
                ..Passed::default()
            },
            checked: Checked::with_room(schema.features.len()),
        })
    }

    /// The next row, or `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem> {
        if !self.advance()? {
            return Ok(None);
        }
        let record = self.tokenizer.record(self.block.text());
        let line = self.passed.lines + record.line + 1;
        self.passed.long_fields.look_into(record, line);
        let row = self.checked.row(&self.columns, record, self.encoding, line);
        Ok(Some(row))
    }

    /// What is wrong with the row that was read last, if it was rejected.
    pub fn flaw(&self) -> Option<RowFlaw> {
        self.checked.flaw
    }

    /// A field of the row that was read last, counted from 1 as in [`Rejection::column`].
    pub fn field(&self, column: usize) -> Option<&[u8]> {
        let record = self.tokenizer.record(self.block.text());
        record.get(column.checked_sub(1)?)
    }

    /// The header's name of a field counted from 1, trimmed and in lower case.
    pub fn field_name(&self, column: usize) -> Option<&str> {
        self.columns.name_of(column)
    }

    /// What somebody should look at; complete once the last row was read.
    pub fn warnings(&self) -> Vec<String> {
        self.passed.long_fields.sentences()
    }

    /// What was tolerated; complete once the last row was read.
    pub fn notes(&self) -> Vec<String> {
        let mut tolerated = self.passed.tolerated;
        tolerated.join(self.tolerated_in_block());
        self.passed.notes(&self.columns, tolerated)
    }

    /// Finds the next record, in the next block where this one has no more.
    fn advance(&mut self) -> Result<bool, FileProblem> {
        loop {
            let found = self.tokenizer.advance(self.block.text());
            if found.map_err(|limit| FileProblem::Unusable(FileFlaw::Exceeded(limit)))? {
                return Ok(true);
            }
            if let Some(breaks) = self.tokenizer.open_quote() {
                let reason = never_closed(self.passed.lines + breaks + 1);
                return Err(FileProblem::Unusable(FileFlaw::Syntax(reason)));
            }
            let tolerated = self.tolerated_in_block();
            self.passed.tolerated.join(tolerated);
            self.passed.lines += self.tokenizer.lines();
            let is_there = self
                .blocks
                .next(&mut self.block)
                .map_err(|error| problem_of_cut(error, self.passed.lines))?;
            self.encoding = Encoding::of(self.block.text());
            self.tokenizer.begin(self.block.text());
            if !is_there {
                return Ok(false);
            }
        }
    }

    fn tolerated_in_block(&self) -> Tolerated {
        Tolerated {
            has_byte_order_mark: self.block.has_byte_order_mark,
            ..self.tokenizer.tolerated()
        }
    }
}

impl Passed {
    /// What was tolerated in a text with these columns.
    fn notes(&self, columns: &ColumnMap, tolerated: Tolerated) -> Vec<String> {
        let mut notes = columns.notes.clone();
        notes.extend(tolerated.sentences().map(str::to_owned));
        notes.extend(self.long_fields.note());
        notes
    }
}

/// The result of the check of one record.
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
    fn row<'a>(
        &'a mut self,
        columns: &ColumnMap,
        record: Record<'a>,
        encoding: Encoding,
        line: u64,
    ) -> ReadRow<'a> {
        let checked = columns.check(record, encoding, &mut self.values);
        self.flaw = checked.as_ref().err().map(|blame| blame.flaw);
        match checked {
            Ok(label) => ReadRow::Accepted(Cells {
                id: record.field(columns.id),
                line,
                values: &self.values,
                label,
            }),
            Err(blame) => ReadRow::Rejected(blame.rejection(record, line)),
        }
    }
}

impl Cells<'_> {
    /// The client's name, as it stands in the file.
    pub fn id(&self) -> &[u8] {
        self.id
    }
}

#[cfg(test)]
mod tests;
