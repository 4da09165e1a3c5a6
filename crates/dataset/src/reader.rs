//! Rows out of a CSV file, each checked against the schema.
//!
//! A file is refused whole when its header cannot serve; a row is refused alone, with its line,
//! its column and the reason. Columns are found by name, with spaces and case forgiven; other
//! columns are ignored. Fields are separated by commas and may be quoted; a line ends with LF,
//! CRLF or CR; a byte order mark is skipped.

use std::io::{self, Read};

use common::Schema;
use csv::ByteRecord;

use crate::cell::{self, CellProblem};
use crate::table::Label;
use crate::text::escaped;

/// Reads the rows of one file.
pub struct RowReader<R> {
    reader: csv::Reader<R>,
    columns: ColumnMap,
    notes: Vec<String>,
    record: ByteRecord,
    values: Vec<f64>,
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

/// Where the schema's columns stand in a file.
struct ColumnMap {
    fields: usize,
    id: usize,
    features: Vec<(usize, String)>,
    target: Option<(usize, String)>,
}

impl<R: Read> RowReader<R> {
    /// Reads the header and finds the schema's columns in it.
    pub fn open(input: R, schema: &Schema, target: TargetColumn) -> Result<Self, FileProblem> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .buffer_capacity(256 * 1024)
            .from_reader(input);
        let header = reader.byte_headers().map_err(unreadable)?;
        let names = header_names(header).map_err(FileProblem::Unusable)?;
        let columns = ColumnMap::find(&names, schema, target).map_err(FileProblem::Unusable)?;
        let notes = columns.notes(&names, schema, target);
        Ok(Self {
            reader,
            columns,
            notes,
            record: ByteRecord::new(),
            values: Vec::with_capacity(schema.features.len()),
        })
    }

    /// What was tolerated in the header.
    pub fn notes(&self) -> &[String] {
        &self.notes
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
        Ok(Some(match self.check() {
            Ok(label) => ReadRow::Accepted(Cells {
                record: &self.record,
                columns: &self.columns,
                values: &self.values,
                label,
            }),
            Err((field, reason)) => ReadRow::Rejected(Rejection {
                line: self.record.position().map_or(0, csv::Position::line),
                column: field + 1,
                reason,
                text: as_csv(&self.record),
            }),
        }))
    }

    /// Fills `values` and returns the label, or the field to blame and the reason.
    fn check(&mut self) -> Result<Label, (usize, String)> {
        let (record, columns) = (&self.record, &self.columns);
        if record.len() != columns.fields {
            let reason = format!("{} fields, {} expected", record.len(), columns.fields);
            return Err((record.len().min(columns.fields), reason));
        }
        if let Some(field) = record
            .iter()
            .position(|cell| std::str::from_utf8(cell).is_err())
        {
            return Err((field, "the text is not UTF-8".into()));
        }
        if record[columns.id].is_empty() {
            return Err((columns.id, "the client has no name".into()));
        }
        self.values.clear();
        for (field, name) in &columns.features {
            let value = cell::parse_number(&record[*field])
                .map_err(|problem| blame(*field, name, problem, &record[*field]))?;
            self.values.push(value);
        }
        match &columns.target {
            None => Ok(None),
            Some((field, name)) => cell::parse_label(&record[*field])
                .map_err(|problem| blame(*field, name, problem, &record[*field])),
        }
    }
}

fn blame(field: usize, name: &str, problem: CellProblem, cell: &[u8]) -> (usize, String) {
    (field, problem.describe(name, &escaped(cell.trim_ascii())))
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

impl ColumnMap {
    fn find(names: &[String], schema: &Schema, target: TargetColumn) -> Result<Self, String> {
        for (position, name) in names.iter().enumerate() {
            if names[..position].contains(name) {
                return Err(format!("the header names the column {name:?} twice"));
            }
        }
        let place = |column: &str| {
            let wanted = column.trim().to_lowercase();
            names.iter().position(|name| *name == wanted)
        };
        let required = |column: &str| {
            place(column).ok_or_else(|| {
                format!(
                    "the column {column} is missing (found: {})",
                    names.join(", ")
                )
            })
        };
        Ok(Self {
            fields: names.len(),
            id: required(&schema.id)?,
            features: schema
                .features
                .iter()
                .map(|column| Ok((required(column)?, column.clone())))
                .collect::<Result<_, String>>()?,
            target: match target {
                TargetColumn::Read => {
                    place(&schema.target).map(|field| (field, schema.target.clone()))
                }
                TargetColumn::Ignored => None,
            },
        })
    }

    fn notes(&self, names: &[String], schema: &Schema, target: TargetColumn) -> Vec<String> {
        let known: Vec<String> = schema
            .columns()
            .map(|name| name.trim().to_lowercase())
            .collect();
        let extra: Vec<&str> = names
            .iter()
            .filter(|name| !known.contains(name))
            .map(String::as_str)
            .collect();
        let mut notes = Vec::new();
        if !extra.is_empty() {
            notes.push(format!("other columns are ignored: {}", extra.join(", ")));
        }
        if self.target.is_none() && target == TargetColumn::Read {
            notes.push(format!(
                "there is no column {}: its rows have no known class",
                schema.target
            ));
        }
        notes
    }
}

/// The header's names, trimmed and in lower case.
fn header_names(header: &ByteRecord) -> Result<Vec<String>, String> {
    let bytes = header.as_slice();
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("the text is UTF-16: save it as UTF-8".into());
    }
    if bytes.contains(&0) {
        return Err("it is no text: the header holds a zero byte".into());
    }
    if header.is_empty() {
        return Err("it has no header".into());
    }
    header
        .iter()
        .map(|name| match std::str::from_utf8(name) {
            Ok(name) => Ok(name.trim().to_lowercase()),
            Err(_) => Err(format!("the header is not UTF-8: {}", escaped(name))),
        })
        .collect()
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
