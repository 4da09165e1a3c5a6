//! Finds the bytes of a text that structure it: separators, quotes and line breaks.
//!
//! Fields are a few bytes long, so a separate search for each of these bytes would be slow. Many
//! bytes are compared at once instead. The result has one bit for each byte.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x32};

use super::format::Dialect;

/// Number of bytes that are compared at once.
const LANES: usize = 32;
/// Number of bytes that a cursor examines together.
const WORD: usize = 2 * LANES;

/// The places of the structural bytes of a text.
#[derive(Default)]
pub(super) struct Structure {
    /// Bit i of entry n stands for the byte 32·n + i.
    bits: Vec<u32>,
}

/// A position in the places of a structure.
#[derive(Clone, Copy, Default)]
pub(super) struct Cursor {
    /// Remaining bits of the current word.
    word: u64,
    next: usize,
}

impl Structure {
    /// Finds the structural bytes of a text. Replaces the places of an earlier text.
    pub(super) fn find(&mut self, text: &[u8], dialect: Dialect) {
        self.bits.clear();
        self.bits.reserve(text.len().div_ceil(LANES) + 1);
        dispatch!(Level::new(), simd => self.compare(simd, text, dialect));
    }

    #[inline(always)]
    fn compare<S: Simd>(&mut self, simd: S, text: &[u8], dialect: Dialect) {
        let (chunks, rest) = text.as_chunks::<LANES>();
        for chunk in chunks {
            self.bits.push(structural(simd, chunk, dialect));
        }
        if !rest.is_empty() {
            let mut chunk = [0; LANES];
            chunk[..rest.len()].copy_from_slice(rest);
            self.bits.push(structural(simd, &chunk, dialect));
        }
        if self.bits.len() % 2 == 1 {
            self.bits.push(0);
        }
    }
}

#[inline(always)]
fn structural<S: Simd>(simd: S, chunk: &[u8; LANES], dialect: Dialect) -> u32 {
    let bytes = u8x32::from_slice(simd, chunk);
    let in_line = bytes.simd_eq(dialect.separator) | bytes.simd_eq(dialect.quote);
    let line_breaks = bytes.simd_eq(b'\n') | bytes.simd_eq(b'\r');
    (in_line | line_breaks).to_bitmask() as u32
}

impl Cursor {
    /// The next place in ascending order; `None` after the last.
    #[inline(always)]
    pub(super) fn next(&mut self, of: &Structure) -> Option<usize> {
        while self.word == 0 {
            let (pairs, _) = of.bits.as_chunks::<2>();
            let [low, high] = *pairs.get(self.next)?;
            self.word = u64::from(low) | u64::from(high) << LANES;
            self.next += 1;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some((self.next - 1) * WORD + bit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_structural_byte_is_found(text in "[a;,\"\r\n]{0,200}") {
            let dialect = Dialect { separator: b';', ..Dialect::default() };
            let mut structure = Structure::default();
            // No place of the earlier text is left.
            structure.find(&[b';'; 300], dialect);
            structure.find(text.as_bytes(), dialect);
            let mut cursor = Cursor::default();
            let found: Vec<_> = std::iter::from_fn(|| cursor.next(&structure)).collect();
            let is_structural =
                |place: &usize| matches!(text.as_bytes()[*place], b';' | b'"' | b'\n' | b'\r');
            prop_assert_eq!(found, (0..text.len()).filter(is_structural).collect::<Vec<_>>());
        }
    }
}
