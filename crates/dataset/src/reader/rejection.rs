//! Rejected rows.

use crate::cell::CellProblem;

/// What is wrong with a refused row, for a caller that answers by kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowFlaw {
    /// A field spans lines and has text after its closing quote.
    StrayQuote,
    /// It has more or fewer fields than the header, or a lone CR cuts it.
    FieldCount,
    /// A field is not UTF-8.
    NotUtf8,
    /// The client has no name.
    NoClient,
    /// A cell does not serve.
    Cell(CellProblem),
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Line that the row begins on, counted from 1.
    pub line: u64,
    /// Field that is to blame, counted from 1.
    pub column: usize,
    /// What is wrong with it.
    pub reason: String,
    /// The row's cells as CSV, with control characters and invalid bytes as `\xHH`.
    pub text: String,
}
