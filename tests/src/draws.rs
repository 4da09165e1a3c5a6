//! Numbers that look like chance and are the same on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state and the same numbers everywhere.
pub struct Draws {
    /// Where the numbers go on from.
    pub state: u64,
}

impl Draws {
    /// A number from 0 up to, not including, `bound`, which must fit 32 bits.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        (((word >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// As `below`, but mostly small: the product of two draws. Its tail ends at the bound, so no
    /// single giant decides a coefficient.
    pub fn skewed(&mut self, bound: u32) -> u32 {
        (u64::from(self.below(bound)) * u64::from(self.below(bound)) / u64::from(bound)) as u32
    }

    /// One of some things, of which there must be one.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u32) as usize]
    }
}
