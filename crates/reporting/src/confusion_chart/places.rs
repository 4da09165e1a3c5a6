//! The places of the parts of the picture, in pixels.

use crate::canvas::Region;

/// Width and height of the picture in pixels.
pub(super) const SIZE: (u32, u32) = (1000, 840);

/// Margin on the left and on the right, in pixels.
pub(super) const MARGIN: i32 = 40;
pub(super) const RIGHT: i32 = SIZE.0 as i32 - MARGIN;
/// The line under the header.
pub(super) const RULE: Region = Region {
    left: MARGIN,
    top: 172,
    width: RIGHT - MARGIN,
    height: 1,
};
/// Upper left corner of the four cells, the size of a cell and the gap between two.
pub(super) const GRID: (i32, i32) = (250, 284);
pub(super) const CELL: (i32, i32) = (350, 212);
const GAP: i32 = 10;
/// The colour bar.
pub(super) const BAR: Region = Region {
    left: GRID.0,
    top: 738,
    width: RIGHT - GRID.0,
    height: 14,
};

/// The place of a cell.
pub(super) fn cell_region(observed: usize, predicted: usize) -> Region {
    Region::new(
        GRID.0 + predicted as i32 * (CELL.0 + GAP),
        GRID.1 + observed as i32 * (CELL.1 + GAP),
        CELL.0,
        CELL.1,
    )
}
