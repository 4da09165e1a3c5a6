//! A file cut into blocks that each end where a record ends.
//!
//! Blocks can be parsed on their own, so by several threads. A line break within quotes ends no
//! record; which quotes count is decided by the rules of the CSV parser.

use std::io::{self, Read};

use memchr::memrchr;

use super::lines::{BYTE_ORDER_MARK, line_breaks};
use super::quotes::scan;

/// Bytes of a block, unless a record is longer.
const BLOCK_BYTES: usize = 256 * 1024;
/// The longest record that is taken for one; beyond it a quote is open, or it is no client data.
pub(super) const LONGEST_RECORD: usize = 16 * 1024 * 1024;

/// Cuts what it reads.
pub(crate) struct Blocks<R> {
    inner: R,
    /// What was read behind the end of the last block.
    carried: Vec<u8>,
    block_bytes: usize,
    longest_record: usize,
    is_at_start: bool,
}

/// Some whole records.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Where its first record begins.
    pub(crate) start: usize,
    pub(crate) marks: Marks,
    /// Where the quote stands that is open at the end of the file.
    pub(crate) open_quote: Option<usize>,
}

/// Whether the parsing of a block has to mind more than commas and line feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Marks {
    /// It holds no quote and no carriage return.
    #[default]
    Plain,
    /// It does.
    QuotesOrReturns,
}

/// Why there is no next block.
#[derive(Debug)]
pub(crate) enum CutError {
    /// The next record is longer than [`LONGEST_RECORD`].
    LongRecord(LongRecord),
    /// The file could not be read.
    Unreadable(io::Error),
}

/// A record whose end was not looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongRecord {
    /// Line breaks of it before the quote that is open, if one is.
    pub(crate) quote: Option<u64>,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            carried: Vec::new(),
            block_bytes: BLOCK_BYTES,
            longest_record: LONGEST_RECORD,
            is_at_start: true,
        }
    }

    /// A file of ours: its records were taken once, and quotes may have made them longer since.
    pub(super) fn of_any_length(inner: R) -> Self {
        Self {
            longest_record: usize::MAX,
            ..Self::new(inner)
        }
    }

    /// Fills a block; `false` at the end of the file.
    pub(crate) fn next(&mut self, block: &mut Block) -> Result<bool, CutError> {
        let bytes = &mut block.bytes;
        bytes.clear();
        bytes.append(&mut self.carried);
        block.start = 0;
        block.open_quote = None;
        let mut wanted = self.block_bytes.max(bytes.len());
        loop {
            let missing = wanted - bytes.len();
            let read = Read::by_ref(&mut self.inner)
                .take(missing as u64)
                .read_to_end(bytes)
                .map_err(CutError::Unreadable)?;
            let is_whole = read < missing;
            block.marks = marks(bytes);
            let mark = self.byte_order_mark(bytes);
            let (end, open_quote) = ends(&bytes[mark..], block.marks);
            let open_quote = open_quote.map(|at| mark + at);
            let end = match end {
                _ if is_whole => bytes.len(),
                0 => 0,
                end => mark + end,
            };
            if end > 0 || is_whole {
                self.is_at_start = false;
                self.carried.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
                block.open_quote = open_quote.filter(|_| is_whole);
                return Ok(end > 0);
            }
            if bytes.len() >= self.longest_record {
                let quote = open_quote.map(|at| line_breaks(&bytes[..at]));
                return Err(CutError::LongRecord(LongRecord { quote }));
            }
            wanted = bytes.len() * 2;
        }
    }

    /// Length of the mark that the parser passes over where a file begins.
    fn byte_order_mark(&self, bytes: &[u8]) -> usize {
        let has_one = self.is_at_start && bytes.starts_with(BYTE_ORDER_MARK);
        if has_one { BYTE_ORDER_MARK.len() } else { 0 }
    }

    #[cfg(test)]
    pub(super) fn of_size(inner: R, block_bytes: usize) -> Self {
        Self {
            block_bytes,
            ..Self::new(inner)
        }
    }
}

fn marks(bytes: &[u8]) -> Marks {
    if memchr::memchr2(b'"', b'\r', bytes).is_some() {
        Marks::QuotesOrReturns
    } else {
        Marks::Plain
    }
}

/// Where the last record of some bytes that begin with one ends for certain, 0 when none does, and
/// where the quote stands that is open at their end.
fn ends(bytes: &[u8], marks: Marks) -> (usize, Option<usize>) {
    match marks {
        Marks::Plain => (memrchr(b'\n', bytes).map_or(0, |at| at + 1), None),
        Marks::QuotesOrReturns => {
            let scanned = scan(bytes);
            (scanned.end, scanned.open_quote)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::of_size(text, size);
        let mut block = Block::default();
        let mut found = Vec::new();
        while blocks.next(&mut block).expect("short records") {
            found.push(block.bytes.clone());
        }
        found
    }

    fn records(text: &[u8]) -> Vec<csv::ByteRecord> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text)
            .into_byte_records()
            .map(|record| record.expect("bytes are always records"))
            .collect()
    }

    proptest! {
        #[test]
        fn no_record_is_cut_and_none_is_lost(text in "[a,\"\r\n]{0,60}", size in 1_usize..20) {
            let blocks = cut(text.as_bytes(), size);
            prop_assert_eq!(blocks.concat(), text.as_bytes());
            let of_blocks: Vec<_> = blocks.iter().flat_map(|block| records(block)).collect();
            prop_assert_eq!(of_blocks, records(text.as_bytes()), "{:?}", blocks);
        }
    }

    #[test]
    fn a_record_without_end_is_refused_before_it_fills_the_memory() {
        let endless = b"\"".chain(io::repeat(b'x'));
        let mut blocks = Blocks::new(endless);
        let found = blocks.next(&mut Block::default());
        assert!(matches!(found, Err(CutError::LongRecord(_))));
    }
}
