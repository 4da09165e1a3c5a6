//! The rows of a block.

use std::ops::Range;

/// Number of rows in a block.
pub(crate) const BLOCK_ROWS: usize = 256;

/// The positions of the rows of a block.
pub(crate) enum BlockRows<'a> {
    /// All positions of a range.
    Run(Range<usize>),
    /// Single positions.
    List(&'a [u32]),
}

impl BlockRows<'_> {
    /// Number of rows in the block.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Run(range) => range.len(),
            Self::List(positions) => positions.len(),
        }
    }

    /// The positions of the rows in the table.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|row| match self {
            Self::Run(range) => range.start + row,
            Self::List(positions) => positions[row] as usize,
        })
    }
}
