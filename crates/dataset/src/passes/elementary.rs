//! e^−x and ln(1 + x) in plain arithmetic, so that the compiler can compute several rows at once.
//!
//! Only sums, products and quotients are used, none of them fused. Every machine therefore computes
//! the same bits, which the system's mathematical library does not guarantee. The results differ
//! from that library by at most one unit in the last place.

use std::f64::consts::LOG2_E;

/// A summand for rounding: adding it to a number of size below 2⁵¹ leaves the nearest whole number
/// in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// ln 2 to 33 bits, so that its product with the exponent of a power of two is exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// The rest of ln 2: `ln 2 - LN_2_HIGH`.
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// Limit for x in e^−x. For this x and any larger one, e^−x is 0. With a larger x, the exponent would
/// overflow.
const LARGEST: f64 = 800.0;
const EXPONENT_BIAS: f64 = 1023.0;
const MANTISSA_BITS: u32 = 52;

/// e^−x for x ≥ 0; NaN for NaN.
#[inline(always)]
pub(crate) fn exp_minus(x: f64) -> f64 {
    let x = if x > LARGEST { LARGEST } else { x };
    let power = (ROUNDER - x * LOG2_E) - ROUNDER;
    let high = -x - power * LN_2_HIGH;
    let low = power * LN_2_LOW;
    let rest = high - low;
    let lost = (high - rest) - low;
    // The rest is at most ln 2 / 2. There the power series up to x¹³ / 13! has full precision.
    let square = rest * rest;
    let mut odd = 1.0 / 6_227_020_800.0;
    for factorial in [39_916_800.0, 362_880.0, 5_040.0, 120.0, 6.0] {
        odd = odd * square + 1.0 / factorial;
    }
    let mut even = 1.0 / 479_001_600.0;
    for factorial in [3_628_800.0, 40_320.0, 720.0, 24.0] {
        even = even * square + 1.0 / factorial;
    }
    let series = 0.5 + rest * (odd + rest * even);
    let near_one = 1.0 + (rest + (lost + square * series));
    // Multiplication in two steps: the power of two may be too small for a normal number.
    let half = (power * 0.5 + ROUNDER) - ROUNDER;
    near_one * power_of_two(half) * power_of_two(power - half)
}

/// 2 to the power of a whole number from −1022 to 1023.
#[inline(always)]
fn power_of_two(power: f64) -> f64 {
    f64::from_bits((power + (ROUNDER + EXPONENT_BIAS)).to_bits() << MANTISSA_BITS)
}

/// ln(1 + x) for x from 0 to 1; NaN for NaN.
#[inline(always)]
pub(crate) fn ln_1p(x: f64) -> f64 {
    // With q = x / (2 + x), ln(1 + x) = 2 artanh q = 2 (q + q³/3 + q⁵/5 + …). Because 2q equals
    // x − q·x, the sum is rearranged: its largest part is then x itself, which is exact. q is at
    // most ⅓, and there q³³ / 33 is the last term that changes a digit.
    let q = x / (2.0 + x);
    let square = q * q;
    let fourth = square * square;
    let mut first = 2.0 / 31.0;
    for odd in [27.0, 23.0, 19.0, 15.0, 11.0, 7.0, 3.0] {
        first = first * fourth + 2.0 / odd;
    }
    let mut second = 2.0 / 33.0;
    for odd in [29.0, 25.0, 21.0, 17.0, 13.0, 9.0, 5.0] {
        second = second * fourth + 2.0 / odd;
    }
    let series = square * (first + square * second);
    let half_square = 0.5 * x * x;
    x - (half_square - q * (half_square + series))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance of two numbers ≥ 0, in units in the last place.
    fn distance(found: f64, wanted: f64) -> u64 {
        found.to_bits().abs_diff(wanted.to_bits())
    }

    #[test]
    fn exp_minus_differs_from_the_standard_library_by_at_most_one_unit() {
        for step in 0..200_000 {
            let step = f64::from(step);
            for x in [step * 0.0038, step * 1e-6, step * 1e-12] {
                let (found, wanted) = (exp_minus(x), (-x).exp());
                assert!(distance(found, wanted) <= 1, "{x}: {found:e}, {wanted:e}");
            }
        }
    }

    #[test]
    fn e_to_a_negative_power_holds_at_the_ends() {
        assert_eq!(exp_minus(0.0), 1.0);
        assert_eq!(exp_minus(f64::MIN_POSITIVE), 1.0);
        // The smallest positive float, and results that round to 0.
        assert_eq!(exp_minus(745.0), f64::from_bits(1));
        for beyond in [745.2, 746.0, 800.0, 1e10, f64::MAX, f64::INFINITY] {
            assert_eq!(exp_minus(beyond), 0.0, "{beyond}");
        }
        assert!(exp_minus(f64::NAN).is_nan());
    }

    #[test]
    fn the_logarithm_is_the_standard_librarys_to_the_last_place() {
        for step in 0..=200_000 {
            let share = f64::from(step) / 200_000.0;
            for x in [share, share * 1e-3, share * 1e-8, share * 1e-300] {
                let (found, wanted) = (ln_1p(x), x.ln_1p());
                assert!(distance(found, wanted) <= 1, "{x}: {found:e}, {wanted:e}");
            }
        }
        assert_eq!(ln_1p(0.0), 0.0);
        assert_eq!(ln_1p(f64::from_bits(1)), f64::from_bits(1));
        assert!(ln_1p(f64::NAN).is_nan());
    }
}
