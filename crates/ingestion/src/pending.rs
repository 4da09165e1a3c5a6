//! Pending rows: accepted rows that were not yet compared with the known rows.
//!
//! Comparing many rows at once is far cheaper than one by one. Files with few rows share a batch.

use std::io::Write;

use dataset::{FirstOccurrences, ParsedRows, RecordWriter, first_occurrences};

use crate::ingested_rows::IngestedRows;

/// Blocks smaller than this are joined. Very many tiny files then need only the memory of their
/// rows.
const SMALL_BLOCK_BYTES: usize = 128 * 1024;

/// Accepted rows of one or more files, in order.
pub(crate) struct Pending {
    /// Number of blocks in use, from the first. The other blocks are memory to reuse.
    used: usize,
    blocks: Vec<ParsedRows>,
    parts: Vec<Part>,
    bytes: usize,
    limit: usize,
}

/// Consecutive rows of one file.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// Position of the file among the planned files.
    pub(crate) file: usize,
    /// Number of rows.
    pub(crate) rows: usize,
}

impl Pending {
    /// An empty buffer for about `limit` bytes of rows.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            used: 0,
            blocks: Vec::new(),
            parts: Vec::new(),
            bytes: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// True if the buffer holds `limit` bytes or more. A block is accepted even then.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Moves the accepted rows of a block into the buffer.
    pub(crate) fn push(&mut self, file: usize, rows: &mut ParsedRows) {
        if rows.accepted() == 0 {
            return;
        }
        self.bytes += rows.bytes();
        match self.parts.last_mut() {
            Some(part) if part.file == file => part.rows += rows.accepted(),
            _ => self.parts.push(Part {
                file,
                rows: rows.accepted(),
            }),
        }
        if let Some(last) = self.blocks[..self.used].last_mut()
            && last.bytes() + rows.bytes() < SMALL_BLOCK_BYTES
        {
            last.append(rows);
            return;
        }
        if self.used == self.blocks.len() {
            self.blocks.push(ParsedRows::default());
        }
        std::mem::swap(&mut self.blocks[self.used], rows);
        self.used += 1;
    }

    /// Distinct fingerprints of the rows, each with its first place.
    pub(crate) fn first_occurrences(&self) -> FirstOccurrences {
        first_occurrences(self.blocks().map(|block| block.fingerprints.as_slice()))
    }

    /// Writes the new rows, in order. Consecutive new rows are written at once.
    pub(crate) fn write_new<W: Write>(
        &self,
        is_new: &[bool],
        to: &mut RecordWriter<W>,
    ) -> std::io::Result<()> {
        for (rows, is_new) in self.blocks_with(is_new) {
            let mut start = 0;
            for run in is_new.chunk_by(|row, next| row == next) {
                let end = start + run.len();
                if run[0] {
                    to.write_lines(rows.lines(start..end))?;
                }
                start = end;
            }
        }
        Ok(())
    }

    /// Appends the new rows to the ingested rows.
    pub(crate) fn append_new(&self, is_new: &[bool], ingested: &mut IngestedRows) {
        for (rows, is_new) in self.blocks_with(is_new) {
            if is_new.iter().all(|new| *new) {
                ingested.append_all(rows);
            } else {
                let places = (0..is_new.len()).filter(|row| is_new[*row]);
                ingested.append(rows, &places.collect::<Vec<_>>());
            }
        }
    }

    /// The blocks in order, each with the flags of its rows.
    fn blocks_with<'a>(
        &'a self,
        is_new: &'a [bool],
    ) -> impl Iterator<Item = (&'a ParsedRows, &'a [bool])> {
        self.blocks().scan(is_new, |rest, rows| {
            let (of_block, others) = rest.split_at(rows.accepted());
            *rest = others;
            Some((rows, of_block))
        })
    }

    /// The blocks that hold rows, in order.
    fn blocks(&self) -> impl Iterator<Item = &ParsedRows> + Clone {
        self.blocks[..self.used].iter()
    }

    /// The files of the rows, in order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Removes the rows and keeps the allocated memory.
    pub(crate) fn clear(&mut self) {
        self.blocks[..self.used]
            .iter_mut()
            .for_each(ParsedRows::clear);
        self.used = 0;
        self.parts.clear();
        self.bytes = 0;
    }
}
