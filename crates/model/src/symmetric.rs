//! Eigenvalues and products of small symmetric matrices.

/// Maximum number of sweeps. About ten make a matrix of usual size diagonal.
const MAX_SWEEPS: usize = 60;

/// Eigenvalues and eigenvectors of a symmetric matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalues, not sorted.
    pub values: Vec<f64>,
    /// The eigenvector of each eigenvalue, with length 1.
    pub vectors: Vec<Vec<f64>>,
}

/// Computes eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub
/// and Van Loan 2013, 8.5). `None` if an entry is not finite.
pub fn eigen(matrix: &[Vec<f64>]) -> Option<Eigen> {
    if !matrix.iter().flatten().all(|entry| entry.is_finite()) {
        return None;
    }
    let size = matrix.len();
    let mut matrix = matrix.to_vec();
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            (0..size)
                .map(|column| f64::from(u8::from(row == column)))
                .collect()
        })
        .collect();
    for _ in 0..MAX_SWEEPS {
        let mut is_diagonal = true;
        for row in 0..size {
            for column in row + 1..size {
                is_diagonal &= !rotate(&mut matrix, &mut vectors, row, column);
            }
        }
        if is_diagonal {
            break;
        }
    }
    Some(Eigen {
        values: (0..size).map(|row| matrix[row][row]).collect(),
        vectors,
    })
}

/// Rotates so that the entry in row p and column q becomes 0. Returns false if it was already 0
/// within rounding.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) -> bool {
    let entry = matrix[p][q];
    let diagonal = (matrix[p][p] * matrix[q][q]).abs().sqrt();
    if entry == 0.0 || entry.abs() <= f64::EPSILON * diagonal {
        return false;
    }
    let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * entry);
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |x: &mut f64, y: &mut f64| {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    };
    for line in matrix.iter_mut() {
        let (left, right) = line.split_at_mut(q);
        turn(&mut left[p], &mut right[0]);
    }
    for lines in [&mut *matrix, vectors] {
        let (upper, lower) = lines.split_at_mut(q);
        for (x, y) in upper[p].iter_mut().zip(&mut lower[0]) {
            turn(x, y);
        }
    }
    // Set to 0 exactly: rounding leaves a small remainder.
    (matrix[p][q], matrix[q][p]) = (0.0, 0.0);
    true
}

/// Scalar product of two vectors.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

/// Product of two square matrices of equal size.
pub fn product(left: &[Vec<f64>], right: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let column = |column: usize| -> Vec<f64> { right.iter().map(|row| row[column]).collect() };
    let columns: Vec<Vec<f64>> = (0..right.len()).map(column).collect();
    left.iter()
        .map(|row| columns.iter().map(|column| dot(row, column)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_and_vectors_restore_the_matrix() {
        let matrix = vec![
            vec![4.0, 1.0, -2.0, 0.0],
            vec![1.0, 2.0, 0.0, 1e-3],
            vec![-2.0, 0.0, 3.0, -2.0],
            vec![0.0, 1e-3, -2.0, -1.0],
        ];
        let found = eigen(&matrix).unwrap();
        for (row, line) in matrix.iter().enumerate() {
            for (column, entry) in line.iter().enumerate() {
                let pairs = found.values.iter().zip(&found.vectors);
                let back: f64 = pairs.map(|(value, v)| value * v[row] * v[column]).sum();
                assert!((back - entry).abs() < 1e-14, "{row} {column}: {back}");
            }
        }
        for (row, left) in found.vectors.iter().enumerate() {
            for (column, right) in found.vectors.iter().enumerate() {
                let wanted = f64::from(u8::from(row == column));
                assert!((dot(left, right) - wanted).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn small_eigenvalues_are_found_next_to_large_ones() {
        let almost = 1.0 - 1e-11;
        let found = eigen(&[vec![1.0, almost], vec![almost, 1.0]]).unwrap();
        let smallest = found.values.iter().copied().fold(2.0, f64::min);
        assert!((smallest / 1e-11 - 1.0).abs() < 1e-4, "{smallest}");
    }

    #[test]
    fn non_finite_matrices_have_no_eigenvalues() {
        assert_eq!(eigen(&[vec![f64::NAN]]), None);
        assert_eq!(eigen(&[vec![f64::INFINITY]]), None);
        assert!(eigen(&[]).unwrap().values.is_empty());
    }
}
