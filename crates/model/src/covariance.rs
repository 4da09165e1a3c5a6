//! Checks a covariance matrix, and computes what to add to one whose variances are too small.

use crate::symmetric::{Eigen, dot, eigen};

/// A direction whose variance is below this share of the variance in `least` gets the latter. Its
/// own standard error is then less than half of the other one. With few rows, smaller differences
/// are chance.
const SMALLEST_SHARE: f64 = 0.25;

/// The reason why a matrix cannot be the covariance of `size` coefficients, intercept included.
/// `None` if it can.
pub fn covariance_flaw(covariance: &[Vec<f64>], size: usize) -> Option<&'static str> {
    let is_square = covariance.len() == size && covariance.iter().all(|row| row.len() == size);
    if !is_square {
        return Some("its covariance does not have one row and column per coefficient");
    }
    if !covariance.iter().flatten().all(|entry| entry.is_finite()) {
        return Some("its covariance is not finite");
    }
    let mut rows = covariance.iter().enumerate();
    let has_variances = rows.all(|(row, entries)| entries[row] >= 0.0);
    (!has_variances).then_some("its covariance has a variance below 0")
}

/// The matrix to add to a covariance, so that no direction has a far smaller variance than in
/// `least`. The variance in such a direction becomes that of `least`; other directions keep their
/// variance. `None` if there is nothing to add, or if a number is not finite.
///
/// Both matrices must be symmetric without negative eigenvalues. Both are diagonal in the same
/// directions T·q, where least = T·Tᵀ and q is an eigenvector of T⁻¹·covariance·T⁻ᵀ (Golub and Van
/// Loan 2013, 8.7). In each of them the variance in `least` is 1. A direction without variance in
/// `least` gets nothing.
pub fn variance_supplement(covariance: &[Vec<f64>], least: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let directions = scaled_eigenvectors(&eigen(least)?);
    let inverses: Vec<&[f64]> = directions.iter().map(|it| &it.inverse[..]).collect();
    let relative = bilinear_products(covariance, &inverses);
    let found = eigen(&relative)?;
    let missing = found.values.iter().zip(&found.vectors);
    let missing: Vec<(f64, Vec<f64>)> = missing
        .filter(|(variance, _)| **variance < SMALLEST_SHARE)
        .map(|(variance, along)| (1.0 - variance, combined(&directions, along)))
        .collect();
    let size = covariance.len();
    let entry = |row: usize, column: usize| -> f64 {
        let parts = missing.iter();
        parts
            .map(|(by, along)| by * along[row] * along[column])
            .sum()
    };
    (!missing.is_empty()).then(|| {
        (0..size)
            .map(|row| (0..size).map(|column| entry(row, column)).collect())
            .collect()
    })
}

/// An eigenvector in two scalings: multiplied by the square root of its eigenvalue, and divided by
/// it.
struct Direction {
    scaled: Vec<f64>,
    inverse: Vec<f64>,
}

fn scaled_eigenvectors(found: &Eigen) -> Vec<Direction> {
    let largest = found.values.iter().copied().fold(0.0, f64::max);
    let directions = found.values.iter().zip(&found.vectors);
    directions
        .filter(|(value, _)| **value > largest * f64::EPSILON)
        .map(|(value, vector)| {
            let length = value.sqrt();
            Direction {
                scaled: vector.iter().map(|entry| entry * length).collect(),
                inverse: vector.iter().map(|entry| entry / length).collect(),
            }
        })
        .collect()
}

/// The products vᵀ·matrix·w for all pairs of vectors.
fn bilinear_products(matrix: &[Vec<f64>], vectors: &[&[f64]]) -> Vec<Vec<f64>> {
    let image = |vector: &&[f64]| matrix.iter().map(|line| dot(line, vector)).collect();
    let images: Vec<Vec<f64>> = vectors.iter().map(image).collect();
    vectors
        .iter()
        .map(|left| images.iter().map(|image| dot(left, image)).collect())
        .collect()
}

fn combined(directions: &[Direction], weights: &[f64]) -> Vec<f64> {
    let size = directions.first().map_or(0, |first| first.scaled.len());
    let mut sum = vec![0.0; size];
    for (direction, weight) in directions.iter().zip(weights) {
        sum.iter_mut()
            .zip(&direction.scaled)
            .for_each(|(sum, entry)| *sum += weight * entry);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_with_too_little_variance_get_the_minimum() {
        // The variance is 0.1 along (1, 1) and 5 along (1, −1). The minimum is 1 along both.
        let covariance = [vec![2.55, -2.45], vec![-2.45, 2.55]];
        let least = [vec![1.0, 0.0], vec![0.0, 1.0]];
        let found = variance_supplement(&covariance, &least).unwrap();
        for entry in found.iter().flatten() {
            assert!((entry - 0.45).abs() < 1e-14, "{found:?}");
        }
        assert_eq!(
            variance_supplement(&covariance, &[vec![0.1, 0.0], vec![0.0, 0.1]]),
            None
        );
        let nothing = [vec![0.0, 0.0], vec![0.0, 0.0]];
        let least = [vec![4.0, 1.0], vec![1.0, 9.0]];
        let found = variance_supplement(&nothing, &least).unwrap();
        for (found, wanted) in found.iter().flatten().zip(least.iter().flatten()) {
            assert!((found - wanted).abs() < 1e-14, "{found} {wanted}");
        }
        assert_eq!(variance_supplement(&nothing, &nothing), None);
    }

    #[test]
    fn non_finite_variances_have_no_supplement() {
        assert_eq!(variance_supplement(&[vec![0.0]], &[vec![f64::NAN]]), None);
        assert_eq!(
            variance_supplement(&[vec![f64::INFINITY]], &[vec![1.0]]),
            None
        );
    }
}
