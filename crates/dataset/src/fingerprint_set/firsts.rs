//! Which of some rows come first among their equals.
//!
//! Fingerprints are keyed hashes, so their first byte deals them evenly into parts; a part is
//! sorted while it is in the cache of one processor.

use rayon::prelude::*;

use crate::fingerprint::Fingerprint;

/// Parts that rows are dealt into: one for each value of a byte.
const PARTS: usize = 256;
/// Rows that are dealt by one thread at a time.
const DEALT_AT_ONCE: usize = 16_384;

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

/// A fingerprint and its place.
#[derive(Clone, Copy, Default)]
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

    fn part(self) -> usize {
        (self.high >> 56) as usize
    }
}

/// The first of equal fingerprints in some blocks, which are taken one after the other.
///
/// There may be 2^32 of them at most.
pub fn firsts<'a>(blocks: impl Iterator<Item = &'a [Fingerprint]>) -> Firsts {
    let blocks = with_places(blocks);
    let blocks: Vec<Dealt> = blocks
        .par_iter()
        .map(|(first, fingerprints)| Dealt::of(*first, fingerprints))
        .collect();
    let parts: Vec<Firsts> = (0..PARTS)
        .into_par_iter()
        .map_init(Vec::new, |rows, part| {
            rows.clear();
            rows.extend(blocks.iter().flat_map(|block| block.part(part)));
            firsts_of_part(rows)
        })
        .collect();
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

/// Pieces of the blocks, each small enough for the cache, with the place of its first row.
fn with_places<'a>(
    blocks: impl Iterator<Item = &'a [Fingerprint]>,
) -> Vec<(u32, &'a [Fingerprint])> {
    let mut first = 0_u32;
    blocks
        .flat_map(|block| block.chunks(DEALT_AT_ONCE))
        .map(|piece| {
            let next = u32::try_from(piece.len())
                .ok()
                .and_then(|length| first.checked_add(length))
                .expect("fewer than 2^32 rows at a time");
            (std::mem::replace(&mut first, next), piece)
        })
        .collect()
}

/// The rows of one block, part by part, those of a part in order.
struct Dealt {
    rows: Vec<Row>,
    /// Where each part ends.
    ends: [usize; PARTS],
}

impl Dealt {
    fn of(first: u32, fingerprints: &[Fingerprint]) -> Self {
        let part = |fingerprint: Fingerprint| Row::new(fingerprint, 0).part();
        let mut next = [0_usize; PARTS];
        for fingerprint in fingerprints {
            next[part(*fingerprint)] += 1;
        }
        let mut start = 0;
        for next in &mut next {
            start += std::mem::replace(next, start);
        }
        let mut rows = vec![Row::default(); fingerprints.len()];
        for (fingerprint, place) in fingerprints.iter().zip(first..) {
            let next = &mut next[part(*fingerprint)];
            rows[*next] = Row::new(*fingerprint, place);
            *next += 1;
        }
        Self { rows, ends: next }
    }

    fn part(&self, part: usize) -> &[Row] {
        let start = part.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[part]]
    }
}

fn firsts_of_part(rows: &mut [Row]) -> Firsts {
    // Half a fingerprint tells nearly all of them apart; the few others are few enough for a sort
    // of their own.
    rows.sort_unstable_by_key(|row| row.high);
    for alike in rows.chunk_by_mut(|row, next| row.high == next.high) {
        if alike.len() > 1 {
            alike.sort_unstable_by_key(|row| (row.low, row.place));
        }
    }
    let firsts = rows
        .chunk_by(|row, next| row.fingerprint() == next.fingerprint())
        .map(|equal| (equal[0].fingerprint(), equal[0].place));
    let (fingerprints, places) = firsts.unzip();
    Firsts {
        fingerprints,
        places,
    }
}
