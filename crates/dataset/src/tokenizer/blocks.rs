//! A text cut into blocks that each end where a record ends, so that blocks can be parsed by
//! several threads.

use std::io::{self, Read};

use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use memchr::{memchr, memrchr};

use super::beginning::Beginning;
use super::format::{Detection, Format, LimitExceeded};
use super::records::Tokenizer;

/// Bytes of a block, unless a record is longer.
const BLOCK_BYTES: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts the text that it reads.
pub(crate) struct Blocks<R> {
    /// The text as UTF-8.
    inner: DecodeReaderBytes<R, Vec<u8>>,
    format: Format,
    /// What the first records show; `None` before they were read, or if they are not looked at.
    beginning: Option<Beginning>,
    /// Bytes that were read after the end of the last block.
    carried: Vec<u8>,
    block_bytes: usize,
    is_at_start: bool,
    /// The text ended. It is not read again: a body that arrives in pieces has one end.
    is_at_end: bool,
    /// Bytes of all blocks so far.
    passed: u64,
    tokenizer: Tokenizer,
}

/// Some whole records.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Where its records begin.
    pub(crate) start: usize,
    /// A byte order mark stands before its records.
    pub(crate) has_byte_order_mark: bool,
}

/// Why there is no next block.
#[derive(Debug)]
pub(crate) enum CutError {
    /// The next record does not end within its limit.
    LongRecord(LongRecord),
    /// The next record exceeds another limit.
    Exceeded(LimitExceeded),
    /// The text could not be read.
    Unreadable(io::Error),
}

/// A record whose end was not looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongRecord {
    /// Line breaks of it before the quote that is open, if one is.
    pub(crate) quote: Option<u64>,
}

impl Block {
    /// Its records.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(inner: R, format: Format) -> Self {
        let mut decoder = DecodeReaderBytesBuilder::new();
        let has_mark = format.detection != Detection::Nothing;
        decoder
            .encoding(format.encoding)
            // With both, a byte order mark of UTF-8 would not override the encoding.
            .utf8_passthru(format.encoding.is_none())
            .bom_sniffing(has_mark)
            .bom_override(has_mark);
        Self {
            inner: decoder.build(inner),
            format,
            beginning: None,
            carried: Vec::new(),
            block_bytes: BLOCK_BYTES,
            is_at_start: true,
            is_at_end: false,
            passed: 0,
            tokenizer: Tokenizer::new(format),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_size(inner: R, format: Format, block_bytes: usize) -> Self {
        Self {
            block_bytes,
            ..Self::new(inner, format)
        }
    }

    /// The format of the text. Its separator is known once the first block is filled.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Bytes of all blocks so far, as UTF-8.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// What the first records show.
    pub(crate) fn beginning(&self) -> Option<Beginning> {
        self.beginning
    }

    /// Fills a block; `false` at the end of the text.
    pub(crate) fn next(&mut self, block: &mut Block) -> Result<bool, CutError> {
        let bytes = &mut block.bytes;
        bytes.clear();
        bytes.append(&mut self.carried);
        block.start = 0;
        block.has_byte_order_mark = false;
        if self.is_at_end {
            return Ok(false);
        }
        let mut wanted = self.block_bytes.max(bytes.len());
        loop {
            let missing = wanted - bytes.len();
            let read = Read::by_ref(&mut self.inner)
                .take(missing as u64)
                .read_to_end(bytes)
                .map_err(CutError::Unreadable)?;
            let is_whole = read < missing;
            block.has_byte_order_mark = self.is_at_start && bytes.starts_with(BYTE_ORDER_MARK);
            block.start = if block.has_byte_order_mark {
                BYTE_ORDER_MARK.len()
            } else {
                0
            };
            if self.format.detection != Detection::Nothing
                && self.beginning.is_none()
                && let Some(beginning) = Beginning::of(&bytes[block.start..], is_whole, self.format)
            {
                self.format = self.format.separated_by(beginning.separator);
                self.beginning = Some(beginning);
                self.tokenizer = Tokenizer::new(self.format);
            }
            let end = if is_whole {
                bytes.len()
            } else {
                match self.end_of_records(&bytes[block.start..])? {
                    0 => 0,
                    end => block.start + end,
                }
            };
            if end > 0 || is_whole {
                self.is_at_start = false;
                self.is_at_end = is_whole;
                self.carried.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
                self.passed += end as u64;
                return Ok(end > 0);
            }
            if bytes.len() >= self.format.limits.record_bytes {
                return Err(CutError::LongRecord(LongRecord {
                    quote: self.tokenizer.open_quote(),
                }));
            }
            wanted = bytes.len() * 2;
        }
    }

    /// Where the last record of a text ends that surely has its end in it. Where none has, where the
    /// empty lines at the beginning end.
    fn end_of_records(&mut self, text: &[u8]) -> Result<usize, CutError> {
        let has_quotes = memchr(self.format.dialect.quote, text).is_some();
        if !has_quotes && let Some(at) = memrchr(b'\n', text) {
            return Ok(at + 1);
        }
        let tokenizer = &mut self.tokenizer;
        tokenizer.begin(text);
        let mut end = 0;
        loop {
            match tokenizer.advance(text) {
                Ok(true) if is_certain(text, tokenizer.position()) => end = tokenizer.position(),
                Ok(_) if end == 0 => return Ok(end_of_empty_lines(text)),
                Ok(_) => return Ok(end),
                // The records before it come first.
                Err(_) if end > 0 => return Ok(end),
                Err(limit) => return Err(CutError::Exceeded(limit)),
            }
        }
    }
}

/// Where the empty lines at the beginning of a text surely end.
fn end_of_empty_lines(text: &[u8]) -> usize {
    let end = text
        .iter()
        .position(|byte| !matches!(byte, b'\n' | b'\r'))
        .unwrap_or(text.len());
    if is_certain(text, end) {
        end
    } else {
        end.saturating_sub(1)
    }
}

/// A record ends at a place whatever follows the text: after a CR at the end of the text an LF may
/// follow that belongs to the same line break.
fn is_certain(text: &[u8], end: usize) -> bool {
    end < text.len() || text.ends_with(b"\n")
}
