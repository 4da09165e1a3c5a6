//! The dialect of a text, and the limits on what it may hold.

use std::fmt;

/// How a text is written, and how much of it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// What separates and quotes fields.
    pub dialect: Dialect,
    /// True if the first records of the text decide what separates fields.
    pub detects_separator: bool,
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

/// The separators that are recognised, with their names.
pub(crate) const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "vertical bars"),
];

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
        detects_separator: false,
        limits: Limits::NONE,
    };

    /// The format of a foreign file, whose separator is detected.
    pub const FOREIGN: Self = Self {
        dialect: Dialect::COMMA,
        detects_separator: true,
        limits: Limits {
            record_bytes: MAX_RECORD_BYTES,
            ..Limits::NONE
        },
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
