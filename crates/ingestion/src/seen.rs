//! Which rows are in the table already.
//!
//! An open hash table of row positions with linear probing. Beside each position stand 32 bits of
//! the row's fingerprint, so that looking for a row touches one place in memory, and a second one
//! only where the row is there already; the fingerprints themselves stand in the table.

use dataset::Fingerprint;

/// Positions of rows, found by fingerprint.
#[derive(Default)]
pub(crate) struct SeenRows {
    /// 0 is free; else the tag of a row above its position, counted from 1.
    slots: Vec<u64>,
    used: usize,
}

/// Slots of the smallest table that holds anything; a power of two.
const FEWEST_SLOTS: usize = 1024;
/// A table grows when more than so many of eight slots are used: probing gets long beyond that.
const MOST_USED_OF_EIGHT: usize = 6;

impl SeenRows {
    /// The rows with these fingerprints, all different, in order.
    pub(crate) fn of(fingerprints: &[Fingerprint]) -> Self {
        let mut seen = Self::default();
        seen.make_room(fingerprints.len());
        for (position, fingerprint) in fingerprints.iter().enumerate() {
            seen.put(*fingerprint, position);
        }
        seen
    }

    /// Of the rows with these fingerprints that are wanted, notes those that are not there yet, as
    /// if they were put behind `rows`, and returns their places among `fingerprints`.
    pub(crate) fn insert_new(
        &mut self,
        fingerprints: &[Fingerprint],
        rows: &[Fingerprint],
        is_wanted: impl Fn(&Fingerprint) -> bool,
    ) -> Vec<usize> {
        self.grow_for(fingerprints.len(), rows);
        let mut new: Vec<usize> = Vec::with_capacity(fingerprints.len());
        for (place, fingerprint) in fingerprints.iter().enumerate() {
            if !is_wanted(fingerprint) {
                continue;
            }
            let at = |position: usize| match position.checked_sub(rows.len()) {
                None => rows[position],
                Some(behind) => fingerprints[new[behind]],
            };
            if !self.holds(*fingerprint, at) {
                self.put(*fingerprint, rows.len() + new.len());
                new.push(place);
            }
        }
        new
    }

    fn holds(&self, fingerprint: Fingerprint, at: impl Fn(usize) -> Fingerprint) -> bool {
        let mut slot = self.home(fingerprint);
        loop {
            match self.slots[slot] {
                0 => return false,
                used if used >> 32 == tag(fingerprint) && at(position(used)) == fingerprint => {
                    return true;
                }
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Notes a row that is not there; there is room for it.
    fn put(&mut self, fingerprint: Fingerprint, position: usize) {
        let mut slot = self.home(fingerprint);
        while self.slots[slot] != 0 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let position = u32::try_from(position + 1).expect("a table of fewer than 2^32 rows");
        self.slots[slot] = tag(fingerprint) << 32 | u64::from(position);
        self.used += 1;
    }

    /// Makes room for so many more rows; those that are there stand in `rows`.
    fn grow_for(&mut self, more: usize, rows: &[Fingerprint]) {
        if (self.used + more) * 8 > self.slots.len() * MOST_USED_OF_EIGHT {
            self.make_room(self.used + more);
            for (position, fingerprint) in rows.iter().enumerate() {
                self.put(*fingerprint, position);
            }
        }
    }

    /// An empty table with room for so many rows.
    fn make_room(&mut self, rows: usize) {
        let slots = (rows * 8 / MOST_USED_OF_EIGHT + 1).next_power_of_two();
        // Freed before the new one is made: both at once would be the peak of the whole ingestion.
        self.slots = Vec::new();
        self.slots = vec![0; slots.max(FEWEST_SLOTS)];
        self.used = 0;
    }

    /// A fingerprint is a keyed hash already: any of its bits are as good as the others.
    fn home(&self, fingerprint: Fingerprint) -> usize {
        fingerprint as usize & (self.slots.len() - 1)
    }
}

fn tag(fingerprint: Fingerprint) -> u64 {
    (fingerprint >> 96) as u64
}

fn position(slot: u64) -> usize {
    (slot as u32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_found_and_equal_hashes_are_told_apart() {
        let mut rows = vec![7, 9];
        let mut seen = SeenRows::of(&rows);
        // The same slot and the same tag, but another fingerprint.
        let same_hash = 7 + (1_u128 << 64);
        let new = seen.insert_new(&[9, same_hash, 7, same_hash, 8], &rows, |row| *row != 8);
        assert_eq!(new, [1]);
        rows.push(same_hash);
        for block in 0..50_u128 {
            let incoming: Vec<u128> = (0..100).map(|row| 10 + block * 60 + row).collect();
            let new = seen.insert_new(&incoming, &rows, |_| true);
            assert_eq!(new.len(), if block == 0 { 100 } else { 60 });
            rows.extend(new.into_iter().map(|place| incoming[place]));
        }
        assert!(seen.insert_new(&rows.clone(), &rows, |_| true).is_empty());
    }
}
