//! The Wasserstein distance of two distributions of numbers, in standard deviations.

use serde::{Deserialize, Serialize};

use super::sorted::{SortedColumn, steps};

/// A reference without spread counts as having this much.
pub const LEAST_SPREAD: f64 = 0.001;

/// How far values have moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wasserstein {
    /// The area between both distribution functions, in units of the values.
    pub distance: f64,
    /// The distance in standard deviations of the reference (divisor n), of which there are at
    /// least [`LEAST_SPREAD`]: no unit.
    pub normalised: f64,
}

/// Holds the present values of a batch against those of the reference: Σ|F − G|·Δx over the sorted
/// pooled values.
///
/// `None` when a side has no values, or the distance is beyond a float, as with infinities.
pub fn wasserstein(reference: &SortedColumn, current: &SortedColumn) -> Option<Wasserstein> {
    let (n, m) = (reference.count() as f64, current.count() as f64);
    let spread = standard_deviation(reference.present())?.max(LEAST_SPREAD);
    if current.count() == 0 {
        return None;
    }
    let later = steps(reference, current).skip(1);
    let normalised: f64 = steps(reference, current)
        .zip(later)
        .map(|(from, to)| {
            let apart = (from.first as f64 / n - from.second as f64 / m).abs();
            apart * gap(from.value, to.value, spread)
        })
        .sum();
    let distance = normalised * spread;
    let is_finite = normalised.is_finite() && distance.is_finite();
    is_finite.then_some(Wasserstein {
        distance,
        normalised,
    })
}

/// How far two values are apart, in units of the spread.
///
/// The difference comes first: values near 10¹⁵ are told apart to the last unit, and their quotients
/// are not. Only where it overflows the quotients are taken.
fn gap(from: f64, to: f64, spread: f64) -> f64 {
    let difference = to - from;
    if difference.is_finite() {
        difference / spread
    } else {
        to / spread - from / spread
    }
}

/// With divisor n; `None` without values, or when they or it are not finite.
fn standard_deviation(values: &[f64]) -> Option<f64> {
    let (smallest, largest) = (*values.first()?, *values.last()?);
    let size = smallest.abs().max(largest.abs());
    if !size.is_finite() {
        return None;
    }
    if smallest == largest {
        return Some(0.0);
    }
    // From the smallest on and in units of the range no square overflows, and values far from 0
    // keep their differences.
    let range = largest - smallest;
    let (origin, unit) = if range.is_finite() {
        (smallest, range)
    } else {
        (0.0, size)
    };
    let count = values.len() as f64;
    let placed = || values.iter().map(|value| (value - origin) / unit);
    let mean = placed().map(|value| value / count).sum::<f64>();
    let squares: f64 = placed().map(|value| (value - mean).powi(2)).sum();
    Some((squares / count).sqrt() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{assert_close, cases};

    #[test]
    fn distances_are_those_of_scipy() {
        for case in cases("samples") {
            let (reference, current) = case.sorted();
            let found = wasserstein(&reference, &current).unwrap();
            assert_close(
                Some(found.distance),
                case.number("wasserstein"),
                1e-9,
                &case,
            );
            let wanted = case.number("wasserstein_normalised");
            assert_close(Some(found.normalised), wanted, 1e-9, &case);
        }
    }

    #[test]
    fn far_from_zero_nothing_is_lost() {
        let values = |from: f64| (0..100).map(|place| from + f64::from(place)).collect();
        let moved = |from: f64| {
            let reference: Vec<f64> = values(from);
            let current: Vec<f64> = reference.iter().map(|value| value + 5.0).collect();
            wasserstein(&SortedColumn::of(&reference), &SortedColumn::of(&current))
        };
        let near = moved(0.0).unwrap();
        assert!((near.distance - 5.0).abs() < 1e-12, "{near:?}");
        for from in [1e15, -1e15] {
            let far = moved(from).unwrap();
            assert!((far.normalised - near.normalised).abs() < 1e-12, "{far:?}");
        }
    }

    /// Name, reference, batch and normalised distance.
    type Edge<'a> = (&'a str, &'a [f64], &'a [f64], Option<f64>);

    #[test]
    fn the_edges_are_this_table() {
        let infinity = f64::INFINITY;
        let table: [Edge<'_>; 9] = [
            ("both empty", &[], &[], None),
            ("an empty side", &[], &[1.0], None),
            ("all missing", &[1.0, 2.0], &[f64::NAN; 3], None),
            ("one row", &[5.0], &[5.0], Some(0.0)),
            (
                "constants apart",
                &[5.0; 4],
                &[5.5; 3],
                Some(0.5 / LEAST_SPREAD),
            ),
            ("ties", &[0.0, 0.0, 2.0, 2.0], &[0.0, 2.0], Some(0.0)),
            ("an infinity", &[0.0, 1.0], &[infinity], None),
            (
                "an infinity in the reference",
                &[0.0, infinity],
                &[1.0],
                None,
            ),
            ("huge values", &[-1e308, 1e308], &[1e308, 1e308], Some(1.0)),
        ];
        for (name, reference, current, wanted) in table {
            let (reference, current) = (SortedColumn::of(reference), SortedColumn::of(current));
            let found = wasserstein(&reference, &current).map(|found| found.normalised);
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!((found - wanted).abs() <= 1e-12 * wanted, "{name}: {found}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{name}"),
            }
        }
    }
}
