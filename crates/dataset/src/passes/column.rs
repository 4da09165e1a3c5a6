//! Blocks of rows, column by column. A block is small enough for the fastest cache.
//!
//! Sums are split into a fixed number of lanes. The compiler can therefore add several rows with
//! one instruction, and every machine adds the rows in the same order.

use super::block_rows::{BLOCK_ROWS, BlockRows};

/// Number of lanes: sums that are computed side by side. Row r belongs to lane r mod `LANES`.
const LANES: usize = 4;
const STEPS: usize = BLOCK_ROWS / LANES;

/// A column of a block: one value for each row.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Column([[f64; LANES]; STEPS]);

impl Column {
    /// A column with the same value in all rows.
    pub(crate) const fn of(value: f64) -> Self {
        Self([[value; LANES]; STEPS])
    }

    /// Fills the column from the cells of a table's column in these rows: `value` converts each cell. The
    /// values after the last row are 0.
    #[inline(always)]
    pub(crate) fn fill<T: Copy>(
        &mut self,
        column: &[T],
        rows: &BlockRows<'_>,
        value: impl Fn(T) -> f64,
    ) {
        let (used, rest) = self.values_mut().split_at_mut(rows.len());
        match rows {
            BlockRows::Run(range) => {
                for (to, cell) in used.iter_mut().zip(&column[range.clone()]) {
                    *to = value(*cell);
                }
            }
            BlockRows::List(positions) => {
                for (to, position) in used.iter_mut().zip(*positions) {
                    *to = value(column[*position as usize]);
                }
            }
        }
        rest.fill(0.0);
    }

    /// Fills the column from the positions of the rows: `value` returns the number for a position. The
    /// values after the last row are 0.
    #[inline(always)]
    pub(crate) fn fill_at(&mut self, rows: &BlockRows<'_>, value: impl Fn(usize) -> f64) {
        let (used, rest) = self.values_mut().split_at_mut(rows.len());
        for (to, position) in used.iter_mut().zip(rows.positions()) {
            *to = value(position);
        }
        rest.fill(0.0);
    }

    /// The values, row by row.
    #[inline(always)]
    pub(crate) fn values(&self) -> &[f64; BLOCK_ROWS] {
        self.0
            .as_flattened()
            .try_into()
            .expect("the size of a block")
    }

    /// The values, row by row.
    #[inline(always)]
    pub(crate) fn values_mut(&mut self) -> &mut [f64; BLOCK_ROWS] {
        let values = self.0.as_flattened_mut();
        values.try_into().expect("the size of a block")
    }

    /// Fills the column from another column: `value` converts the other column's value in the same row.
    #[inline(always)]
    pub(crate) fn map(&mut self, other: &Self, value: impl Fn(f64) -> f64) {
        for (to, from) in self.values_mut().iter_mut().zip(other.values()) {
            *to = value(*from);
        }
    }

    /// Folds all values with `join`: first within each lane, beginning with `start`, and then over
    /// the lanes.
    #[inline(always)]
    pub(crate) fn fold(&self, start: f64, join: impl Fn(f64, f64) -> f64) -> f64 {
        let mut sums = [start; LANES];
        for values in &self.0 {
            for lane in 0..LANES {
                sums[lane] = join(sums[lane], values[lane]);
            }
        }
        join(join(sums[0], sums[1]), join(sums[2], sums[3]))
    }

    /// The sum of all values.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        self.fold(0.0, |sum, value| sum + value)
    }
}

/// A running sum over rows, one sum per lane.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum([f64; LANES]);

impl Sum {
    /// The sum of all lanes.
    pub(crate) fn total(self) -> f64 {
        let [first, second, third, fourth] = self.0;
        (first + second) + (third + fourth)
    }
}

/// Adds the sums of weight · left · right over the rows, for each pair of a left and a right
/// column.
#[inline(always)]
pub(crate) fn add_products<const LEFT: usize, const RIGHT: usize>(
    sums: &mut [[Sum; RIGHT]; LEFT],
    weights: &Column,
    left: [&Column; LEFT],
    right: [&Column; RIGHT],
) {
    // A local copy lets the compiler keep the sums in registers.
    let mut running = *sums;
    for step in 0..STEPS {
        for (sums, left) in running.iter_mut().zip(left) {
            let mut weighted = weights.0[step];
            for (weighted, left) in weighted.iter_mut().zip(left.0[step]) {
                *weighted *= left;
            }
            for (sum, right) in sums.iter_mut().zip(right) {
                for ((sum, weighted), right) in sum.0.iter_mut().zip(weighted).zip(right.0[step]) {
                    *sum += weighted * right;
                }
            }
        }
    }
    *sums = running;
}

/// Adds the sums of weight · left · right over the rows, for each pair of columns once. Only the
/// sums on and below the diagonal are changed.
#[inline(always)]
pub(crate) fn add_triangle<const SIZE: usize>(
    sums: &mut [[Sum; SIZE]; SIZE],
    weights: &Column,
    columns: [&Column; SIZE],
) {
    // A local copy lets the compiler keep the sums in registers.
    let mut running = *sums;
    for step in 0..STEPS {
        for (row, sums) in running.iter_mut().enumerate() {
            let mut weighted = weights.0[step];
            for (weighted, left) in weighted.iter_mut().zip(columns[row].0[step]) {
                *weighted *= left;
            }
            for (sum, right) in sums.iter_mut().zip(&columns[..=row]) {
                for ((sum, weighted), right) in sum.0.iter_mut().zip(weighted).zip(right.0[step]) {
                    *sum += weighted * right;
                }
            }
        }
    }
    *sums = running;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_the_rows_in_order_and_nothing_after_them() {
        let cells: Vec<f64> = (0..300).map(f64::from).collect();
        let mut column = Column::of(7.0);
        column.fill(&cells, &BlockRows::Run(10..13), |cell| cell * 2.0);
        assert_eq!(column.values()[..4], [20.0, 22.0, 24.0, 0.0]);
        column.fill(&cells, &BlockRows::List(&[299, 5]), |cell| cell);
        assert_eq!(column.values()[..3], [299.0, 5.0, 0.0]);
        assert_eq!(column.sum(), 304.0);
    }

    #[test]
    fn products_are_sums_over_the_rows() {
        let column = |factor: f64| {
            let mut column = Column::of(0.0);
            let rows = column.values_mut().iter_mut().enumerate();
            rows.for_each(|(row, value)| *value = row as f64 * factor);
            column
        };
        let squares: f64 = (0..BLOCK_ROWS).map(|row| (row * row) as f64).sum();
        let mut sums = [[Sum::default()]; 2];
        let (left, right) = ([&column(1.0), &column(2.0)], [&column(3.0)]);
        for halves in 1..=3 {
            add_products(&mut sums, &Column::of(0.5), left, right);
            let wanted = f64::from(halves) * squares * 1.5;
            assert_eq!(sums[0][0].total(), wanted);
            assert_eq!(sums[1][0].total(), wanted * 2.0);
        }
        let mut sums = [[Sum::default(); 2]; 2];
        add_triangle(&mut sums, &Column::of(0.5), left);
        let totals = sums.map(|row| row.map(|sum| sum.total() / squares));
        assert_eq!(totals, [[0.5, 0.0], [1.0, 2.0]]);
    }
}
