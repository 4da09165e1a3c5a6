//! Checks a covariance matrix, and computes what to add to one whose variances are too small.

use ndarray::{Array1, Array2, Axis};

use crate::matrix::{Eigen, eigen};

/// A variance below this share of the variance in `least` is replaced. The standard error is then less
/// than half of the standard error in `least`. With few rows, smaller differences are chance.
const SMALLEST_SHARE: f64 = 0.25;

/// The reason why a matrix cannot be the covariance of `size` coefficients, intercept included.
/// `None` if it can.
pub fn covariance_flaw(covariance: &Array2<f64>, size: usize) -> Option<&'static str> {
    if covariance.dim() != (size, size) {
        return Some("its covariance does not have one row and column per coefficient");
    }
    if !covariance.iter().all(|entry| entry.is_finite()) {
        return Some("its covariance is not finite");
    }
    let has_variances = covariance.diag().iter().all(|variance| *variance >= 0.0);
    (!has_variances).then_some("its covariance has a variance below 0")
}

/// The matrix to add to a covariance, so that no direction has a far smaller variance than in
/// `least`. A direction with a far smaller variance gets the variance in `least`; other directions keep
/// their own. `None` if there is nothing to add, or if a number is not finite.
///
/// Both matrices must be symmetric without negative eigenvalues. Both are diagonal in the same
/// directions T·q, where least = T·Tᵀ and q is an eigenvector of T⁻¹·covariance·T⁻ᵀ (Golub and Van
/// Loan 2013, 8.7). The variance in `least` is 1 in each of these directions. Nothing is added in a
/// direction that has no variance in `least`.
pub fn variance_supplement(covariance: &Array2<f64>, least: &Array2<f64>) -> Option<Array2<f64>> {
    let directions = Directions::of(&eigen(least)?);
    let relative = directions
        .inverse
        .t()
        .dot(covariance)
        .dot(&directions.inverse);
    let Eigen { values, vectors } = eigen(&relative)?;
    let is_small = |place: &usize| values[*place] < SMALLEST_SHARE;
    let small: Vec<usize> = (0..values.len()).filter(is_small).collect();
    let missing: Array1<f64> = small.iter().map(|place| 1.0 - values[*place]).collect();
    let along = directions.scaled.dot(&vectors.select(Axis(0), &small).t());
    (!small.is_empty()).then(|| (&along * &missing).dot(&along.t()))
}

/// The eigenvectors of a matrix as columns, in two scalings: multiplied by the square root of their
/// eigenvalue, and divided by it. Eigenvectors without variance are left out.
struct Directions {
    scaled: Array2<f64>,
    inverse: Array2<f64>,
}

impl Directions {
    fn of(Eigen { values, vectors }: &Eigen) -> Self {
        let largest = values.iter().copied().fold(0.0, f64::max);
        let has_variance = |place: &usize| values[*place] > largest * f64::EPSILON;
        let places: Vec<usize> = (0..values.len()).filter(has_variance).collect();
        let lengths: Array1<f64> = places.iter().map(|place| values[*place].sqrt()).collect();
        let columns = vectors.select(Axis(0), &places).reversed_axes();
        Self {
            scaled: &columns * &lengths,
            inverse: columns / lengths,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn directions_with_too_little_variance_get_the_minimum() {
        // The variance is 0.1 along (1, 1) and 5 along (1, −1). The minimum is 1 along both.
        let covariance = array![[2.55, -2.45], [-2.45, 2.55]];
        let least = Array2::eye(2);
        let found = variance_supplement(&covariance, &least).unwrap();
        for entry in found.iter() {
            assert!((entry - 0.45).abs() < 1e-14, "{found:?}");
        }
        assert_eq!(
            variance_supplement(&covariance, &(Array2::eye(2) * 0.1)),
            None
        );
        let nothing = Array2::zeros((2, 2));
        let least = array![[4.0, 1.0], [1.0, 9.0]];
        let found = variance_supplement(&nothing, &least).unwrap();
        for (found, wanted) in found.iter().zip(least.iter()) {
            assert!((found - wanted).abs() < 1e-14, "{found} {wanted}");
        }
        assert_eq!(variance_supplement(&nothing, &nothing), None);
    }

    #[test]
    fn non_finite_variances_have_no_supplement() {
        assert_eq!(
            variance_supplement(&array![[0.0]], &array![[f64::NAN]]),
            None
        );
        assert_eq!(
            variance_supplement(&array![[f64::INFINITY]], &array![[1.0]]),
            None
        );
    }
}
