//! Where the fields and records of text without quotes end.
//!
//! Fields are a few bytes long, so looking for one separator after the other costs more than the
//! fields: 64 bytes are compared at once, and what is found is kept as one bit a byte.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// Bytes that are compared at once.
const LANES: usize = 64;

/// The places of commas and line feeds in some bytes.
#[derive(Default)]
pub(super) struct Separators {
    /// Bit i of word w stands for byte 64 w + i.
    words: Vec<u64>,
}

impl Separators {
    /// Looks for them; what was known of other bytes is forgotten.
    pub(super) fn find(&mut self, bytes: &[u8]) {
        self.words.clear();
        self.words.reserve(bytes.len().div_ceil(LANES));
        dispatch!(Level::new(), simd => self.compare(simd, bytes));
    }

    /// The places, in ascending order.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let mut cursor = Cursor::default();
        std::iter::from_fn(move || cursor.next(self))
    }

    #[inline(always)]
    fn compare<S: Simd>(&mut self, simd: S, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<LANES>();
        for chunk in chunks {
            self.words.push(found(simd, chunk));
        }
        if !rest.is_empty() {
            let mut chunk = [0; LANES];
            chunk[..rest.len()].copy_from_slice(rest);
            self.words.push(found(simd, &chunk));
        }
    }
}

#[inline(always)]
fn found<S: Simd>(simd: S, chunk: &[u8; LANES]) -> u64 {
    let bytes = u8x64::from_slice(simd, chunk);
    (bytes.simd_eq(b',') | bytes.simd_eq(b'\n')).to_bitmask()
}

/// How far some places were taken, one after another.
#[derive(Default)]
pub(super) struct Cursor {
    /// What is left of the word before the next.
    word: u64,
    next: usize,
}

impl Cursor {
    /// The next of these places; `None` behind the last.
    #[inline(always)]
    pub(super) fn next(&mut self, of: &Separators) -> Option<usize> {
        while self.word == 0 {
            self.word = *of.words.get(self.next)?;
            self.next += 1;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some((self.next - 1) * LANES + bit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_comma_and_line_feed_is_found(text in "[a,\n]{0,200}") {
            let mut separators = Separators::default();
            // Of other bytes nothing is left.
            separators.find(&[b','; 300]);
            separators.find(text.as_bytes());
            let found: Vec<_> = separators.places().collect();
            let separates = |place: &usize| matches!(text.as_bytes()[*place], b',' | b'\n');
            prop_assert_eq!(found, (0..text.len()).filter(separates).collect::<Vec<_>>());
        }
    }
}
