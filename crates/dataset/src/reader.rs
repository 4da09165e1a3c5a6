//! Reads rows from a CSV file and checks each row against the schema.
//!
//! A whole file is rejected if its header is unusable, if a quote is never closed, or if a limit is
//! exceeded. Otherwise rows are rejected one by one, each with its line, its column and the reason.
//! Columns are found by name, regardless of case and surrounding space. Other columns are ignored.

mod bulk;
mod file_flaw;
mod header;
mod long_fields;
mod missing;
mod opened;
mod parse;
mod passed;
mod record;
mod rejection;

use std::io::Read;
use std::sync::Arc;

use common::Schema;

use crate::cell::{DecimalMarks, Label, Marks};
use crate::level::LevelNames;
use crate::tokenizer::{Block, Blocks, Dialect, Format, Tokenizer, Tolerated};

pub use self::bulk::{BulkReader, Scratch};
pub use self::file_flaw::{FileFlaw, FileProblem};
use self::header::ColumnMap;
pub(crate) use self::header::are_data;
pub use self::header::{ColumnPlaces, HeaderFlaw, TargetColumn, find_columns, find_target};
pub(crate) use self::long_fields::{LongFields, never_closed};
pub use self::missing::{MissingCounts, missing_too_often};
pub(crate) use self::opened::{Opened, problem_of_cut};
pub use self::parse::{Lines, ParsedRows, Wanted};
use self::passed::Passed;
use self::record::Encoding;
pub use self::rejection::{Rejection, RowFlaw};

/// Reads the rows of one text, one after another.
pub struct RowReader<R> {
    blocks: Blocks<R>,
    block: Block,
    encoding: Encoding,
    tokenizer: Tokenizer,
    columns: Arc<ColumnMap>,
    passed: Passed,
    /// The features of the last record, if it was accepted.
    values: Vec<f64>,
    /// What is wrong with the last record; `None` if it was accepted.
    flaw: Option<RowFlaw>,
    /// Counts of commas and points in the last record.
    marks: Vec<Marks>,
}

/// A header that was read, with the places of the schema's columns. It is reused for texts that
/// begin with the same bytes, because finding the columns takes longer than reading a few rows.
pub struct KnownHeader {
    schema: Schema,
    target: TargetColumn,
    /// Two texts with the same header can have different dialects, because their rows decide, too.
    dialect: Dialect,
    /// True if rows end with a separator, and true if the header does.
    ends: [bool; 2],
    text: Box<[u8]>,
    columns: Arc<ColumnMap>,
}

/// Maximum length in bytes of a header that is kept.
const MAX_KNOWN_HEADER_BYTES: usize = 4096;

/// One row of a file.
pub enum ReadRow<'a> {
    /// A row that fits the schema.
    Accepted(Cells<'a>),
    /// A row that does not fit the schema.
    Rejected(Box<Rejection>),
}

/// An accepted row.
pub struct Cells<'a> {
    /// Id of the client, as UTF-8; `None` if the schema has no id.
    pub id: Option<&'a [u8]>,
    /// Line that the row begins on, counted from 1.
    pub line: u64,
    /// The features in schema order; NaN stands for a missing value.
    pub values: &'a [f64],
    /// The label; `None` if the row is not labelled.
    pub label: Label,
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

    /// Opens as [`Self::open`] does, and uses the known header if the text begins with it.
    /// Otherwise the text's own header replaces the known one, unless it is too long to be kept.
    pub fn open_with(
        input: R,
        format: Format,
        schema: &Schema,
        target: TargetColumn,
        known: &mut Option<KnownHeader>,
    ) -> Result<Self, FileProblem> {
        let opened = Opened::of(input, format)?;
        let text = opened.header_text();
        let dialect = opened.tokenizer.dialect();
        let ends = [
            opened.rows_end_with_separator(),
            opened.header_ends_with_separator(),
        ];
        let is_known = |known: &&KnownHeader| {
            *known.text == *text
                && known.dialect == dialect
                && known.ends == ends
                && known.columns.rejects_ambiguous_points
                    == opened.blocks.format().rejects_ambiguous_points
                && known.target == target
                && known.schema == *schema
        };
        let columns = match known.as_ref().filter(is_known) {
            Some(known) => Arc::clone(&known.columns),
            None => {
                let columns = ColumnMap::of_opened(&opened, schema, target)
                    .map_err(|flaw| FileProblem::Unusable(flaw.into()))?;
                let columns = Arc::new(columns);
                *known = (text.len() <= MAX_KNOWN_HEADER_BYTES).then(|| KnownHeader {
                    schema: schema.clone(),
                    target,
                    dialect,
                    ends,
                    text: text.into(),
                    columns: Arc::clone(&columns),
                });
                columns
            }
        };
        let tolerated = opened.tolerated();
        let Opened {
            blocks,
            block,
            tokenizer,
            lines_before,
            ..
        } = opened;
        Ok(Self {
            blocks,
            encoding: Encoding::of(block.text()),
            block,
            tokenizer,
            columns,
            passed: Passed {
                lines: lines_before,
                tolerated,
                ..Passed::default()
            },
            values: Vec::with_capacity(schema.features.len()),
            flaw: None,
            marks: Vec::new(),
        })
    }

    /// The next row, or `None` at the end.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem> {
        if !self.advance()? {
            return Ok(None);
        }
        let record = self.tokenizer.record(self.block.text());
        let line = self.passed.lines + record.line() + 1;
        self.passed.long_fields.look_into(record, line);
        let checked = self.columns.check(&record, self.encoding, &mut self.values);
        self.flaw = checked.as_ref().err().map(|blame| blame.flaw);
        let label = match checked {
            Ok(label) => label,
            Err(blame) => {
                let rejection = Box::new(blame.rejection(record, line));
                return Ok(Some(ReadRow::Rejected(rejection)));
            }
        };
        let id = self.columns.id_of(record);
        if id.is_none() && label.is_none() {
            self.passed.without_id_and_label += 1;
        }
        if self.columns.decimal == DecimalMarks::Either {
            self.marks.clear();
            self.columns.count_marks(record, &mut self.marks);
            self.passed.add_marks(&self.marks);
        }
        Ok(Some(ReadRow::Accepted(Cells {
            id,
            line,
            values: &self.values,
            label,
        })))
    }

    /// What is wrong with the row that was read last; `None` if it was accepted.
    pub fn flaw(&self) -> Option<RowFlaw> {
        self.flaw
    }

    /// A field of the row that was read last. Fields are counted from 1, as in
    /// [`Rejection::column`].
    pub fn field(&self, column: usize) -> Option<&[u8]> {
        let record = self.tokenizer.record(self.block.text());
        record.get(column.checked_sub(1)?)
    }

    /// The header's name of a field, without spaces around it. Fields are counted from 1.
    pub fn field_name(&self, column: usize) -> Option<&str> {
        self.columns.name_of(column)
    }

    /// Adds the names of the levels of the row that was accepted last.
    pub fn name_levels(&self, names: &mut LevelNames) {
        if self.columns.has_categories {
            let record = self.tokenizer.record(self.block.text());
            self.columns.name_levels(record, &self.values, names);
        }
    }

    /// Warnings that a person should check. They are complete once the last row was read.
    pub fn warnings(&self) -> Vec<String> {
        self.passed.long_fields.sentences()
    }

    /// Notes about what was tolerated. They are complete once the last row was read.
    pub fn notes(&self) -> Vec<String> {
        let mut tolerated = self.passed.tolerated;
        tolerated.join(self.tolerated_in_block());
        self.passed.notes(&self.columns, tolerated)
    }

    /// Finds the next record, and reads the next block if this one has no more.
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
                self.passed.check_numbers(&self.columns)?;
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

#[cfg(test)]
mod tests;
