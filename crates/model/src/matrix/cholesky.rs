//! Linear systems with a symmetric positive definite matrix.

use ndarray::{Array1, Array2};

/// A Cholesky factor: the lower triangular matrix L for which L·Lᵀ is the factored matrix.
#[derive(Clone, Debug)]
pub struct Cholesky {
    lower: Array2<f64>,
}

/// The first ridge that is tried if a matrix is singular within rounding, relative to its diagonal.
///
/// Only the ridge decides how equal columns share their weight. Their weights differ by the
/// rounding error divided by the ridge, about 1e-8. If the curvature of a direction is about as
/// small as the ridge, the steps in this direction are shorter.
const FIRST_RIDGE: f64 = 1e-8;
/// Factor between one ridge and the next.
const RIDGE_GROWTH: f64 = 100.0;
/// Maximum number of ridges. The last one is as large as the diagonal, so that factoring fails only
/// for numbers that are not finite.
const RIDGES: i32 = 5;

impl Cholesky {
    /// Factors a matrix. If the matrix is singular within rounding, the smallest ridge that helps
    /// is added to its diagonal.
    ///
    /// `None` if an entry is not finite.
    pub fn of(matrix: &Array2<f64>) -> Option<Self> {
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
    /// `rounding` is the relative error of the entries. `None` if the matrix is not positive
    /// definite by more than that, or if an entry is not finite.
    pub fn exactly(matrix: &Array2<f64>, rounding: f64) -> Option<Self> {
        let size = matrix.nrows();
        let mut lower: Vec<Vec<f64>> = (0..size).map(|row| vec![0.0; row + 1]).collect();
        for column in 0..size {
            let (above, below) = lower.split_at_mut(column + 1);
            let pivot = &mut above[column];
            let known: f64 = pivot[..column].iter().map(|entry| entry * entry).sum();
            let rest = matrix[[column, column]] - known;
            if !(rest > rounding * matrix[[column, column]] && rest.is_finite()) {
                return None;
            }
            pivot[column] = rest.sqrt();
            let (pivot, diagonal) = (&pivot[..column], pivot[column]);
            for (chunk, first) in below
                .chunks_mut(ROWS_AT_ONCE)
                .zip((column + 1..).step_by(ROWS_AT_ONCE))
            {
                let known = products(chunk, pivot);
                for ((row, known), place) in chunk.iter_mut().zip(known).zip(first..) {
                    row[column] = (matrix[[place, column]] - known) / diagonal;
                }
            }
        }
        Some(Self {
            lower: square(&lower),
        })
    }

    /// The solution x of A·x = b, where A is the factored matrix.
    pub fn solve(&self, right: &Array1<f64>) -> Array1<f64> {
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

    /// The solution X of A·X = B, where A is the factored matrix.
    pub fn solve_columns(&self, right: &Array2<f64>) -> Array2<f64> {
        let mut solution = right.clone();
        for mut column in solution.columns_mut() {
            let solved = self.solve(&column.to_owned());
            column.assign(&solved);
        }
        solution
    }

    /// The inverse of the factored matrix.
    pub fn inverse(&self) -> Array2<f64> {
        self.solve_columns(&Array2::eye(self.lower.nrows()))
    }
}

/// Number of rows of a factor that are computed side by side. The processor then need not wait for
/// one sum before it adds to the next.
const ROWS_AT_ONCE: usize = 8;

/// The sums of the products of each row's first entries with those of the pivot row. Each sum is added
/// up in the order of the entries.
fn products(rows: &[Vec<f64>], pivot: &[f64]) -> [f64; ROWS_AT_ONCE] {
    let mut sums = [0.0; ROWS_AT_ONCE];
    match <&[Vec<f64>; ROWS_AT_ONCE]>::try_from(rows) {
        Ok(rows) => {
            let rows = rows.each_ref().map(|row| &row[..pivot.len()]);
            for (place, factor) in pivot.iter().enumerate() {
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum += row[place] * factor;
                }
            }
        }
        Err(_) => {
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = row
                    .iter()
                    .zip(pivot)
                    .map(|(entry, factor)| entry * factor)
                    .sum();
            }
        }
    }
    sums
}

/// A lower triangle as a matrix, with 0 above the diagonal.
fn square(rows: &[Vec<f64>]) -> Array2<f64> {
    let size = rows.len();
    Array2::from_shape_fn((size, size), |(row, column)| {
        rows[row].get(column).copied().unwrap_or(0.0)
    })
}

fn with_ridge(matrix: &Array2<f64>, ridge: f64) -> Array2<f64> {
    let mut ridged = matrix.clone();
    let largest = matrix.diag().iter().copied().fold(0.0, f64::max);
    for entry in ridged.diag_mut() {
        // A diagonal entry of 0 gets the ridge of the largest entry.
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
        let unit = matrix.dot(&Cholesky::of(&matrix).unwrap().inverse()) - Array2::<f64>::eye(3);
        assert!(unit.iter().all(|entry| entry.abs() < 1e-14));
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
