//! The Wasserstein distance of two distributions of numbers.

use serde::{Deserialize, Serialize};

use super::sorted::{SortedColumn, steps};

/// Smallest standard deviation of a reference, which a constant reference has.
pub const MIN_SPREAD: f64 = 0.001;

/// Wasserstein distance of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wasserstein {
    /// Area between the two distribution functions, in units of the values.
    pub distance: f64,
    /// Distance divided by the reference's standard deviation (divisor n, at least
    /// [`MIN_SPREAD`]). It has no unit.
    pub normalised: f64,
}

/// Computes the distance of a batch from the reference: Σ|F − G|·Δx over the sorted values of both.
/// Missing values are ignored.
///
/// `None` when a sample has no values, or the distance is out of the range of floats, as with
/// infinities.
pub fn wasserstein(reference: &SortedColumn, batch: &SortedColumn) -> Option<Wasserstein> {
    let (n, m) = (reference.count() as f64, batch.count() as f64);
    let spread = standard_deviation(reference.present())?.max(MIN_SPREAD);
    if batch.count() == 0 {
        return None;
    }
    let later = steps(reference, batch).skip(1);
    let normalised: f64 = steps(reference, batch)
        .zip(later)
        .map(|(from, to)| {
            let difference = (from.first as f64 / n - from.second as f64 / m).abs();
            difference * gap(from.value, to.value, spread)
        })
        .sum();
    let distance = normalised * spread;
    let is_finite = normalised.is_finite() && distance.is_finite();
    is_finite.then_some(Wasserstein {
        distance,
        normalised,
    })
}

/// The difference of two values, in units of the spread.
///
/// Subtracting first keeps values near 10¹⁵ exact to the last unit; their quotients would not be.
/// Only where the difference overflows, the quotients are subtracted.
fn gap(from: f64, to: f64, spread: f64) -> f64 {
    let difference = to - from;
    if difference.is_finite() {
        difference / spread
    } else {
        to / spread - from / spread
    }
}

/// The standard deviation with divisor n. `None` without values, or when a value or the result is
/// not finite.
pub(super) fn standard_deviation(values: &[f64]) -> Option<f64> {
    let (smallest, largest) = (*values.first()?, *values.last()?);
    let size = smallest.abs().max(largest.abs());
    if !size.is_finite() {
        return None;
    }
    if smallest == largest {
        return Some(0.0);
    }
    // The values are shifted to start at 0 and divided by their range. No square overflows then,
    // and values far from 0 keep their differences.
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
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn distances_match_scipy() {
        for case in cases("samples") {
            let (reference, batch) = case.sorted();
            let found = wasserstein(&reference, &batch).unwrap();
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
    fn distances_far_from_zero_are_exact() {
        let values = |from: f64| {
            (0..100)
                .map(|position| from + f64::from(position))
                .collect()
        };
        let moved = |from: f64| {
            let reference: Vec<f64> = values(from);
            let batch: Vec<f64> = reference.iter().map(|value| value + 5.0).collect();
            wasserstein(&SortedColumn::of(&reference), &SortedColumn::of(&batch))
        };
        let near = moved(0.0).unwrap();
        assert!((near.distance - 5.0).abs() < 1e-12, "{near:?}");
        for from in [1e15, -1e15] {
            let far = moved(from).unwrap();
            assert!((far.normalised - near.normalised).abs() < 1e-12, "{far:?}");
        }
    }

    /// Name, reference, batch and expected normalised distance.
    type Edge<'a> = (&'a str, &'a [f64], &'a [f64], Option<f64>);

    #[test]
    fn edge_cases() {
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
                Some(0.5 / MIN_SPREAD),
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
        for (name, reference, batch, wanted) in table {
            let (reference, batch) = (SortedColumn::of(reference), SortedColumn::of(batch));
            let found = wasserstein(&reference, &batch).map(|found| found.normalised);
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!((found - wanted).abs() <= 1e-12 * wanted, "{name}: {found}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{name}"),
            }
        }
    }
}
