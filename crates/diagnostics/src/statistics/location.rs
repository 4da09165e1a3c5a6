//! One joint test of whether a batch lies elsewhere than its reference, in any direction.
//!
//! Each value becomes its normal score within the reference's column (van der Waerden): outliers
//! and skewed columns weigh no more than others. The mean scores of the batch are then held
//! against those of the reference by Hotelling's statistic, with the covariance of the reference's
//! own scores. Many columns that each move a little are found long before any of them alone.

use serde::{Deserialize, Serialize};

use super::independent::Independent;
use super::sorted::{SortedColumn, steps};
use super::tails::{f_tail, normal_quantile};

/// Of a column that has almost always one value, at least so many values beside it must be expected
/// in a batch: the mean of fewer is far from normal.
const LEAST_BESIDE: f64 = 5.0;

/// Whether a batch lies elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Hotelling's statistic.
    pub statistic: f64,
    /// The columns that were tested, counted from 0; as many as there are degrees of freedom.
    pub tested: Vec<usize>,
    /// How probable a statistic as large is when the batch lies where the reference does.
    pub p_value: f64,
}

/// A reference's columns, ready to hold batches against.
#[derive(Clone, Debug)]
pub struct NormalScores {
    columns: Vec<SortedColumn>,
    moments: ScoreMoments,
}

/// What the joint test needs of a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreMoments {
    /// Mean score of each column.
    means: Vec<f64>,
    /// Covariances of the scores, divisor n − 1, each over the rows where both are present.
    covariance: Vec<Vec<f64>>,
    together: PresentTogether,
    /// In how many rows each column has its most frequent value.
    commonest: Vec<u64>,
}

/// In how many rows both of two columns are present; a column with itself: in how many it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentTogether(Vec<Vec<u64>>);

/// What the joint test needs of a batch. Mergeable over batches against the same reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchLocation {
    /// Sum of each column's scores.
    sums: Vec<f64>,
    together: PresentTogether,
}

impl NormalScores {
    /// The columns of a reference, all of equal length, in the same order of rows.
    pub fn of(columns: &[&[f64]]) -> Self {
        let scored = columns.iter().map(|column| normal_scores(column.to_vec()));
        let (columns, scores): (Vec<SortedColumn>, Vec<Vec<f64>>) = scored.unzip();
        Self {
            moments: ScoreMoments::of(
                &scores,
                columns.iter().map(SortedColumn::commonest).collect(),
            ),
            columns,
        }
    }

    /// The columns in order.
    pub fn columns(&self) -> &[SortedColumn] {
        &self.columns
    }

    /// What the test needs of the reference.
    pub fn moments(&self) -> &ScoreMoments {
        &self.moments
    }

    /// What the test needs of a batch; its columns are those of the reference.
    pub fn batch(&self, current: &[SortedColumn], together: PresentTogether) -> BatchLocation {
        let columns = self.columns.iter().zip(current);
        let sums = columns.map(|(mine, new)| sum_of_scores(mine, new));
        BatchLocation::of(sums.collect(), together)
    }
}

impl ScoreMoments {
    /// Of columns of scores, in the same order of rows, and in how many each has its most frequent
    /// value.
    pub(crate) fn of(scores: &[Vec<f64>], commonest: Vec<u64>) -> Self {
        let slices: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
        let pairs = |left: &Vec<f64>| scores.iter().map(|right| covariance(left, right)).collect();
        Self {
            means: scores.iter().map(|scores| mean(scores)).collect(),
            covariance: scores.iter().map(pairs).collect(),
            together: PresentTogether::of(&slices),
            commonest,
        }
    }

    fn are_of(&self, columns: usize) -> bool {
        is_square(&self.covariance, columns)
            && self.commonest.len() == columns
            && is_square(&self.together.0, columns)
    }
}

impl PresentTogether {
    /// Counts the rows of columns of equal length.
    pub fn of(columns: &[&[f64]]) -> Self {
        let present: Vec<Vec<u64>> = columns.iter().map(|column| presence(column)).collect();
        let both = |left: &[u64], right: &[u64]| {
            let words = left.iter().zip(right);
            words.map(|(a, b)| u64::from((a & b).count_ones())).sum()
        };
        let counts = |left: &Vec<u64>| present.iter().map(|right| both(left, right)).collect();
        Self(present.iter().map(counts).collect())
    }

    /// How the covariance of two columns' means comes from that of their values.
    fn factor(&self, left: usize, right: usize) -> f64 {
        let both = self.0[left][right] as f64;
        both / (self.0[left][left] as f64 * self.0[right][right] as f64)
    }

    /// The fewest rows that any two of these columns share.
    fn fewest(&self, columns: &[usize]) -> Option<u64> {
        let shared = |left: &usize| columns.iter().map(|right| self.0[*left][*right]).min();
        columns.iter().filter_map(shared).min()
    }
}

impl BatchLocation {
    /// Of the sum of each column's scores.
    pub(crate) fn of(sums: Vec<f64>, together: PresentTogether) -> Self {
        Self { sums, together }
    }

    fn are_of(&self, columns: usize) -> bool {
        self.sums.len() == columns && is_square(&self.together.0, columns)
    }

    /// Adds a later batch of the same columns; `None`, with nothing added, when it has others.
    pub fn merge(&mut self, later: &Self) -> Option<()> {
        let size = self.sums.len();
        if !self.are_of(size) || !later.are_of(size) {
            return None;
        }
        for (mine, other) in self.sums.iter_mut().zip(&later.sums) {
            *mine += other;
        }
        for (mine, other) in self.together.0.iter_mut().zip(&later.together.0) {
            mine.iter_mut()
                .zip(other)
                .for_each(|(mine, other)| *mine += other);
        }
        Some(())
    }
}

/// Tests the mean scores of a batch: T² = d'V⁻¹d with d the difference of the mean scores and V the
/// covariance of d, S/m + S/n where nothing is missing. With k columns, T²·(n − k) / (k(n − 1)) is
/// F with k and n − k degrees of freedom, which becomes χ² / k as the reference grows.
///
/// That V has the reference's share in it does not say how sure S is itself: d and S are
/// independent for normal scores, S has n − 1 degrees of freedom, and F is the exact form of that.
/// It is approximate here, because the scores are normal by rank only and the batch is scored by
/// ranks of the same reference. Where values are missing n is the fewest rows that any two of the
/// columns share.
///
/// Columns that a side has no values of, that are constant in the reference or nearly so, or that
/// are made of others are left out. `None` when none is left, when n < k + 2, or when the two are
/// not of as many columns.
pub fn location_test(reference: &ScoreMoments, batch: &BatchLocation) -> Option<Location> {
    let size = reference.means.len();
    if !reference.are_of(size) || !batch.are_of(size) {
        return None;
    }
    let has_values = |column: &usize| {
        let present = [&reference.together, &batch.together].map(|side| side.0[*column][*column]);
        let beside = present[0].saturating_sub(reference.commonest[*column]);
        let share = beside as f64 / present[0] as f64;
        present[0] > 1 && present[1] as f64 * share >= LEAST_BESIDE
    };
    let columns: Vec<usize> = (0..size).filter(has_values).collect();
    let variance = |left: &usize, right: &usize| {
        let (left, right) = (*left, *right);
        let factor = reference.together.factor(left, right) + batch.together.factor(left, right);
        reference.covariance[left][right] * factor
    };
    let line = |left: &usize| columns.iter().map(|right| variance(left, right)).collect();
    let variances: Vec<Vec<f64>> = columns.iter().map(line).collect();
    let apart: Vec<f64> = columns
        .iter()
        .map(|column| {
            let count = batch.together.0[*column][*column] as f64;
            batch.sums[*column] / count - reference.means[*column]
        })
        .collect();
    let independent = Independent::of(&variances, 0)?;
    let components = independent.components(&apart);
    let statistic = components.iter().flatten().map(|part| part * part).sum();
    let tested: Vec<usize> = independent
        .kept()
        .iter()
        .map(|place| columns[*place])
        .collect();
    Some(Location {
        statistic,
        p_value: hotelling_tail(statistic, tested.len(), reference.together.fewest(&tested)?)?,
        tested,
    })
}

/// P(T² ≥ statistic) of `columns` columns whose covariance comes from `rows` rows; `None` where
/// there are too few of them.
fn hotelling_tail(statistic: f64, columns: usize, rows: u64) -> Option<f64> {
    if rows < columns as u64 + 2 {
        return None;
    }
    let (columns, rows) = (columns as f64, rows as f64);
    let scaled = statistic * (rows - columns) / (columns * (rows - 1.0));
    f_tail(scaled, columns, rows - columns)
}

/// The normal score of a value that has `below` of n values below it and `equal` like it: the
/// quantile of its mid-rank, (below + (equal + 1) / 2) / (n + 1).
///
/// A value that the reference has gets the score which it has there.
fn score(below: u64, equal: u64, count: u64) -> f64 {
    let rank = below as f64 + (equal as f64 + 1.0) / 2.0;
    normal_quantile(rank / (count as f64 + 1.0))
}

/// A reference's column in order, and the scores of its own values row by row; NaN stands for a
/// missing one.
pub(crate) fn normal_scores(mut column: Vec<f64>) -> (SortedColumn, Vec<f64>) {
    let rows = column.iter().enumerate();
    // −0 and 0 are one value; adding 0 makes them one.
    let mut ranked: Vec<(f64, usize)> = rows
        .filter(|(_, value)| !value.is_nan())
        .map(|(row, value)| (value + 0.0, row))
        .collect();
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let count = ranked.len() as u64;
    let mut below = 0;
    for run in ranked.chunk_by(|a, b| a.0 == b.0) {
        let equal = run.len() as u64;
        let score = score(below, equal, count);
        run.iter().for_each(|(_, row)| column[*row] = score);
        below += equal;
    }
    let missing = column.len() as u64 - count;
    let present = ranked.into_iter().map(|(value, _)| value).collect();
    (SortedColumn::of_sorted(present, missing), column)
}

/// The sum of the scores of a batch's values, both sides read in order once.
pub(crate) fn sum_of_scores(reference: &SortedColumn, current: &SortedColumn) -> f64 {
    let (mut sum, mut first, mut second) = (0.0, 0, 0);
    // The score only changes where the reference has a value.
    let mut between: Option<f64> = None;
    for step in steps(reference, current) {
        let (equal, new) = (step.first - first, step.second - second);
        if equal > 0 {
            between = None;
        }
        if new > 0 {
            let known = between.unwrap_or_else(|| score(first, equal, reference.count()));
            sum += known * new as f64;
            between = (equal == 0).then_some(known);
        }
        (first, second) = (step.first, step.second);
    }
    sum
}

fn is_square<T>(matrix: &[Vec<T>], size: usize) -> bool {
    matrix.len() == size && matrix.iter().all(|row| row.len() == size)
}

fn presence(column: &[f64]) -> Vec<u64> {
    let word = |values: &[f64]| {
        let bits = values.iter().enumerate();
        bits.fold(0, |word, (bit, value)| {
            word | (u64::from(!value.is_nan()) << bit)
        })
    };
    column.chunks(64).map(word).collect()
}

/// 0 without values, of which nothing is made then.
fn mean(scores: &[f64]) -> f64 {
    let present = scores.iter().filter(|score| !score.is_nan());
    let count = present.clone().count().max(1) as f64;
    present.sum::<f64>() / count
}

/// Over the rows where both are present; 0 with fewer than two.
fn covariance(left: &[f64], right: &[f64]) -> f64 {
    let pairs = || {
        let all = left.iter().zip(right);
        all.filter(|(x, y)| !x.is_nan() && !y.is_nan())
    };
    let count = pairs().count();
    if count < 2 {
        return 0.0;
    }
    let (x, y) = pairs().fold((0.0, 0.0), |sums, (x, y)| (sums.0 + x, sums.1 + y));
    let (x, y) = (x / count as f64, y / count as f64);
    let products: f64 = pairs().map(|(a, b)| (a - x) * (b - y)).sum();
    products / (count as f64 - 1.0)
}

#[cfg(test)]
mod tests;
