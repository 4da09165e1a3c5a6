//! The rows of a joint test: a bounded sample of each side, in blocks that are split at random.

use std::ops::Range;

use rand_distr::{Distribution, StandardUniform};
use rand_pcg::Pcg64Mcg;

/// Seed of the samples and of the blocks. Any fixed number gives the same rows the same blocks.
const SEED: u128 = 0x2f6b_19c4_8e07_d35a_61b8_f20d_9a4c_73e5;
/// Maximum number of cells of a side. Of a larger side, rows are sampled.
const MAX_CELLS: usize = 400_000;
/// Bounds of the number of rows that a side may have.
const MAX_ROWS: Range<usize> = 2_000..20_000;
/// Minimum number of blocks of the smaller side, if it has that many rows.
const MIN_BLOCKS: usize = 128;
/// Maximum number of blocks of both sides together.
const MAX_BLOCKS: usize = 1_000;

/// Draws below a number.
pub(super) fn below(random: &mut Pcg64Mcg, limit: usize) -> usize {
    // Multiplying a random number of 64 bits scales it to the limit.
    let number: u64 = StandardUniform.sample(random);
    ((u128::from(number) * limit as u128) >> 64) as usize
}

/// The sampled rows of reference and current file, block by block.
///
/// A block has rows of one side, chosen at random. Without drift, all splits of the blocks between
/// the sides are equally likely. So splits of blocks give a valid p-value, with less work than
/// splits of rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SampledRows {
    /// Places of the rows in their side.
    rows: [Vec<usize>; 2],
    /// Rows of a block.
    of_block: usize,
}

impl SampledRows {
    /// Samples sides with these numbers of rows, for `columns` columns. `None` if a side has no
    /// rows.
    pub(crate) fn of(rows: [usize; 2], columns: usize) -> Option<Self> {
        let most = (MAX_CELLS / columns.max(1)).clamp(MAX_ROWS.start, MAX_ROWS.end);
        let smaller = rows[0].min(rows[1]).min(most);
        if smaller == 0 {
            return None;
        }
        let of_block = (smaller / MIN_BLOCKS).max(1);
        let most_blocks = MAX_BLOCKS - smaller / of_block;
        let mut random = Pcg64Mcg::new(SEED);
        let sampled = rows.map(|rows| {
            let blocks = (rows.min(most) / of_block).min(most_blocks);
            sample(&mut random, rows, blocks * of_block)
        });
        Some(Self {
            rows: sampled,
            of_block,
        })
    }

    /// The sampled cells of a column: those of the reference first.
    pub(crate) fn cells(&self, sides: [&[f64]; 2]) -> Vec<f64> {
        let cells = |side: usize| self.rows[side].iter().map(move |row| sides[side][*row]);
        cells(0).chain(cells(1)).collect()
    }

    /// Number of sampled rows of both sides.
    pub(super) fn count(&self) -> usize {
        self.rows[0].len() + self.rows[1].len()
    }

    /// The places of a side among the cells of a column.
    pub(crate) fn side(&self, side: usize) -> Range<usize> {
        let first = self.rows[0].len();
        [0..first, first..self.count()][side].clone()
    }

    /// Numbers of sampled rows of both sides.
    pub(crate) fn compared(&self) -> [u64; 2] {
        [0, 1].map(|side: usize| self.rows[side].len() as u64)
    }

    /// Number of rows of a block.
    pub(super) fn rows_of_block(&self) -> usize {
        self.of_block
    }

    /// Numbers of blocks of reference and current file.
    pub(crate) fn blocks(&self) -> [usize; 2] {
        [0, 1].map(|side: usize| self.rows[side].len() / self.of_block)
    }
}

/// `wanted` different numbers below `rows`, in random order.
fn sample(random: &mut Pcg64Mcg, rows: usize, wanted: usize) -> Vec<usize> {
    // Floyd's method takes memory for the wanted numbers only.
    let mut chosen = std::collections::HashSet::with_capacity(wanted);
    let mut sample = Vec::with_capacity(wanted);
    for last in rows - wanted..rows {
        let number = below(random, last + 1);
        let number = match chosen.insert(number) {
            true => number,
            false => {
                chosen.insert(last);
                last
            }
        };
        sample.push(number);
    }
    for place in (1..sample.len()).rev() {
        sample.swap(place, below(random, place + 1));
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_different_rows_in_whole_blocks() {
        let sizes = [
            ([1, 1], 1),
            ([3000, 26], 3),
            ([26, 3000], 3),
            ([3000, 599], 60),
            ([500, 500], 1000),
            ([50_000, 1_000_000], 5),
        ];
        for (rows, columns) in sizes {
            let found = SampledRows::of(rows, columns).unwrap();
            let blocks = found.blocks();
            assert!(blocks[0] > 0 && blocks[1] > 0, "{rows:?}");
            assert!(blocks[0] + blocks[1] <= MAX_BLOCKS, "{rows:?} {blocks:?}");
            for (side, sampled) in found.rows.iter().enumerate() {
                assert_eq!(sampled.len(), blocks[side] * found.of_block);
                let mut different = sampled.clone();
                different.sort_unstable();
                different.dedup();
                assert_eq!(different.len(), sampled.len(), "{rows:?}");
                assert!(different.last().unwrap() < &rows[side]);
            }
            let smaller = rows[0].min(rows[1]).min(MAX_ROWS.end);
            let used = found.rows[0].len().min(found.rows[1].len());
            assert!(used * 100 >= smaller.min(2_000) * 99, "{rows:?} {used}");
        }
        assert_eq!(SampledRows::of([0, 5], 1), None);
    }
}
