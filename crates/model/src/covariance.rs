//! The check of a covariance matrix.

/// The reason why a matrix is no covariance of `size` coefficients, the intercept included; `None`
/// if it can be one.
pub fn covariance_flaw(covariance: &[Vec<f64>], size: usize) -> Option<&'static str> {
    let is_square = covariance.len() == size && covariance.iter().all(|row| row.len() == size);
    if !is_square {
        return Some("its covariance is not one row and column per coefficient");
    }
    if !covariance.iter().flatten().all(|entry| entry.is_finite()) {
        return Some("its covariance is not finite");
    }
    let mut rows = covariance.iter().enumerate();
    let has_variances = rows.all(|(row, entries)| entries[row] >= 0.0);
    (!has_variances).then_some("its covariance has a variance below 0")
}
