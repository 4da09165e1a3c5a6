//! Which of some rows come first among their equals.
//!
//! Fingerprints are keyed hashes, so their first byte deals them evenly into parts; a part is
//! sorted while it is in the cache of one processor.

use rayon::prelude::*;

use crate::fingerprint::Fingerprint;

/// Parts that rows are dealt into: one for each value of a byte.
const PARTS: usize = 256;

/// Different fingerprints in ascending order, each with the place where it comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firsts {
    /// The fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// The place of each among those that were given, counted from 0.
    pub places: Vec<u32>,
}

impl Firsts {
    /// Keeps those of which it is said, of each in turn.
    pub fn keep_where(&mut self, said: &[bool]) {
        self.retain(said.iter().copied());
    }

    /// Drops those of which it is said, of each in turn.
    pub fn drop_where(&mut self, said: &[bool]) {
        self.retain(said.iter().map(|said| !said));
    }

    fn retain(&mut self, kept: impl ExactSizeIterator<Item = bool> + Clone) {
        assert_eq!(kept.len(), self.places.len(), "one word for each");
        let mut is_kept = kept.clone();
        self.fingerprints.retain(|_| is_kept.next() == Some(true));
        let mut is_kept = kept;
        self.places.retain(|_| is_kept.next() == Some(true));
    }
}

/// In the order in which rows are compared: equal ones by their place.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    // Two halves need no padding beside the place; one number of 16 bytes would.
    high: u64,
    low: u64,
    place: u32,
}

impl Row {
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

    fn is_equal_to(self, other: Self) -> bool {
        self.high == other.high && self.low == other.low
    }
}

/// The first of equal fingerprints in some blocks, which are taken one after the other.
///
/// There may be 2^32 of them at most.
pub fn firsts<'a>(blocks: impl Iterator<Item = &'a [Fingerprint]> + Clone) -> Firsts {
    let mut rows = dealt(blocks);
    let parts: Vec<&mut [Row]> = rows
        .chunk_by_mut(|row, next| part(row.high) == part(next.high))
        .collect();
    let parts: Vec<Firsts> = parts.into_par_iter().map(firsts_of_part).collect();
    let n_firsts = parts.iter().map(|part| part.places.len()).sum();
    let mut firsts = Firsts {
        fingerprints: Vec::with_capacity(n_firsts),
        places: Vec::with_capacity(n_firsts),
    };
    for part in parts {
        firsts.fingerprints.extend(part.fingerprints);
        firsts.places.extend(part.places);
    }
    firsts
}

/// All rows, part by part.
fn dealt<'a>(blocks: impl Iterator<Item = &'a [Fingerprint]> + Clone) -> Vec<Row> {
    let fingerprints = || blocks.clone().flatten().copied();
    let mut next = [0_usize; PARTS];
    for fingerprint in fingerprints() {
        next[part((fingerprint >> 64) as u64)] += 1;
    }
    let mut n_rows = 0;
    for next in &mut next {
        let length = std::mem::replace(next, n_rows);
        n_rows += length;
    }
    let mut rows = vec![Row::default(); n_rows];
    for (place, fingerprint) in fingerprints().enumerate() {
        let place = u32::try_from(place).expect("fewer than 2^32 rows at a time");
        let row = Row::new(fingerprint, place);
        let next = &mut next[part(row.high)];
        rows[*next] = row;
        *next += 1;
    }
    rows
}

fn firsts_of_part(rows: &mut [Row]) -> Firsts {
    rows.sort_unstable();
    let firsts = rows
        .chunk_by(|row, next| row.is_equal_to(*next))
        .map(|equal| (equal[0].fingerprint(), equal[0].place));
    let (fingerprints, places) = firsts.unzip();
    Firsts {
        fingerprints,
        places,
    }
}

fn part(high: u64) -> usize {
    (high >> 56) as usize
}
