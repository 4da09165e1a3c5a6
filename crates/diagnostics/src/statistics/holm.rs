//! Correction of p-values for multiple testing.

/// Corrects p-values by Holm's method (Holm 1979); the result has the same order.
///
/// A test is significant at α when its corrected p-value is below α. The chance of any false alarm
/// is then at most α.
///
/// The i-th smallest of k p-values becomes the maximum of (k − j + 1)·p_j for j ≤ i, at most 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (position, test) in order.iter().enumerate() {
        let remaining = (p_values.len() - position) as f64;
        largest = largest.max((remaining * p_values[*test]).min(1.0));
        corrected[*test] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_corrects_p_values() {
        let table: [(&[f64], &[f64]); 5] = [
            (&[], &[]),
            (&[0.04], &[0.04]),
            (&[0.01, 0.04, 0.03], &[0.03, 0.06, 0.06]),
            (&[0.5, 0.001, 0.9], &[1.0, 0.003, 1.0]),
            (&[0.02, 0.02], &[0.04, 0.04]),
        ];
        for (p_values, wanted) in table {
            let found = holm(p_values);
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-15, "{p_values:?}: {found}");
            }
        }
    }
}
