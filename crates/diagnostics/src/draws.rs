//! Pseudo-random numbers for tests, equal on every machine.

/// Generator SplitMix64; the field is its state, at first the seed.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    /// Draws from the uniform distribution on 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
    /// Draws from a distribution that is close to the standard normal: a sum of twelve uniform
    /// draws.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
