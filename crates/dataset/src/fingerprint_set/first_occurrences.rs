//! First occurrences of equal fingerprints.
//!
//! Fingerprints are keyed hashes, so their first byte partitions them evenly. Each part is sorted
//! while it is in the cache of one processor.

use rayon::prelude::*;

use crate::fingerprint::Fingerprint;

/// Number of parts: one for each value of a byte.
const PARTS: usize = 256;
/// Number of rows that one thread partitions at a time.
const BLOCK_ROWS: usize = 16_384;

/// Distinct fingerprints in ascending order, each with the place of its first occurrence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstOccurrences {
    /// The distinct fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// Place of the first occurrence of each in the input, counted from 0.
    pub places: Vec<u32>,
}

impl FirstOccurrences {
    /// Keeps the entries whose flag is true. Takes one flag per entry, in order.
    pub fn keep_where(&mut self, flags: &[bool]) {
        self.retain(flags.iter().copied());
    }

    /// Drops the entries whose flag is true. Takes one flag per entry, in order.
    pub fn drop_where(&mut self, flags: &[bool]) {
        self.retain(flags.iter().map(|flag| !flag));
    }

    fn retain(&mut self, kept: impl ExactSizeIterator<Item = bool> + Clone) {
        assert_eq!(kept.len(), self.places.len(), "one flag for each");
        let mut is_kept = kept.clone();
        self.fingerprints.retain(|_| is_kept.next() == Some(true));
        let mut is_kept = kept;
        self.places.retain(|_| is_kept.next() == Some(true));
    }
}

/// A fingerprint and its place.
#[derive(Clone, Copy, Default)]
struct PlacedFingerprint {
    // 24 bytes. With one number of 16 bytes instead of two halves, alignment would make it 32.
    high: u64,
    low: u64,
    place: u32,
}

impl PlacedFingerprint {
    fn new(fingerprint: Fingerprint, place: u32) -> Self {
        Self {
            high: (fingerprint >> 64) as u64,
            low: fingerprint as u64,
            place,
        }
    }

    fn fingerprint(self) -> Fingerprint {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

/// Finds the first occurrence of each fingerprint in a sequence of blocks.
///
/// Panics with 2^32 fingerprints or more.
pub fn first_occurrences<'a>(blocks: impl Iterator<Item = &'a [Fingerprint]>) -> FirstOccurrences {
    let blocks = smaller_blocks(blocks);
    let blocks: Vec<PartitionedBlock> = blocks
        .par_iter()
        .map(|(first, fingerprints)| PartitionedBlock::of(*first, fingerprints))
        .collect();
    let parts: Vec<FirstOccurrences> = (0..PARTS)
        .into_par_iter()
        .map_init(Vec::new, |rows, part| {
            rows.clear();
            rows.extend(blocks.iter().flat_map(|block| block.part(part)));
            first_occurrences_of_part(rows)
        })
        .collect();
    let n_distinct = parts.iter().map(|part| part.places.len()).sum();
    let mut firsts = FirstOccurrences {
        fingerprints: Vec::with_capacity(n_distinct),
        places: Vec::with_capacity(n_distinct),
    };
    for part in parts {
        firsts.fingerprints.extend(part.fingerprints);
        firsts.places.extend(part.places);
    }
    firsts
}

/// Splits the blocks into smaller ones of at most [`BLOCK_ROWS`] rows, each with the place of its first
/// row.
fn smaller_blocks<'a>(
    blocks: impl Iterator<Item = &'a [Fingerprint]>,
) -> Vec<(u32, &'a [Fingerprint])> {
    let mut first = 0_u32;
    blocks
        .flat_map(|block| block.chunks(BLOCK_ROWS))
        .map(|block| {
            let next = u32::try_from(block.len())
                .ok()
                .and_then(|length| first.checked_add(length))
                .expect("fewer than 2^32 rows at a time");
            (std::mem::replace(&mut first, next), block)
        })
        .collect()
}

/// The rows of one block, partitioned, in input order within each part.
struct PartitionedBlock {
    rows: Vec<PlacedFingerprint>,
    /// End position of each part.
    ends: [usize; PARTS],
}

impl PartitionedBlock {
    fn of(first: u32, fingerprints: &[Fingerprint]) -> Self {
        let part = |fingerprint: Fingerprint| (fingerprint >> 120) as usize;
        // A counting sort. A slot has the number of rows of its part, then the position of the next row,
        // and in the end the end of the part.
        let mut slots = [0_usize; PARTS];
        for fingerprint in fingerprints {
            slots[part(*fingerprint)] += 1;
        }
        let mut start = 0;
        for slot in &mut slots {
            start += std::mem::replace(slot, start);
        }
        let mut rows = vec![PlacedFingerprint::default(); fingerprints.len()];
        for (fingerprint, place) in fingerprints.iter().zip(first..) {
            let slot = &mut slots[part(*fingerprint)];
            rows[*slot] = PlacedFingerprint::new(*fingerprint, place);
            *slot += 1;
        }
        Self { rows, ends: slots }
    }

    fn part(&self, part: usize) -> &[PlacedFingerprint] {
        let start = part.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[part]]
    }
}

fn first_occurrences_of_part(rows: &mut [PlacedFingerprint]) -> FirstOccurrences {
    // Half a fingerprint distinguishes nearly all rows. The few rows with equal halves are sorted
    // separately.
    rows.sort_unstable_by_key(|row| row.high);
    for same_high in rows.chunk_by_mut(|row, next| row.high == next.high) {
        if same_high.len() > 1 {
            same_high.sort_unstable_by_key(|row| (row.low, row.place));
        }
    }
    let firsts = rows
        .chunk_by(|row, next| row.fingerprint() == next.fingerprint())
        .map(|equal| (equal[0].fingerprint(), equal[0].place));
    let (fingerprints, places) = firsts.unzip();
    FirstOccurrences {
        fingerprints,
        places,
    }
}
