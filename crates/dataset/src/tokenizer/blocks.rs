//! Cuts a text into blocks that each end where a record ends. Several threads can then parse the
//! blocks.

use std::io::{self, Read};

use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use memchr::{memchr, memrchr};

use super::beginning::Beginning;
use super::format::{Detection, Format, LimitExceeded};
use super::records::Tokenizer;

/// Size of a block in bytes, unless a record is longer.
const BLOCK_BYTES: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a text and cuts it into blocks.
pub(crate) struct Blocks<R> {
    /// The text as UTF-8.
    inner: DecodeReaderBytes<R, Vec<u8>>,
    format: Format,
    /// What the first records show. `None` before they were read, or if they are not examined.
    beginning: Option<Beginning>,
    /// Bytes that were read after the end of the last block.
    carried: Vec<u8>,
    block_bytes: usize,
    is_at_start: bool,
    /// True once the text has ended. The text is then not read again: reading a request's body after its
    /// end is an error.
    is_at_end: bool,
    /// Number of bytes in all blocks so far.
    passed: u64,
    tokenizer: Tokenizer,
}

/// Whole records of a text.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Byte offset of the first record.
    pub(crate) start: usize,
    /// True if a byte order mark stands before the first record.
    pub(crate) has_byte_order_mark: bool,
}

/// The reason why there is no next block.
#[derive(Debug)]
pub(crate) enum CutError {
    /// The next record does not end within its limit.
    LongRecord(LongRecord),
    /// The next record exceeds another limit.
    Exceeded(LimitExceeded),
    /// The text could not be read.
    Unreadable(io::Error),
}

/// A record that is longer than its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongRecord {
    /// Line breaks in the record before a quote that is still open; `None` if there is none.
    pub(crate) quote: Option<u64>,
}

impl Block {
    /// The text of the records.
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
            // With passthrough and an encoding, a byte order mark of UTF-8 would not override the
            // encoding.
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

    /// Number of bytes in all blocks so far, as UTF-8.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// What the first records show; `None` if they were not examined.
    pub(crate) fn beginning(&self) -> Option<Beginning> {
        self.beginning
    }

    /// Fills a block. Returns false at the end of the text.
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

    /// End of the last record that certainly ends within this text. If there is none, the end of
    /// the empty lines at the beginning.
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
                // The records before the one with an error come first.
                Err(_) if end > 0 => return Ok(end),
                Err(limit) => return Err(CutError::Exceeded(limit)),
            }
        }
    }
}

/// The certain end of the empty lines at the beginning of a text.
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

/// True if a record ends at this place, whatever follows the text. If the text ends with CR, the
/// next byte may be the LF of the same line break.
fn is_certain(text: &[u8], end: usize) -> bool {
    end < text.len() || text.ends_with(b"\n")
}
