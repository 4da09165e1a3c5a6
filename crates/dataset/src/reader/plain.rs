//! Rows out of a text in memory that has neither quotes nor carriage returns: there every comma and
//! line feed is a separator, and nothing has to be built or copied before the first row.
//!
//! What it reads is what [`RowReader`](super::RowReader) reads, row by row and word for word.

use std::ops::Range;
use std::sync::Arc;

use common::Schema;
use csv::ByteRecord;
use memchr::memchr2;

use super::header::{ColumnMap, HeaderFlaw, header_names};
use super::lines::BYTE_ORDER_MARK;
use super::record::{Encoding, Record};
use super::separators::{Cursor, Separators};
use super::{Checked, FileProblem, ReadRow, RowFlaw, Rows, TargetColumn};

/// Reads the rows of a plain text, one after another.
pub struct PlainReader<'t> {
    text: &'t [u8],
    separators: Separators,
    cursor: Cursor,
    /// Where the record at hand begins.
    start: usize,
    /// Line breaks before it.
    breaks: u64,
    is_at_end: bool,
    columns: Arc<ColumnMap>,
    fields: Vec<Range<usize>>,
    checked: Checked,
}

/// The header of a plain text and where the schema's columns stand in it, for the texts that begin
/// with the same: finding the columns takes longer than reading a few rows.
pub struct PlainHeader {
    /// All before the first row.
    text: Box<[u8]>,
    columns: Arc<ColumnMap>,
}

impl PlainHeader {
    /// Bytes of its text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl<'t> PlainReader<'t> {
    /// Whether a text is plain.
    pub fn can_read(text: &str) -> bool {
        memchr2(b'"', b'\r', text.as_bytes()).is_none()
    }

    /// Reads the header of a plain text and finds the schema's columns in it.
    pub fn open(text: &'t str, schema: &Schema, target: TargetColumn) -> Result<Self, HeaderFlaw> {
        let mut reader = Self::at_beginning(text, Arc::new(ColumnMap::none()));
        reader.next_record();
        let header: ByteRecord = reader
            .fields
            .iter()
            .map(|field| &reader.text[field.clone()])
            .collect();
        let columns = ColumnMap::find(header_names(&header)?, schema, target)?;
        reader.columns = Arc::new(columns);
        Ok(reader)
    }

    /// Opens a text that begins with a header that is known; `None` where it begins otherwise.
    pub fn open_known(text: &'t str, header: &PlainHeader) -> Option<Self> {
        let mut reader = Self::at_beginning(text, Arc::clone(&header.columns));
        reader.next_record();
        let begins_so = reader.text.get(..reader.start) == Some(&*header.text);
        begins_so.then_some(reader)
    }

    /// The header of a text of which no row was read yet, for texts that begin likewise; `None`
    /// where it has no end.
    pub fn header(&self) -> Option<PlainHeader> {
        Some(PlainHeader {
            text: self.text.get(..self.start)?.into(),
            columns: Arc::clone(&self.columns),
        })
    }

    fn at_beginning(text: &'t str, columns: Arc<ColumnMap>) -> Self {
        let bytes = text.as_bytes();
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let mut separators = Separators::default();
        separators.find(text);
        Self {
            text,
            separators,
            cursor: Cursor::default(),
            start: 0,
            breaks: 0,
            is_at_end: false,
            fields: Vec::with_capacity(columns.names.len()),
            checked: Checked::with_room(columns.features.len()),
            columns,
        }
    }

    /// Finds the fields of the next record, none at the end, and returns its line; an empty line
    /// is no record.
    fn next_record(&mut self) -> u64 {
        self.fields.clear();
        while !self.is_at_end {
            let line = self.breaks + 1;
            let at = self.cursor.next(&self.separators);
            let ends_line = at.is_none_or(|at| self.text[at] == b'\n');
            let end = at.unwrap_or(self.text.len());
            self.is_at_end = at.is_none();
            let field = self.start..end;
            self.start = end + 1;
            let is_empty_line = ends_line && self.fields.is_empty() && field.is_empty();
            if !is_empty_line {
                self.fields.push(field);
            }
            if ends_line {
                self.breaks += 1;
                if !is_empty_line {
                    return line;
                }
            }
        }
        self.breaks
    }
}

impl Rows for PlainReader<'_> {
    fn next_row(&mut self) -> Result<Option<ReadRow<'_>>, FileProblem> {
        let line = self.next_record();
        if self.fields.is_empty() {
            return Ok(None);
        }
        let record = Record::new(self.text, &self.fields, Encoding::Utf8);
        Ok(Some(self.checked.row(&self.columns, record, line)))
    }

    fn flaw(&self) -> Option<RowFlaw> {
        self.checked.flaw
    }

    fn field(&self, column: usize) -> Option<&[u8]> {
        let field = self.fields.get(column.checked_sub(1)?)?;
        self.text.get(field.clone())
    }

    fn field_name(&self, column: usize) -> Option<&str> {
        self.columns.name_of(column)
    }
}
