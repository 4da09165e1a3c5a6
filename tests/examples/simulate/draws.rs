//! Pseudorandom numbers that are the same on every machine.

use std::f64::consts::{E, TAU};

/// The distribution of a feature.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Normal,
    Lognormal,
    ZeroInflated,
}

/// A stream of pseudorandom numbers (SplitMix64).
pub(crate) struct Draws(u64);

impl Draws {
    /// The numbers of one run for one purpose, independent of those of other runs and purposes.
    pub(crate) fn of(purpose: u64, run: u64) -> Self {
        let mut draws = Self(purpose.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ run);
        // The first word spreads the states of neighbouring runs.
        Self(draws.word())
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A uniform number between 0 and 1, both excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// A uniform number between two bounds.
    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.uniform()
    }

    /// A uniform whole number from `least` to `most`, both included. Draws nothing if they are
    /// equal.
    pub(crate) fn whole(&mut self, least: usize, most: usize) -> usize {
        if least == most {
            return least;
        }
        least + (self.uniform() * (most - least + 1) as f64) as usize
    }

    /// True with this probability.
    pub(crate) fn is(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A number with mean 0 and standard deviation 1.
    pub(crate) fn standard(&mut self, shape: Shape) -> f64 {
        match shape {
            Shape::Normal => self.normal(),
            Shape::Lognormal => (self.normal().exp() - E.sqrt()) / (E * (E - 1.0)).sqrt(),
            // Six of ten numbers are 0; the others are exponential.
            Shape::ZeroInflated => {
                let is_zero = self.uniform() < 0.6;
                let value = if is_zero { 0.0 } else { -self.uniform().ln() };
                (value - 0.4) / 0.8
            }
        }
    }
}
