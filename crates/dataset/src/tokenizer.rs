//! The grammar of CSV: where the records and fields of a text end.
//!
//! A text is cut into blocks that end where a record ends ([`Blocks`]), and the records of a block
//! are found one after another ([`Tokenizer`]). Both follow the rules of the `csv` crate:
//!
//! - Fields end with the separator; records end with LF, CRLF or CR. An empty line is no record.
//! - A field whose first byte is a quote is quoted. Separators and line breaks within the quotes
//!   are text, and two quotes stand for one. Text after the closing quote belongs to the field.
//! - A quote anywhere else is text.
//! - A byte order mark at the beginning of a text is skipped.

mod blocks;
mod records;
mod structure;

use std::fmt;

pub(crate) use self::blocks::{Block, Blocks, CutError, LongRecord};
pub(crate) use self::records::{Record, Tokenizer};

/// How a text is written, and how much of it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// What separates and quotes fields.
    pub dialect: Dialect,
    /// What the text may hold.
    pub limits: Limits,
}

/// What separates and quotes fields; commas and double quotes by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between two fields.
    pub separator: u8,
    /// The byte around a field that holds separators or line breaks.
    pub quote: u8,
}

/// What a text may hold; reading ends with an error where it holds more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fields of a record.
    pub fields: u64,
    /// Bytes of a field as it is written, its quotes included.
    pub field_bytes: u64,
    /// Bytes of a record that does not end.
    pub record_bytes: usize,
}

/// A limit that a text exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitExceeded {
    /// A record has more fields.
    Fields(u64),
    /// A field has more bytes.
    FieldBytes(u64),
}

/// The longest record of a foreign file; a longer one is an open quote, or no client data.
const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

impl Dialect {
    /// Commas and double quotes.
    pub const COMMA: Self = Self {
        separator: b',',
        quote: b'"',
    };
}

impl Default for Dialect {
    fn default() -> Self {
        Self::COMMA
    }
}

impl Format {
    /// The format of the files that this program writes.
    pub const OWN: Self = Self {
        dialect: Dialect::COMMA,
        limits: Limits::NONE,
    };
}

impl Default for Limits {
    /// The limits of a foreign file: any fields, in records of 16 MiB at most.
    fn default() -> Self {
        Self {
            record_bytes: MAX_RECORD_BYTES,
            ..Self::NONE
        }
    }
}

impl Limits {
    /// No limit, for files that this program wrote.
    pub const NONE: Self = Self {
        fields: u64::MAX,
        field_bytes: u64::MAX,
        record_bytes: usize::MAX,
    };
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(limit) => write!(to, "a record has more than {limit} fields"),
            Self::FieldBytes(limit) => write!(to, "a field is longer than {limit} bytes"),
        }
    }
}

/// Unusual properties of a text that are tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerated {
    pub(crate) is_empty: bool,
    pub(crate) has_byte_order_mark: bool,
    pub(crate) has_crlf: bool,
    pub(crate) has_lone_cr: bool,
    pub(crate) ends_mid_line: bool,
}

impl Tolerated {
    /// Joins the properties of the text that follows.
    pub(crate) fn join(&mut self, later: Self) {
        if later.is_empty {
            return;
        }
        self.is_empty = false;
        self.has_byte_order_mark |= later.has_byte_order_mark;
        self.has_crlf |= later.has_crlf;
        self.has_lone_cr |= later.has_lone_cr;
        self.ends_mid_line = later.ends_mid_line;
    }

    /// One sentence for each property.
    pub(crate) fn sentences(self) -> impl Iterator<Item = &'static str> {
        let found = [
            (self.has_byte_order_mark, "it begins with a byte order mark"),
            (self.has_crlf, "lines end with CR LF"),
            (self.has_lone_cr, "lines end with CR alone"),
            (self.ends_mid_line, "the last line has no line break"),
        ];
        found
            .into_iter()
            .filter_map(|(is_so, what)| is_so.then_some(what))
    }
}

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
