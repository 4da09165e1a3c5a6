//! Pseudorandom numbers that are the same on every machine.

/// The generator SplitMix64 (Steele, Lea, Flood 2014), with one word of state.
pub struct Draws {
    /// The state, from which the next number follows.
    pub state: u64,
}

impl Draws {
    /// A number from 0 to `bound - 1`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        (((word >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A number from 0 to `bound - 1` that is mostly small: the product of two draws. Because of
    /// the bound, no single huge value dominates a coefficient.
    pub fn skewed(&mut self, bound: u32) -> u32 {
        (u64::from(self.below(bound)) * u64::from(self.below(bound)) / u64::from(bound)) as u32
    }

    /// One element of a slice, which must not be empty.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u32) as usize]
    }
}
