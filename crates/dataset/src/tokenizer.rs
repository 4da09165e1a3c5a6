//! The grammar of CSV: where the records and fields of a text end.
//!
//! A text is cut into blocks, each of which ends where a record ends ([`Blocks`]). The
//! [`Tokenizer`] then finds the records of a block one after another. Both follow the rules of the
//! `csv` crate:
//!
//! - Fields end with the separator; records end with LF, CRLF or CR. An empty line is no record.
//! - A field whose first byte is a quote is quoted. Separators and line breaks within its quotes
//!   are text, and two quotes in a row are one quote of the text. Text after the closing quote
//!   belongs to the field.
//! - A quote anywhere else is text.
//! - A byte order mark at the beginning of a text is skipped.

mod beginning;
mod blocks;
mod format;
mod records;
mod structure;
mod tolerated;

pub(crate) use self::beginning::Beginning;
pub(crate) use self::blocks::{Block, Blocks, CutError, LongRecord};
pub(crate) use self::format::{Detection, SEPARATORS};
pub use self::format::{Dialect, Format, LimitExceeded, Limits};
pub(crate) use self::records::{Record, Tokenizer};
pub(crate) use self::tolerated::Tolerated;

/// Line breaks in a text: LF, CRLF and CR.
pub(crate) fn line_breaks(text: &[u8]) -> u64 {
    let (mut breaks, mut last_was_cr) = (0, false);
    for byte in text {
        let continues_cr = last_was_cr && *byte == b'\n';
        breaks += u64::from(matches!(byte, b'\n' | b'\r') && !continues_cr);
        last_was_cr = *byte == b'\r';
    }
    breaks
}

#[cfg(test)]
mod tests;
