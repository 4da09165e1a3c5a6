//! Symmetric positive definite systems of the few dimensions that a model has.

use ndarray::{Array1, Array2};

/// A lower triangular matrix L with L·Lᵀ equal to the matrix factored.
pub(crate) struct Cholesky {
    lower: Array2<f64>,
}

/// The first ridge tried on a matrix that is singular within rounding, relative to its diagonal.
///
/// How equal columns share their weight is told by nothing but it: they differ by the rounding
/// over it, about a hundred-millionth. It slows a direction down that has as little curvature.
const FIRST_RIDGE: f64 = 1e-8;
/// Every ridge is this much larger than the one before.
const RIDGE_GROWTH: f64 = 100.0;
/// With a ridge as large as the matrix itself only numbers that are not finite fail.
const RIDGES: i32 = 5;

impl Cholesky {
    /// Factors a matrix, or the nearest one with a ridge on its diagonal where it is singular.
    ///
    /// `None` when it holds numbers that are not finite.
    pub(crate) fn of(matrix: &Array2<f64>) -> Option<Self> {
        if !matrix.iter().all(|entry| entry.is_finite()) {
            return None;
        }
        let rounding = matrix.nrows() as f64 * f64::EPSILON;
        std::iter::once(0.0)
            .chain((0..RIDGES).map(|power| FIRST_RIDGE * RIDGE_GROWTH.powi(power)))
            .find_map(|ridge| Self::exactly(&with_ridge(matrix, ridge), rounding))
    }

    /// Factors a matrix as it is, without a ridge.
    ///
    /// `None` when it is not positive definite by more than `rounding`, the relative error of its
    /// entries, or holds numbers that are not finite.
    pub(crate) fn exactly(matrix: &Array2<f64>, rounding: f64) -> Option<Self> {
        let size = matrix.nrows();
        let mut lower = Array2::zeros((size, size));
        for row in 0..size {
            for column in 0..=row {
                let known: f64 = (0..column)
                    .map(|k| lower[[row, k]] * lower[[column, k]])
                    .sum();
                let rest = matrix[[row, column]] - known;
                if row > column {
                    lower[[row, column]] = rest / lower[[column, column]];
                } else if rest > rounding * matrix[[row, row]] && rest.is_finite() {
                    lower[[row, row]] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Self { lower })
    }

    /// The solution x of A·x = b.
    pub(crate) fn solve(&self, right: &Array1<f64>) -> Array1<f64> {
        let size = right.len();
        let mut solution = right.clone();
        for row in 0..size {
            let known: f64 = (0..row).map(|k| self.lower[[row, k]] * solution[k]).sum();
            solution[row] = (solution[row] - known) / self.lower[[row, row]];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size)
                .map(|k| self.lower[[k, row]] * solution[k])
                .sum();
            solution[row] = (solution[row] - known) / self.lower[[row, row]];
        }
        solution
    }

    /// The solution X of A·X = B.
    pub(crate) fn solve_columns(&self, right: &Array2<f64>) -> Array2<f64> {
        let mut solution = right.clone();
        for mut column in solution.columns_mut() {
            let solved = self.solve(&column.to_owned());
            column.assign(&solved);
        }
        solution
    }
}

fn with_ridge(matrix: &Array2<f64>, ridge: f64) -> Array2<f64> {
    let mut ridged = matrix.clone();
    let largest = matrix.diag().iter().copied().fold(0.0, f64::max);
    for entry in ridged.diag_mut() {
        // A direction without any curvature takes its ridge from the others.
        *entry += ridge * if *entry > 0.0 { *entry } else { largest };
    }
    ridged
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_positive_definite_system_is_solved() {
        let matrix = array![[4.0, 2.0, 0.5], [2.0, 3.0, -1.0], [0.5, -1.0, 2.0]];
        let right = array![1.0, -2.0, 3.0];
        let solution = Cholesky::of(&matrix).unwrap().solve(&right);
        for (found, wanted) in matrix.dot(&solution).iter().zip(&right) {
            assert!((found - wanted).abs() < 1e-14);
        }
    }

    #[test]
    fn a_singular_system_gets_a_ridge_and_keeps_its_residual_small() {
        let matrix = array![[1.0, 1.0], [1.0, 1.0]];
        let right = array![2.0, 2.0];
        let solution = Cholesky::of(&matrix).unwrap().solve(&right);
        assert!((solution[0] - 1.0).abs() < 1e-3, "{solution}");
        assert!((solution.sum() - 2.0).abs() < 1e-7, "{solution}");
    }

    #[test]
    fn a_matrix_that_is_singular_within_its_rounding_has_no_exact_factor() {
        let nearly_singular = array![[1.0, 1.0], [1.0, 1.0 + 1e-12]];
        assert!(Cholesky::exactly(&nearly_singular, 1e-11).is_none());
        assert!(Cholesky::exactly(&nearly_singular, 1e-14).is_some());
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for number in [f64::NAN, f64::INFINITY] {
            assert!(Cholesky::of(&array![[number]]).is_none());
            assert!(Cholesky::exactly(&array![[number]], 1e-15).is_none());
        }
    }
}
