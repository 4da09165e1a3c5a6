//! The rows of one block, checked and identified.

use std::ops::Range;

use super::Rejection;
use super::header::{ColumnMap, IdColumn};
use super::long_fields::LongFields;
use super::record::Encoding;
use crate::cell::{DecimalMarks, Label, Marks};
use crate::fingerprint::{Fingerprint, FingerprintKey, RowHasher, client_number, public_hash};
use crate::level::LevelNames;
use crate::line::{first_field, push_line, push_plain_line};
use crate::row_id::{RowIds, content_hash, shared_part};
use crate::tokenizer::{Block, Format, LimitExceeded, Record, Tokenizer, Tolerated};

/// Rows of a file, in order.
#[derive(Default)]
pub struct ParsedRows {
    /// One vector per feature, in schema order; NaN stands for a missing value.
    pub features: Vec<Vec<f64>>,
    /// Label of each accepted row.
    pub labels: Vec<Label>,
    /// Public hash of each accepted row's client.
    pub clients: Vec<u64>,
    /// [Number](client_number) of each accepted row's client. Empty unless the reader wants numbers.
    pub client_numbers: Vec<u32>,
    /// Fingerprint of each accepted row. Empty if the reader has no key.
    pub fingerprints: Vec<Fingerprint>,
    /// The levels of the accepted rows' categories.
    pub levels: LevelNames,
    /// The rejected rows.
    pub rejections: Vec<Rejection>,
    /// The accepted rows as lines of finaldata.csv. Empty with [`Lines::Dropped`].
    lines: Vec<u8>,
    /// End position of each line in `lines`.
    line_ends: Vec<usize>,
    /// Hash of each accepted row's content. Empty if rows have an id.
    pub(super) contents: Vec<u64>,
    /// By feature, the number of records in which its cell is missing. Empty if the schema limits
    /// no share.
    pub(super) missing: Vec<u64>,
    /// By feature, counts of commas and points in numbers. Empty unless either may be the decimal
    /// mark.
    pub(super) marks: Vec<Marks>,
    /// Line breaks of the block.
    pub(super) n_lines: u64,
    pub(super) tolerated: Tolerated,
    /// Fields that are suspiciously long.
    pub(super) long_fields: LongFields,
    /// Line breaks before a quote that is never closed. `None` if there is no such quote.
    pub(super) open_quote: Option<u64>,
    /// The limit that the next record exceeds; the block is not read further.
    pub(super) exceeded: Option<LimitExceeded>,
}

/// What a reader returns for each accepted row in addition to its values, label and client.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Key of the rows' fingerprints; `None` if no fingerprints are wanted.
    pub key: Option<&'a FingerprintKey>,
    /// The rows as lines of finaldata.csv.
    pub lines: Lines,
    /// True if client numbers are wanted. A table without client numbers has no folds.
    pub client_numbers: bool,
}

impl Wanted<'_> {
    /// Values, label and client only.
    pub const VALUES: Self = Self {
        key: None,
        lines: Lines::Dropped,
        client_numbers: false,
    };
}

/// Choice to keep accepted rows as lines of finaldata.csv, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// The lines are kept.
    Kept,
    /// The lines are not made.
    Dropped,
}

impl ParsedRows {
    /// Number of accepted rows.
    pub fn accepted(&self) -> usize {
        self.labels.len()
    }

    /// Number of accepted and rejected rows.
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

    /// Id of an accepted row that was parsed with [`Lines::Kept`]. If rows have no id, it is the
    /// row id that this program made.
    pub fn id(&self, row: usize) -> Vec<u8> {
        first_field(self.lines(row..row + 1))
    }

    /// Approximate memory of the accepted rows, in bytes.
    pub fn bytes(&self) -> usize {
        let per_row = size_of::<f64>() * self.features.len()
            + size_of::<Label>()
            + size_of::<u64>()
            + size_of::<u32>()
            + size_of::<Fingerprint>()
            + size_of::<usize>()
            + size_of::<u64>();
        self.lines.len() + self.accepted() * per_row
    }

    /// Appends the accepted rows of another block. Rejected rows are not added.
    pub fn append(&mut self, other: &Self) {
        self.features
            .resize_with(other.features.len(), Vec::default);
        for (column, values) in self.features.iter_mut().zip(&other.features) {
            column.extend_from_slice(values);
        }
        self.labels.extend_from_slice(&other.labels);
        self.clients.extend_from_slice(&other.clients);
        self.client_numbers.extend_from_slice(&other.client_numbers);
        self.fingerprints.extend_from_slice(&other.fingerprints);
        self.levels.merge(&other.levels);
        let start = self.lines.len();
        self.lines.extend_from_slice(&other.lines);
        self.line_ends
            .extend(other.line_ends.iter().map(|end| start + end));
    }

    /// Gives row ids to rows without an id, in order. Fills in their clients, and their
    /// fingerprints if there is a key. Puts the row ids at the beginning of their lines.
    pub(super) fn add_row_ids(&mut self, ids: &mut RowIds, wanted: Wanted<'_>) {
        let mut hasher = wanted.key.map(FingerprintKey::row_hasher);
        let (lines, ends) = (
            std::mem::take(&mut self.lines),
            std::mem::take(&mut self.line_ends),
        );
        let mut start = 0;
        let mut values = Vec::with_capacity(self.features.len());
        for (row, content) in self.contents.iter().enumerate() {
            let id = ids.next_of(*content);
            self.clients.push(public_hash(shared_part(id)));
            if wanted.client_numbers {
                self.client_numbers.push(client_number(shared_part(id)));
            }
            if let Some(hasher) = &mut hasher {
                values.clear();
                values.extend(self.features.iter().map(|column| column[row]));
                let fingerprint = hasher.of_row(id, &values, self.labels[row]);
                self.fingerprints.push(fingerprint);
            }
            if let Some(end) = ends.get(row) {
                self.lines.extend_from_slice(id);
                self.lines.push(b',');
                self.lines.extend_from_slice(&lines[start..*end]);
                self.line_ends.push(self.lines.len());
                start = *end;
            }
        }
    }

    /// Removes all rows and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.clear_for(self.features.len());
    }

    fn clear_for(&mut self, n_features: usize) {
        self.features.resize_with(n_features, Vec::new);
        self.features.iter_mut().for_each(Vec::clear);
        self.labels.clear();
        self.clients.clear();
        self.client_numbers.clear();
        self.fingerprints.clear();
        self.levels.clear();
        self.rejections.clear();
        self.lines.clear();
        self.line_ends.clear();
        self.contents.clear();
        self.missing.clear();
        self.marks.clear();
        self.n_lines = 0;
        self.tolerated = Tolerated::default();
        self.long_fields.clear();
        self.open_quote = None;
        self.exceeded = None;
    }
}

/// Parses blocks of rows.
pub(super) struct BlockParser<'a> {
    pub(super) columns: &'a ColumnMap,
    pub(super) format: Format,
    pub(super) wanted: Wanted<'a>,
}

impl BlockParser<'_> {
    /// Parses a block into `rows` and reuses their memory. Lines are counted from 0.
    pub(super) fn parse(&self, block: &Block, rows: &mut ParsedRows) {
        let text = block.text();
        rows.clear_for(self.columns.features.len());
        let mut state = State {
            parser: self,
            rows,
            values: Vec::with_capacity(self.columns.features.len()),
            hasher: self.wanted.key.map(FingerprintKey::row_hasher),
            encoding: Encoding::of(text),
        };
        let mut tokenizer = Tokenizer::new(self.format);
        tokenizer.begin(text);
        let exceeded = loop {
            match tokenizer.advance(text) {
                Ok(true) => state.take(tokenizer.record(text)),
                Ok(false) => break None,
                Err(limit) => break Some(limit),
            }
        };
        rows.exceeded = exceeded;
        rows.open_quote = tokenizer.open_quote();
        rows.n_lines = tokenizer.lines();
        rows.tolerated = tokenizer.tolerated();
    }
}

struct State<'a> {
    parser: &'a BlockParser<'a>,
    rows: &'a mut ParsedRows,
    values: Vec<f64>,
    hasher: Option<RowHasher>,
    encoding: Encoding,
}

impl State<'_> {
    fn take(&mut self, record: Record<'_>) {
        let BlockParser {
            columns, wanted, ..
        } = *self.parser;
        self.rows.long_fields.look_into(record, record.line());
        if columns.limits_missing_shares {
            columns.count_missing(record, &mut self.rows.missing);
        }
        let label = match columns.check(&record, self.encoding, &mut self.values) {
            Ok(label) => label,
            Err(blame) => {
                let rejection = blame.rejection(record, record.line());
                self.rows.rejections.push(rejection);
                return;
            }
        };
        if columns.decimal == DecimalMarks::Either {
            columns.count_marks(record, &mut self.rows.marks);
        }
        let rows = &mut *self.rows;
        for (column, value) in rows.features.iter_mut().zip(&self.values) {
            column.push(*value);
        }
        if columns.has_categories {
            columns.name_levels(record, &self.values, &mut rows.levels);
        }
        rows.labels.push(label);
        match columns.id_of(record) {
            None => rows.contents.push(content_hash(&self.values, label)),
            Some(id) => {
                let client = match columns.id {
                    IdColumn::Row(_) => shared_part(id),
                    _ => id,
                };
                rows.clients.push(public_hash(client));
                if wanted.client_numbers {
                    rows.client_numbers.push(client_number(client));
                }
                if let Some(hasher) = &mut self.hasher {
                    rows.fingerprints
                        .push(hasher.of_row(id, &self.values, label));
                }
            }
        }
        if wanted.lines == Lines::Kept {
            if columns.rewrites_cells {
                push_line(
                    &mut rows.lines,
                    columns.rewritten(record, &self.values, label),
                );
            } else if !record.is_plain() {
                push_line(&mut rows.lines, columns.texts(record, label));
            } else if columns.is_as_written && record.is_trimmed() {
                // Most rows are copied without a change.
                rows.lines.extend_from_slice(record.text());
                rows.lines.push(b'\n');
            } else {
                push_plain_line(&mut rows.lines, columns.texts(record, label));
            }
            rows.line_ends.push(rows.lines.len());
        }
    }
}
