//! The rows of one block, checked and identified.

use std::io::Read;
use std::ops::Range;

use csv::ByteRecord;

use super::Rejection;
use super::blocks::{Block, Marks};
use super::header::ColumnMap;
use super::lines::{LineTracker, Tolerated, line_breaks};
use super::quotes::LongFields;
use super::record::{Encoding, Record};
use super::separators::Separators;
use crate::cell::Label;
use crate::fingerprint::{Fingerprint, FingerprintKey, RowHasher, client_hash};
use crate::level::LevelNames;
use crate::line::{push_line, push_plain_line};

/// Rows of a file, one after another.
#[derive(Default)]
pub struct ParsedRows {
    /// One vector per feature, in schema order; NaN stands for a missing value.
    pub features: Vec<Vec<f64>>,
    /// The class of each accepted row.
    pub labels: Vec<Label>,
    /// Public hash of each accepted row's client.
    pub clients: Vec<u64>,
    /// Identity of each accepted row, if they were asked for.
    pub fingerprints: Vec<Fingerprint>,
    /// The levels of the accepted rows' categories.
    pub levels: LevelNames,
    /// The refused rows.
    pub rejections: Vec<Rejection>,
    /// The accepted rows as lines of finaldata.csv, if they were asked for.
    lines: Vec<u8>,
    /// Where each of them ends.
    line_ends: Vec<usize>,
    /// Records in which a cell is missing, by feature, if their share is limited.
    pub(super) missing: Vec<u64>,
    /// Line breaks of the block.
    pub(super) n_lines: u64,
    pub(super) tolerated: Tolerated,
    /// Fields that are suspiciously long.
    pub(super) long_fields: LongFields,
    /// Line breaks before the quote that is open at the end of the file.
    pub(super) open_quote: Option<u64>,
}

/// Whether accepted rows are also wanted as lines of finaldata.csv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// They are.
    Kept,
    /// They are not.
    Dropped,
}

impl ParsedRows {
    /// Accepted rows.
    pub fn accepted(&self) -> usize {
        self.labels.len()
    }

    /// Accepted and refused rows.
    pub fn read(&self) -> u64 {
        (self.accepted() + self.rejections.len()) as u64
    }

    /// The accepted rows at these positions as lines of finaldata.csv.
    pub fn lines(&self, rows: Range<usize>) -> &[u8] {
        let end_of = |rows: usize| match rows {
            0 => 0,
            rows => *self
                .line_ends
                .get(rows - 1)
                .expect("accepted rows, parsed with their lines kept"),
        };
        &self.lines[end_of(rows.start)..end_of(rows.end)]
    }

    /// About how much memory the accepted rows take, in bytes.
    pub fn bytes(&self) -> usize {
        let per_row = size_of::<f64>() * self.features.len()
            + size_of::<Label>()
            + size_of::<u64>()
            + size_of::<Fingerprint>()
            + size_of::<usize>();
        self.lines.len() + self.accepted() * per_row
    }

    /// Adds the accepted rows of other blocks behind these; what was refused there is not added.
    pub fn append(&mut self, other: &Self) {
        self.features
            .resize_with(other.features.len(), Vec::default);
        for (column, values) in self.features.iter_mut().zip(&other.features) {
            column.extend_from_slice(values);
        }
        self.labels.extend_from_slice(&other.labels);
        self.clients.extend_from_slice(&other.clients);
        self.fingerprints.extend_from_slice(&other.fingerprints);
        self.levels.merge(&other.levels);
        let start = self.lines.len();
        self.lines.extend_from_slice(&other.lines);
        self.line_ends
            .extend(other.line_ends.iter().map(|end| start + end));
    }

    /// Forgets all rows, but keeps the memory that they took.
    pub fn clear(&mut self) {
        self.clear_for(self.features.len());
    }

    fn clear_for(&mut self, n_features: usize) {
        self.features.resize_with(n_features, Vec::new);
        self.features.iter_mut().for_each(Vec::clear);
        self.labels.clear();
        self.clients.clear();
        self.fingerprints.clear();
        self.levels.clear();
        self.rejections.clear();
        self.lines.clear();
        self.line_ends.clear();
        self.missing.clear();
        self.n_lines = 0;
        self.tolerated = Tolerated::default();
        self.long_fields.clear();
        self.open_quote = None;
    }
}

/// What blocks are parsed by.
pub(super) struct BlockParser<'a> {
    pub(super) columns: &'a ColumnMap,
    /// What the rows' fingerprints are taken under, if they are wanted.
    pub(super) key: Option<&'a FingerprintKey>,
    pub(super) lines: Lines,
}

impl BlockParser<'_> {
    /// Parses a block into `rows`, whose memory is used again; lines are counted from 0.
    pub(super) fn parse(&self, block: &Block, rows: &mut ParsedRows) {
        rows.clear_for(self.columns.features.len());
        let bytes = &block.bytes[block.start..];
        rows.open_quote = block
            .open_quote
            .and_then(|at| block.bytes.get(block.start..at))
            .map(line_breaks);
        let mut state = State {
            parser: self,
            rows,
            values: Vec::with_capacity(self.columns.features.len()),
            hasher: self.key.map(FingerprintKey::row_hasher),
            marks: block.marks,
        };
        match block.marks {
            Marks::Plain => state.take_plain(bytes),
            Marks::QuotesOrReturns => state.take_quoted(bytes),
        }
    }
}

struct State<'a> {
    parser: &'a BlockParser<'a>,
    rows: &'a mut ParsedRows,
    values: Vec<f64>,
    hasher: Option<RowHasher>,
    marks: Marks,
}

impl State<'_> {
    /// Without quotes and carriage returns every comma and line feed is one.
    fn take_plain(&mut self, bytes: &[u8]) {
        let encoding = match std::str::from_utf8(bytes) {
            Ok(_) => Encoding::Utf8,
            Err(_) => Encoding::Unknown,
        };
        let mut fields: Vec<Range<usize>> = Vec::with_capacity(self.parser.columns.names.len());
        let mut separators = Separators::default();
        separators.find(bytes);
        let mut start = 0;
        for at in separators.places() {
            fields.push(start..at);
            start = at + 1;
            if bytes[at] == b'\n' {
                self.take_line(bytes, &mut fields, encoding);
                self.rows.n_lines += 1;
            }
        }
        if start < bytes.len() || !fields.is_empty() {
            fields.push(start..bytes.len());
            self.take_line(bytes, &mut fields, encoding);
            self.rows.tolerated.ends_mid_line = true;
        }
        self.rows.tolerated.is_empty = bytes.is_empty();
    }

    /// Takes the record that ends here, and forgets its fields; an empty line is none.
    fn take_line(&mut self, bytes: &[u8], fields: &mut Vec<Range<usize>>, encoding: Encoding) {
        let is_empty_line = matches!(fields[..], [ref only] if only.is_empty());
        if !is_empty_line {
            let line = self.rows.n_lines;
            self.take(Record::new(bytes, fields, encoding), line);
        }
        fields.clear();
    }

    fn take_quoted(&mut self, bytes: &[u8]) {
        // The parser would drop a byte order mark from what it gets first, and only the file's is
        // one; behind an empty line it is text.
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(LineTracker::new(b"\n".chain(bytes)));
        let mut record = ByteRecord::new();
        let mut fields = Vec::new();
        // Reading bytes from memory cannot fail, and any bytes are records.
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let begins_at = record.position().map_or(0, csv::Position::byte);
            let line = reader.get_mut().line_of(begins_at) - 2;
            self.take(Record::of_parsed(&record, &mut fields), line);
        }
        let tracker = reader.get_ref();
        self.rows.n_lines = tracker.breaks() - 1;
        self.rows.tolerated = Tolerated {
            is_empty: bytes.is_empty(),
            ..tracker.tolerated()
        };
    }

    fn take(&mut self, record: Record<'_>, line: u64) {
        let BlockParser { columns, lines, .. } = *self.parser;
        self.rows.long_fields.look_into(record, line, self.marks);
        if columns.limits_missing_shares {
            columns.count_missing(record, &mut self.rows.missing);
        }
        let label = match columns.check(record, &mut self.values) {
            Ok(label) => label,
            Err(blame) => {
                self.rows.rejections.push(record.refused(blame, line));
                return;
            }
        };
        let id = record.field(columns.id);
        let rows = &mut *self.rows;
        for (column, value) in rows.features.iter_mut().zip(&self.values) {
            column.push(*value);
        }
        if columns.has_categories {
            columns.name_levels(record, &self.values, &mut rows.levels);
        }
        rows.labels.push(label);
        rows.clients.push(client_hash(id));
        if let Some(hasher) = &mut self.hasher {
            rows.fingerprints
                .push(hasher.of_row(id, &self.values, label));
        }
        if lines == Lines::Kept {
            match self.marks {
                // As it stands; most rows are.
                Marks::Plain if columns.is_in_order && record.is_trimmed() => {
                    rows.lines.extend_from_slice(record.text());
                    rows.lines.push(b'\n');
                }
                Marks::Plain => push_plain_line(&mut rows.lines, columns.texts(record)),
                Marks::QuotesOrReturns => push_line(&mut rows.lines, columns.texts(record)),
            }
            rows.line_ends.push(rows.lines.len());
        }
    }
}
