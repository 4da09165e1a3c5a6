//! Joint tests of estimates with a common covariance, without the estimates that are redundant.
//!
//! An estimate is redundant when its column is constant, has no values, or is a combination of
//! other columns. Such an estimate is left out, so that one bad column does not prevent the test. The
//! number of the remaining estimates is the number of degrees of freedom.

use model::matrix::{Eigen, eigen};
use ndarray::{Array2, ArrayView1};

/// Largest condition number of the correlation matrix. Beyond it, the smallest eigenvalue is
/// rounding error.
const MAX_CONDITION_NUMBER: f64 = 1e10;
/// An estimate is part of an eigenvector's direction if its entry is at least this share of the largest
/// entry. The last such estimate is left out.
const MIN_RELATIVE_LOADING: f64 = 0.5;

/// Estimates with a common covariance, of which none is determined by the others.
pub(crate) struct IndependentEstimates {
    /// Number of all estimates.
    size: usize,
    /// Indices of the tested estimates, ascending.
    kept: Vec<usize>,
    /// Standard error of each tested estimate.
    errors: Vec<f64>,
    /// Eigenvalues and eigenvectors of the correlations of the tested estimates.
    eigen: Eigen,
}

impl IndependentEstimates {
    /// Leaves out estimates without variance, and those that make the correlations ill-conditioned.
    /// Of two equal estimates the later one is left out.
    ///
    /// The first `fixed` estimates stay unless their variance is 0. `None` when a number is not
    /// finite.
    pub(crate) fn of(covariance: &Array2<f64>, fixed: usize) -> Option<Self> {
        let size = covariance.nrows();
        let variance = |estimate: usize| covariance[[estimate, estimate]];
        let mut kept: Vec<usize> = (0..size)
            .filter(|estimate| variance(*estimate) != 0.0)
            .collect();
        let fixed = kept.iter().filter(|estimate| **estimate < fixed).count();
        loop {
            let errors: Vec<f64> = kept.iter().map(|row| variance(*row).sqrt()).collect();
            let correlations = Array2::from_shape_fn((kept.len(), kept.len()), |(row, column)| {
                covariance[[kept[row], kept[column]]] / errors[row] / errors[column]
            });
            let eigen = eigen(&correlations)?;
            match redundant(&eigen, fixed) {
                Some(position) => drop(kept.remove(position)),
                None => {
                    return Some(Self {
                        size,
                        kept,
                        errors,
                        eigen,
                    });
                }
            }
        }
    }

    /// Indices of the tested estimates, ascending.
    pub(crate) fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// Hotelling's statistic of the estimates.
    pub(crate) fn statistic(&self, estimates: &[f64]) -> f64 {
        let along = self.along_directions(estimates);
        along.map(|(_, along)| along * along).sum()
    }

    /// R^(−1/2)·z: z holds the estimates divided by their standard errors, R their correlations.
    ///
    /// Of all transformations to independent components, this one keeps each component closest to
    /// its estimate (Kessy, Lewin and Strimmer 2018). The squares of the components add up to the
    /// statistic. An estimate that was left out has `None`.
    pub(crate) fn components(&self, estimates: &[f64]) -> Vec<Option<f64>> {
        let mut sums = vec![0.0; self.kept.len()];
        for (direction, along) in self.along_directions(estimates) {
            sums.iter_mut()
                .zip(direction)
                .for_each(|(sum, entry)| *sum += along * entry);
        }
        let mut components = vec![None; self.size];
        for (estimate, sum) in self.kept.iter().zip(sums) {
            components[*estimate] = Some(sum);
        }
        components
    }

    /// Each eigenvector, with the length of the scaled estimates along the eigenvector. The unit of the
    /// length is the standard error in this direction.
    fn along_directions(
        &self,
        estimates: &[f64],
    ) -> impl Iterator<Item = (ArrayView1<'_, f64>, f64)> {
        let scaled: Vec<f64> = self
            .kept
            .iter()
            .zip(&self.errors)
            .map(|(estimate, error)| estimates[*estimate] / error)
            .collect();
        let directions = self
            .eigen
            .values
            .iter()
            .zip(self.eigen.vectors.outer_iter());
        directions.map(move |(value, direction)| {
            let products = direction.iter().zip(&scaled).map(|(x, y)| x * y);
            (direction, products.sum::<f64>() / value.sqrt())
        })
    }
}

/// Index of a redundant estimate among the tested ones. `None` when the correlations are
/// well-conditioned.
fn redundant(eigen: &Eigen, fixed: usize) -> Option<usize> {
    let largest = eigen.values.iter().copied().fold(0.0, f64::max);
    let (smallest, direction) = eigen
        .values
        .iter()
        .zip(eigen.vectors.outer_iter())
        .min_by(|a, b| a.0.total_cmp(b.0))?;
    if *smallest > 0.0 && *smallest * MAX_CONDITION_NUMBER >= largest {
        return None;
    }
    let entries = &direction.to_vec();
    let entries = entries.get(fixed..)?;
    let largest_entry = entries
        .iter()
        .fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    let is_part = |entry: &f64| entry.abs() >= largest_entry * MIN_RELATIVE_LOADING;
    entries
        .iter()
        .rposition(is_part)
        .map(|position| fixed + position)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Indices of the tested estimates and the statistic. The first estimate is fixed.
    fn tested(covariance: &[&[f64]], estimates: &[f64]) -> Option<(Vec<usize>, f64)> {
        let covariance =
            Array2::from_shape_fn((covariance.len(), covariance.len()), |(row, column)| {
                covariance[row][column]
            });
        let found = IndependentEstimates::of(&covariance, 1)?;
        let components = found.components(estimates);
        let squares = components.iter().flatten().map(|part| part * part);
        Some((found.kept().to_vec(), squares.sum()))
    }

    #[test]
    fn redundant_estimates_are_left_out() {
        let alone = tested(&[&[4.0, 1.0], &[1.0, 9.0]], &[2.0, 3.0]).unwrap();
        assert_eq!(alone.0, [0, 1]);
        let table: [(&str, [f64; 3], f64); 4] = [
            ("without variance", [0.0, 0.0, 0.0], 0.0),
            ("like the first", [4.0, 1.0, 4.0], 2.0),
            ("ten times the second", [10.0, 90.0, 900.0], 30.0),
            ("the sum of both", [5.0, 10.0, 15.0], 5.0),
        ];
        for (name, last, estimate) in table {
            let covariance: [&[f64]; 3] = [&[4.0, 1.0, last[0]], &[1.0, 9.0, last[1]], &last];
            let (kept, statistic) = tested(&covariance, &[2.0, 3.0, estimate]).unwrap();
            assert_eq!(kept, [0, 1], "{name}");
            assert!((statistic / alone.1 - 1.0).abs() < 1e-9, "{name}");
        }
    }

    #[test]
    fn fixed_estimates_stay() {
        let (kept, _) = tested(&[&[1.0, 1.0], &[1.0, 1.0]], &[1.0, 1.0]).unwrap();
        assert_eq!(kept, [0]);
        let (kept, statistic) = tested(&[&[0.0, 0.0], &[0.0, 4.0]], &[0.0, 2.0]).unwrap();
        assert_eq!((kept, statistic), (vec![1], 1.0));
    }

    #[test]
    fn non_finite_covariances_give_none() {
        for number in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(tested(&[&[1.0, 0.0], &[0.0, number]], &[0.0, 0.0]), None);
        }
        assert_eq!(tested(&[], &[]), Some((vec![], 0.0)));
    }
}
