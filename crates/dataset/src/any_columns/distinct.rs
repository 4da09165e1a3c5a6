//! Counts the different cells of a column.

use std::collections::HashMap;

use crate::fingerprint::public_hash;

/// Maximum number of different cells that are kept.
const MAX_KEPT: usize = 16_384;

/// Counts the different cells of a column in limited memory.
///
/// Up to 16,384 different cells are counted exactly. Beyond that, only cells are kept whose hash ends
/// with at least z zero bits. Each time there are too many, z grows by one, which drops about half of
/// the different cells (adaptive sampling, Wegman 1984).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistinctCells {
    /// Number of rows by the hash of their cell.
    kept: HashMap<u64, u64>,
    /// Minimum number of zero bits at the end of a kept hash.
    zeros: u32,
}

impl DistinctCells {
    /// Adds a cell, without the space around it.
    pub fn add_cell(&mut self, cell: &[u8]) {
        self.add(public_hash(cell.trim_ascii()), 1);
    }

    /// Adds the cells of another block or file.
    pub fn merge(&mut self, other: &Self) {
        if other.zeros > self.zeros {
            self.zeros = other.zeros;
            self.drop_without_zeros();
        }
        for (hash, rows) in &other.kept {
            self.add(*hash, *rows);
        }
    }

    /// Number of different cells divided by the number of all cells; 0 without a cell. Estimated if
    /// there are more than 16,384 different cells.
    pub fn share(&self) -> f64 {
        match self.kept.values().sum::<u64>() {
            0 => 0.0,
            rows => self.kept.len() as f64 / rows as f64,
        }
    }

    /// The number of different cells. Estimated if it is more than 16,384.
    pub fn count(&self) -> u64 {
        (self.kept.len() as u64) << self.zeros
    }

    fn add(&mut self, hash: u64, rows: u64) {
        if hash.trailing_zeros() < self.zeros {
            return;
        }
        *self.kept.entry(hash).or_default() += rows;
        while self.kept.len() > MAX_KEPT && self.zeros < u64::BITS - 1 {
            self.zeros += 1;
            self.drop_without_zeros();
        }
    }

    fn drop_without_zeros(&mut self) {
        let zeros = self.zeros;
        self.kept.retain(|hash, _| hash.trailing_zeros() >= zeros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(cells: impl Iterator<Item = u64>) -> DistinctCells {
        let mut distinct = DistinctCells::default();
        cells.for_each(|cell| distinct.add_cell(cell.to_string().as_bytes()));
        distinct
    }

    #[test]
    fn few_cells_are_counted_exactly() {
        let found = counted((0..3_000).map(|cell| cell % 1_000));
        assert_eq!((found.count(), found.share()), (1_000, 1.0 / 3.0));
        assert_eq!(DistinctCells::default().share(), 0.0);
        let mut trimmed = DistinctCells::default();
        [" a", "a "]
            .iter()
            .for_each(|cell| trimmed.add_cell(cell.as_bytes()));
        assert_eq!(trimmed.count(), 1);
    }

    #[test]
    fn many_cells_are_estimated_also_over_several_blocks() {
        let once = counted(0..200_000);
        assert_eq!(once.share(), 1.0);
        assert!(
            (180_000..220_000).contains(&once.count()),
            "{}",
            once.count()
        );
        let mut blocks = counted(0..100_000);
        blocks.merge(&counted(100_000..200_000));
        assert_eq!(blocks, once);
        blocks.merge(&once);
        assert_eq!(blocks.share(), 0.5);
        let mut few = counted(0..10);
        few.merge(&once);
        assert!((few.share() - 1.0).abs() < 0.01, "{}", few.share());
    }
}
