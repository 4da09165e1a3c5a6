//! The dialect and encoding of a text, and the limits on what it may hold.

use std::fmt;

use common::config::{DecimalMark, TextSettings};
use encoding_rs::Encoding;

use crate::cell::DecimalMarks;

/// How a text is written, and how much of it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// What separates and quotes fields, and the decimal mark of numbers.
    pub dialect: Dialect,
    /// How the first records of the text are examined.
    pub(crate) detection: Detection,
    /// Decimal marks if commas separate the fields.
    pub(crate) decimal_of_commas: DecimalMarks,
    /// Decimal marks if another byte separates the fields.
    pub(crate) decimal_of_others: DecimalMarks,
    /// True if a column in which every point is followed by three digits is ambiguous, because the points
    /// may separate thousands. False for requests: in their few rows such points are decimal marks.
    pub(crate) rejects_ambiguous_points: bool,
    /// Encoding of a text without a byte order mark; `None` for UTF-8.
    pub(crate) encoding: Option<&'static Encoding>,
    /// Limits on the size of the text's parts.
    pub limits: Limits,
}

/// What is recognised from the first records of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Detection {
    /// Nothing: the first records are not examined.
    #[default]
    Nothing,
    /// Titles before the header, and whether each row ends with a separator.
    Surroundings,
    /// The same, and the separator.
    Separator,
}

/// What separates and quotes fields; commas and double quotes by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between two fields.
    pub separator: u8,
    /// The byte around a field that holds separators or line breaks.
    pub quote: u8,
    /// Decimal marks of numbers; a point by default.
    pub decimal: DecimalMarks,
}

/// Limits on the parts of a text. Reading ends with an error if one is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of fields in a record.
    pub fields: u64,
    /// Maximum number of bytes in a field as it is written, including its quotes.
    pub field_bytes: u64,
    /// Number of bytes after which a record without an end is an error.
    pub record_bytes: usize,
}

/// A limit that a text exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitExceeded {
    /// A record has more fields than this.
    Fields(u64),
    /// A field has more bytes than this.
    FieldBytes(u64),
}

/// The separators that are recognised, with their names.
pub(crate) const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "vertical bars"),
];

/// Maximum number of bytes in a record of a foreign file. A longer record has an open quote, or is
/// no client data.
const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

impl Dialect {
    /// Commas and double quotes.
    pub const COMMA: Self = Self {
        separator: b',',
        quote: b'"',
        decimal: DecimalMarks::Point,
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
        detection: Detection::Nothing,
        decimal_of_commas: DecimalMarks::Point,
        decimal_of_others: DecimalMarks::Either,
        rejects_ambiguous_points: true,
        encoding: None,
        limits: Limits::NONE,
    };

    /// The format of a foreign text under the default settings.
    pub const FOREIGN: Self = Self {
        detection: Detection::Separator,
        limits: Limits::FOREIGN,
        ..Self::OWN
    };

    /// The format of a foreign text.
    pub fn foreign(settings: &TextSettings) -> Self {
        let decimal = settings.decimal.map(|mark| match mark {
            DecimalMark::Point => DecimalMarks::Point,
            DecimalMark::Comma => DecimalMarks::Comma,
        });
        let format = Self {
            decimal_of_commas: decimal.unwrap_or(Self::FOREIGN.decimal_of_commas),
            decimal_of_others: decimal.unwrap_or(Self::FOREIGN.decimal_of_others),
            encoding: (settings.encoding != encoding_rs::UTF_8).then_some(settings.encoding),
            ..Self::FOREIGN
        };
        match settings.separator {
            None => format,
            Some(separator) => Self {
                detection: Detection::Surroundings,
                ..format.separated_by(separator)
            },
        }
    }

    /// The format of a request's body. Only the decimal mark of the settings counts; separator and encoding
    /// are found in the body. In a body with commas between fields the decimal mark is a point, as in the
    /// requests that this program writes.
    pub fn of_body(settings: &TextSettings) -> Self {
        let settings = TextSettings {
            decimal: settings.decimal,
            ..TextSettings::default()
        };
        Self {
            decimal_of_commas: DecimalMarks::Point,
            rejects_ambiguous_points: false,
            ..Self::foreign(&settings)
        }
    }

    /// The format with this separator, and with the decimal marks that belong to the separator.
    pub(crate) fn separated_by(self, separator: u8) -> Self {
        let decimal = match separator {
            b',' => self.decimal_of_commas,
            _ => self.decimal_of_others,
        };
        let dialect = Dialect {
            separator,
            decimal,
            ..self.dialect
        };
        Self { dialect, ..self }
    }
}

impl Default for Limits {
    /// The limits of a foreign file: records of at most 16 MiB, with any fields.
    fn default() -> Self {
        Self::FOREIGN
    }
}

impl Limits {
    /// No limit, for files that this program wrote.
    pub const NONE: Self = Self {
        fields: u64::MAX,
        field_bytes: u64::MAX,
        record_bytes: usize::MAX,
    };

    /// The limits of a foreign file: records of at most 16 MiB, with any fields.
    pub const FOREIGN: Self = Self {
        record_bytes: MAX_RECORD_BYTES,
        ..Self::NONE
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
