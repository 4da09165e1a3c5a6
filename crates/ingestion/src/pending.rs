//! Rows that wait until it is known which of them are new.
//!
//! Many are told apart at once, which is far cheaper than one by one, and files with few rows
//! share a batch.

use std::io::Write;

use dataset::{Firsts, ParsedRows, RecordWriter, firsts};

use crate::laid_rows::LaidRows;

/// Blocks smaller than this are joined, so that very many tiny files take the memory of their rows.
const SMALL_BLOCK_BYTES: usize = 128 * 1024;

/// Accepted rows of some files, in order.
pub(crate) struct Pending {
    /// The first so many of `blocks` hold rows; the others are memory to be used again.
    used: usize,
    blocks: Vec<ParsedRows>,
    parts: Vec<Part>,
    bytes: usize,
    limit: usize,
}

/// Rows of one file that stand together.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// The file's position among those that are read.
    pub(crate) file: usize,
    /// How many rows.
    pub(crate) rows: usize,
}

impl Pending {
    /// None, and room for about `limit` bytes of them.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            used: 0,
            blocks: Vec::new(),
            parts: Vec::new(),
            bytes: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Whether it is time to tell them apart; a block always finds room.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Takes over the accepted rows of a block of a file.
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

    /// The first of equal rows.
    pub(crate) fn firsts(&self) -> Firsts {
        firsts(self.blocks().map(|block| block.fingerprints.as_slice()))
    }

    /// Writes the new rows, those that stand together together.
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

    /// Puts the new rows behind those that were laid.
    pub(crate) fn append_new(&self, is_new: &[bool], laid: &mut LaidRows) {
        for (rows, is_new) in self.blocks_with(is_new) {
            if is_new.iter().all(|new| *new) {
                laid.append_all(rows);
            } else {
                let places = (0..is_new.len()).filter(|row| is_new[*row]);
                laid.append(rows, &places.collect::<Vec<_>>());
            }
        }
    }

    /// The blocks, each with what is said of its rows.
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

    /// The rows, in order.
    fn blocks(&self) -> impl Iterator<Item = &ParsedRows> + Clone {
        self.blocks[..self.used].iter()
    }

    /// Where the rows come from, in order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many there are.
    pub(crate) fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.blocks[..self.used]
            .iter_mut()
            .for_each(ParsedRows::clear);
        self.used = 0;
        self.parts.clear();
        self.bytes = 0;
    }
}
