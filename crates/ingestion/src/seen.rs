//! Which rows are in the table already.
//!
//! The fingerprints stand in the table; here are only their positions, so that ten million rows
//! do not hold them twice.

use dataset::Fingerprint;
use hashbrown::HashTable;

/// Positions of rows, found by fingerprint.
#[derive(Default)]
pub(crate) struct SeenRows {
    positions: HashTable<u32>,
}

impl SeenRows {
    /// The rows with these fingerprints, in order.
    pub(crate) fn of(fingerprints: &[Fingerprint]) -> Self {
        let mut seen = Self {
            positions: HashTable::with_capacity(fingerprints.len()),
        };
        for position in 0..fingerprints.len() {
            seen.insert(fingerprints[position], &fingerprints[..position]);
        }
        seen
    }

    /// Notes a row that is about to be put behind `rows`; `false` when one of them is equal.
    pub(crate) fn insert(&mut self, fingerprint: Fingerprint, rows: &[Fingerprint]) -> bool {
        let is_equal = |position: &u32| rows[*position as usize] == fingerprint;
        if self.positions.find(hash(fingerprint), is_equal).is_some() {
            return false;
        }
        let position = u32::try_from(rows.len()).expect("a table of fewer than 2^32 rows");
        self.positions
            .insert_unique(hash(fingerprint), position, |position| {
                hash(rows[*position as usize])
            });
        true
    }
}

/// A fingerprint is a keyed hash already: any of its bits are as good as the others.
fn hash(fingerprint: Fingerprint) -> u64 {
    fingerprint as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_found_and_equal_hashes_are_told_apart() {
        let mut rows = vec![7, 9];
        let mut seen = SeenRows::of(&rows);
        assert!(!seen.insert(9, &rows));
        let same_hash = 7 + (1_u128 << 64);
        assert!(seen.insert(same_hash, &rows));
        rows.push(same_hash);
        assert!(!seen.insert(same_hash, &rows));
        assert!(!seen.insert(7, &rows));
        for row in 10..1000 {
            assert!(seen.insert(row, &rows));
            rows.push(row);
        }
        assert!(!seen.insert(500, &rows));
    }
}
