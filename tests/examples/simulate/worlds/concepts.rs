//! Worlds of the literature in which one rule follows another.

use std::f64::consts::PI;

use crate::draws::Draws;
use crate::rows::Row;

/// SEA (Street and Kim 2001): three uniform features from 0 to 10. A client leaves if the first two
/// sum to at most a threshold. Every tenth label is the opposite.
pub(super) fn sea(draws: &mut Draws, rule: usize) -> Row {
    const THRESHOLDS: [f64; 4] = [8.0, 9.0, 7.0, 9.5];
    let values: Vec<f64> = (0..3).map(|_| draws.between(0.0, 10.0)).collect();
    let left = values[0] + values[1] <= THRESHOLDS[rule];
    Row::of(values, left != draws.is(0.1))
}

/// STAGGER (Schlimmer and Granger 1986): size, colour and shape, with three levels each. Labels
/// follow the rule without noise.
pub(super) fn stagger(draws: &mut Draws, rule: usize) -> Row {
    let [size, colour, shape] = [(); 3].map(|()| draws.whole(0, 2));
    let left = match rule {
        0 => size == 0 && colour == 0,
        1 => colour == 1 || shape == 0,
        _ => size > 0,
    };
    Row::of(
        [size, colour, shape].map(|level| level as f64).to_vec(),
        left,
    )
}

/// LED (Breiman et al. 1984): the seven segments of a digit, each wrong with probability 0.1, and
/// 17 features of noise. A client leaves if the digit is above 4. Each rule has the segments at
/// other places.
pub(super) fn led(draws: &mut Draws, rule: usize) -> Row {
    const SEGMENTS: [u8; 10] = [
        0b111_0111, 0b010_0100, 0b101_1101, 0b101_1011, 0b011_1010, 0b110_1011, 0b110_1111,
        0b101_0010, 0b111_1111, 0b111_1011,
    ];
    let digit = draws.whole(0, 9);
    let mut values: Vec<f64> = (0..24).map(|_| draws.whole(0, 1) as f64).collect();
    for segment in 0..7 {
        let is_lit = SEGMENTS[digit] >> segment & 1 == 1;
        values[segment + 5 * rule] = f64::from(u8::from(is_lit != draws.is(0.1)));
    }
    Row::of(values, digit > 4)
}

/// Friedman (1991): ten uniform features from 0 to 1, of which five count. A client leaves if the
/// function is above 14. Each rule gives the roles to other features.
pub(super) fn friedman(draws: &mut Draws, rule: usize) -> Row {
    let values: Vec<f64> = (0..10).map(|_| draws.uniform()).collect();
    let x = |role: usize| values[(role + 3 * rule) % 10];
    let height = 10.0 * (PI * x(0) * x(1)).sin()
        + 20.0 * (x(2) - 0.5).powi(2)
        + 10.0 * x(3)
        + 5.0 * x(4)
        + draws.normal();
    let left = height > 14.0;
    Row::of(values, left)
}
