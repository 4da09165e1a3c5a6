//! Eigenvalues and eigenvectors of small symmetric matrices.

use ndarray::Array2;

/// Maximum number of sweeps. About ten make a matrix of usual size diagonal.
const MAX_SWEEPS: usize = 60;

/// Eigenvalues and eigenvectors of a symmetric matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalues, not sorted.
    pub values: Vec<f64>,
    /// The eigenvector of each eigenvalue, a row of length 1.
    pub vectors: Array2<f64>,
}

/// Computes eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub
/// and Van Loan 2013, 8.5). `None` if an entry is not finite.
pub fn eigen(matrix: &Array2<f64>) -> Option<Eigen> {
    if !matrix.iter().all(|entry| entry.is_finite()) {
        return None;
    }
    let size = matrix.nrows();
    let mut rotated = matrix.iter().copied().collect::<Vec<f64>>();
    let mut vectors = Array2::eye(size).into_raw_vec_and_offset().0;
    for _ in 0..MAX_SWEEPS {
        let mut is_diagonal = true;
        for row in 0..size {
            for column in row + 1..size {
                is_diagonal &= !rotate(&mut rotated, &mut vectors, size, (row, column));
            }
        }
        if is_diagonal {
            break;
        }
    }
    Some(Eigen {
        values: (0..size).map(|row| rotated[row * size + row]).collect(),
        vectors: Array2::from_shape_vec((size, size), vectors).ok()?,
    })
}

/// Rotates so that the entry in row p and column q becomes 0. Returns false if it was already 0
/// within rounding. Both matrices are written row by row.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], size: usize, (p, q): (usize, usize)) -> bool {
    let at = |row: usize, column: usize| row * size + column;
    let entry = matrix[at(p, q)];
    let diagonal = (matrix[at(p, p)] * matrix[at(q, q)]).abs().sqrt();
    if entry == 0.0 || entry.abs() <= f64::EPSILON * diagonal {
        return false;
    }
    let slope = (matrix[at(q, q)] - matrix[at(p, p)]) / (2.0 * entry);
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |x: &mut f64, y: &mut f64| {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    };
    for row in matrix.chunks_exact_mut(size) {
        let (left, right) = row.split_at_mut(q);
        turn(&mut left[p], &mut right[0]);
    }
    for rows in [&mut *matrix, vectors] {
        let (upper, lower) = rows.split_at_mut(at(q, 0));
        let upper = &mut upper[at(p, 0)..at(p + 1, 0)];
        for (x, y) in upper.iter_mut().zip(lower) {
            turn(x, y);
        }
    }
    // Set to 0 exactly: rounding leaves a small remainder.
    (matrix[at(p, q)], matrix[at(q, p)]) = (0.0, 0.0);
    true
}

/// Scalar product of two vectors.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn eigenvalues_and_vectors_restore_the_matrix() {
        let matrix = array![
            [4.0, 1.0, -2.0, 0.0],
            [1.0, 2.0, 0.0, 1e-3],
            [-2.0, 0.0, 3.0, -2.0],
            [0.0, 1e-3, -2.0, -1.0],
        ];
        let Eigen { values, vectors } = eigen(&matrix).unwrap();
        let back = vectors
            .t()
            .dot(&Array2::from_diag(&Array1::from(values)))
            .dot(&vectors);
        assert!((back - matrix).iter().all(|it| it.abs() < 1e-14));
        let products = vectors.dot(&vectors.t()) - Array2::<f64>::eye(4);
        assert!(products.iter().all(|it| it.abs() < 1e-14));
    }

    #[test]
    fn small_eigenvalues_are_found_next_to_large_ones() {
        let almost = 1.0 - 1e-11;
        let found = eigen(&array![[1.0, almost], [almost, 1.0]]).unwrap();
        let smallest = found.values.iter().copied().fold(2.0, f64::min);
        assert!((smallest / 1e-11 - 1.0).abs() < 1e-4, "{smallest}");
    }

    #[test]
    fn non_finite_matrices_have_no_eigenvalues() {
        assert_eq!(eigen(&array![[f64::NAN]]), None);
        assert_eq!(eigen(&array![[f64::INFINITY]]), None);
        assert!(eigen(&Array2::zeros((0, 0))).unwrap().values.is_empty());
    }
}
