//! Rejected rows.

use crate::cell::CellProblem;

/// The kind of flaw in a rejected row, for a caller that treats kinds differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowFlaw {
    /// A field spans lines and has text after its closing quote.
    StrayQuote,
    /// The row has more or fewer fields than the header, or a CR without LF cuts it.
    FieldCount,
    /// A field is not UTF-8.
    NotUtf8,
    /// The id of the client is empty.
    NoClient,
    /// A cell is invalid.
    Cell(CellProblem),
}

/// A rejected row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Line that the row begins on, counted from 1.
    pub line: u64,
    /// The field with the flaw, counted from 1.
    pub column: usize,
    /// The reason as a sentence.
    pub reason: String,
    /// The row's cells as CSV, with control characters and invalid bytes as `\xHH`.
    pub text: String,
}
