//! The rows to test.

use std::ops::Range;

use dataset::Table;

/// The rows to test. Their columns are those of the model.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The table that holds the rows.
    pub table: &'a Table,
    /// Range of the rows in the table.
    pub rows: Range<usize>,
}
