//! Estimates that are tested together, each in units of its own error, and those left out because
//! a batch cannot tell them from the others.
//!
//! A constant column, one without values, or one made of others says nothing of its own. Such an
//! estimate is left out and the rest is tested with as many degrees of freedom as it has: one bad
//! column must not decide whether the others can be judged.

use super::symmetric::{Eigen, dot, eigen};

/// Beyond this condition number, of a covariance scaled to a diagonal of 1, directions are
/// rounding.
const WORST_CONDITION: f64 = 1e10;
/// Of the estimates that make up such a direction the last goes; an entry smaller than this share
/// of the largest is no part of it.
const PART_OF_A_DIRECTION: f64 = 0.5;

/// A covariance of estimates, without those that the others determine.
pub(crate) struct Independent {
    /// Estimates of the covariance.
    size: usize,
    /// Those that are tested, ascending.
    kept: Vec<usize>,
    /// The standard error of each of them.
    errors: Vec<f64>,
    /// Of their correlations.
    found: Eigen,
}

impl Independent {
    /// Leaves out what has no variance, and what makes the rest ill-conditioned; the first
    /// `fixed` estimates stay, and the later of two that are one goes.
    ///
    /// `None` when a number is not finite.
    pub(crate) fn of(covariance: &[Vec<f64>], fixed: usize) -> Option<Self> {
        let size = covariance.len();
        let variance = |estimate: usize| covariance[estimate][estimate];
        let mut kept: Vec<usize> = (0..size)
            .filter(|estimate| variance(*estimate) != 0.0)
            .collect();
        let fixed = kept.iter().filter(|estimate| **estimate < fixed).count();
        loop {
            let errors: Vec<f64> = kept.iter().map(|row| variance(*row).sqrt()).collect();
            let correlations: Vec<Vec<f64>> = kept
                .iter()
                .zip(&errors)
                .map(|(row, error)| {
                    let line = kept.iter().zip(&errors);
                    line.map(|(column, other)| covariance[*row][*column] / error / other)
                        .collect()
                })
                .collect();
            let found = eigen(&correlations)?;
            match superfluous(&found, fixed) {
                Some(place) => drop(kept.remove(place)),
                None => {
                    return Some(Self {
                        size,
                        kept,
                        errors,
                        found,
                    });
                }
            }
        }
    }

    /// The estimates that are tested, ascending.
    pub(crate) fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// Hotelling's statistic of the estimates.
    pub(crate) fn statistic(&self, estimates: &[f64]) -> f64 {
        let along = self.along_directions(estimates);
        along.map(|(_, along)| along * along).sum()
    }

    /// R^(−1/2) times the estimates in units of their errors, R their correlations: of all ways to
    /// make them independent the one that leaves each closest to itself (Kessy, Lewin and Strimmer
    /// 2018). Their squares add up to the statistic; `None` stands for one left out.
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

    /// How far the estimates reach along each direction in which they are independent, in units of
    /// the error there.
    fn along_directions(&self, estimates: &[f64]) -> impl Iterator<Item = (&[f64], f64)> {
        let scaled: Vec<f64> = self
            .kept
            .iter()
            .zip(&self.errors)
            .map(|(estimate, error)| estimates[*estimate] / error)
            .collect();
        let directions = self.found.values.iter().zip(&self.found.vectors);
        directions.map(move |(value, direction)| {
            let along = dot(direction, &scaled) / value.sqrt();
            (direction.as_slice(), along)
        })
    }
}

/// The place of an estimate without which the others are better told apart; `None` when they are
/// apart already.
fn superfluous(found: &Eigen, fixed: usize) -> Option<usize> {
    let largest = found.values.iter().copied().fold(0.0, f64::max);
    let (smallest, direction) = found
        .values
        .iter()
        .zip(&found.vectors)
        .min_by(|a, b| a.0.total_cmp(b.0))?;
    if *smallest > 0.0 && *smallest * WORST_CONDITION >= largest {
        return None;
    }
    let entries = direction.get(fixed..)?;
    let most = entries
        .iter()
        .fold(0.0, |most: f64, entry| most.max(entry.abs()));
    let is_part = |entry: &f64| entry.abs() >= most * PART_OF_A_DIRECTION;
    entries.iter().rposition(is_part).map(|place| fixed + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a covariance, the first estimate fixed, and the statistic of these
    /// estimates.
    fn tested(covariance: &[&[f64]], estimates: &[f64]) -> Option<(Vec<usize>, f64)> {
        let covariance: Vec<Vec<f64>> = covariance.iter().map(|row| row.to_vec()).collect();
        let found = Independent::of(&covariance, 1)?;
        let components = found.components(estimates);
        let squares = components.iter().flatten().map(|part| part * part);
        Some((found.kept().to_vec(), squares.sum()))
    }

    #[test]
    fn what_says_nothing_of_its_own_is_left_out_and_changes_nothing() {
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
    fn what_is_fixed_stays() {
        let (kept, _) = tested(&[&[1.0, 1.0], &[1.0, 1.0]], &[1.0, 1.0]).unwrap();
        assert_eq!(kept, [0]);
        let (kept, statistic) = tested(&[&[0.0, 0.0], &[0.0, 4.0]], &[0.0, 2.0]).unwrap();
        assert_eq!((kept, statistic), (vec![1], 1.0));
    }

    #[test]
    fn numbers_that_are_not_finite_cannot_be_told_apart() {
        for number in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(tested(&[&[1.0, 0.0], &[0.0, number]], &[0.0, 0.0]), None);
        }
        assert_eq!(tested(&[], &[]), Some((vec![], 0.0)));
    }
}
