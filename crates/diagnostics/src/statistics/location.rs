//! A joint test of location: has a batch moved from its reference, in any direction?
//!
//! Each value is replaced by its normal score within the reference's column (van der Waerden).
//! Outliers and skewed columns then weigh no more than others. Hotelling's statistic compares the
//! mean scores of batch and reference, with the covariance of the reference's scores. The test
//! finds many small shifts long before the test of any single column does.

use serde::{Deserialize, Serialize};

use super::independent::IndependentEstimates;
use super::sorted::{SortedColumn, steps};
use super::tails::{f_tail, normal_quantile};

/// Smallest expected number of values in a batch that differ from the column's most frequent value.
/// With fewer, the mean score is far from normal.
const MIN_OTHER_VALUES: f64 = 5.0;

/// Result of the joint test of location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Hotelling's statistic.
    pub statistic: f64,
    /// Indices of the tested columns. Their number is the degrees of freedom.
    pub tested: Vec<usize>,
    /// Probability of so large a statistic when the batch comes from the reference's distribution.
    pub p_value: f64,
}

/// The columns of a reference with their normal scores, prepared for tests of batches.
#[derive(Clone, Debug)]
pub struct NormalScores {
    columns: Vec<SortedColumn>,
    moments: ScoreMoments,
}

/// The summary of a reference that the joint test needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreMoments {
    /// Mean score of each column.
    means: Vec<f64>,
    /// Covariances of the scores (divisor n − 1), each over the rows where both columns have
    /// values.
    covariance: Vec<Vec<f64>>,
    pairwise: PairwiseCounts,
    /// Number of rows that have the most frequent value of each column.
    mode_counts: Vec<u64>,
}

/// Number of rows in which both of two columns have values. The diagonal counts the values of each
/// column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairwiseCounts(Vec<Vec<u64>>);

/// The summary of a batch that the joint test needs. Summaries of batches with the same reference
/// can be merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchLocation {
    /// Sum of the scores of each column.
    sums: Vec<f64>,
    pairwise: PairwiseCounts,
}

impl NormalScores {
    /// Scores the columns of a reference. All columns have the same rows in the same order.
    pub fn of(columns: &[&[f64]]) -> Self {
        let scored = columns.iter().map(|column| normal_scores(column.to_vec()));
        let (columns, scores): (Vec<SortedColumn>, Vec<Vec<f64>>) = scored.unzip();
        Self {
            moments: ScoreMoments::of(
                &scores,
                columns.iter().map(SortedColumn::mode_count).collect(),
            ),
            columns,
        }
    }

    /// The sorted columns.
    pub fn columns(&self) -> &[SortedColumn] {
        &self.columns
    }

    /// The summary of the reference for the test.
    pub fn moments(&self) -> &ScoreMoments {
        &self.moments
    }

    /// Summarises a batch with the columns of the reference.
    pub fn batch(&self, current: &[SortedColumn], pairwise: PairwiseCounts) -> BatchLocation {
        let columns = self.columns.iter().zip(current);
        let sums = columns.map(|(mine, new)| sum_of_scores(mine, new));
        BatchLocation::of(sums.collect(), pairwise)
    }
}

impl ScoreMoments {
    /// Summarises columns of scores with the same rows. `mode_counts` holds the number of rows with
    /// the most frequent value of each column.
    pub(crate) fn of(scores: &[Vec<f64>], mode_counts: Vec<u64>) -> Self {
        let slices: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
        let pairs = |left: &Vec<f64>| scores.iter().map(|right| covariance(left, right)).collect();
        Self {
            means: scores.iter().map(|scores| mean(scores)).collect(),
            covariance: scores.iter().map(pairs).collect(),
            pairwise: PairwiseCounts::of(&slices),
            mode_counts,
        }
    }

    fn are_of(&self, columns: usize) -> bool {
        is_square(&self.covariance, columns)
            && self.mode_counts.len() == columns
            && is_square(&self.pairwise.0, columns)
    }
}

impl PairwiseCounts {
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

    /// The factor that turns the covariance of two columns into the covariance of their means.
    fn factor(&self, left: usize, right: usize) -> f64 {
        let both = self.0[left][right] as f64;
        both / (self.0[left][left] as f64 * self.0[right][right] as f64)
    }

    /// The smallest number of rows that any two of these columns share.
    fn fewest(&self, columns: &[usize]) -> Option<u64> {
        let shared = |left: &usize| columns.iter().map(|right| self.0[*left][*right]).min();
        columns.iter().filter_map(shared).min()
    }
}

impl BatchLocation {
    /// A summary from the sum of the scores of each column.
    pub(crate) fn of(sums: Vec<f64>, pairwise: PairwiseCounts) -> Self {
        Self { sums, pairwise }
    }

    fn are_of(&self, columns: usize) -> bool {
        self.sums.len() == columns && is_square(&self.pairwise.0, columns)
    }

    /// Adds a later batch. `None` when its columns differ; nothing is added then.
    pub fn merge(&mut self, later: &Self) -> Option<()> {
        let size = self.sums.len();
        if !self.are_of(size) || !later.are_of(size) {
            return None;
        }
        for (mine, other) in self.sums.iter_mut().zip(&later.sums) {
            *mine += other;
        }
        for (mine, other) in self.pairwise.0.iter_mut().zip(&later.pairwise.0) {
            mine.iter_mut()
                .zip(other)
                .for_each(|(mine, other)| *mine += other);
        }
        Some(())
    }
}

/// Tests the mean scores of a batch: T² = d'V⁻¹d. Here d is the difference of the mean scores and V
/// the covariance of d; without missing values V is S/m + S/n. With k columns, T²·(n − k) / (k(n −
/// 1)) has the F distribution with k and n − k degrees of freedom. For a large reference that is χ²
/// / k.
///
/// The covariance S is itself an estimate. For normal scores d and S are independent, S has n − 1
/// degrees of freedom, and the F distribution is exact. Here it is an approximation: the scores are
/// normal by rank only, and the batch is scored by ranks of the same reference. With missing
/// values, n is the smallest number of rows that two of the columns share.
///
/// Columns are left out when a side has no values, when the reference is constant or almost
/// constant, and when they are combinations of other columns. `None` when no column is left, when n
/// < k + 2, or when the numbers of columns differ.
pub fn location_test(reference: &ScoreMoments, batch: &BatchLocation) -> Option<Location> {
    let size = reference.means.len();
    if !reference.are_of(size) || !batch.are_of(size) {
        return None;
    }
    let has_values = |column: &usize| {
        let present = [&reference.pairwise, &batch.pairwise].map(|side| side.0[*column][*column]);
        let others = present[0].saturating_sub(reference.mode_counts[*column]);
        let share = others as f64 / present[0] as f64;
        present[0] > 1 && present[1] as f64 * share >= MIN_OTHER_VALUES
    };
    let columns: Vec<usize> = (0..size).filter(has_values).collect();
    let variance = |left: &usize, right: &usize| {
        let (left, right) = (*left, *right);
        let factor = reference.pairwise.factor(left, right) + batch.pairwise.factor(left, right);
        reference.covariance[left][right] * factor
    };
    let line = |left: &usize| columns.iter().map(|right| variance(left, right)).collect();
    let variances: Vec<Vec<f64>> = columns.iter().map(line).collect();
    let difference: Vec<f64> = columns
        .iter()
        .map(|column| {
            let count = batch.pairwise.0[*column][*column] as f64;
            batch.sums[*column] / count - reference.means[*column]
        })
        .collect();
    let independent = IndependentEstimates::of(&variances, 0)?;
    let components = independent.components(&difference);
    let statistic = components.iter().flatten().map(|part| part * part).sum();
    let tested: Vec<usize> = independent
        .kept()
        .iter()
        .map(|position| columns[*position])
        .collect();
    Some(Location {
        statistic,
        p_value: hotelling_tail(statistic, tested.len(), reference.pairwise.fewest(&tested)?)?,
        tested,
    })
}

/// P(T² ≥ statistic) for `columns` columns whose covariance was estimated from `rows` rows. `None`
/// with fewer than `columns` + 2 rows.
fn hotelling_tail(statistic: f64, columns: usize, rows: u64) -> Option<f64> {
    if rows < columns as u64 + 2 {
        return None;
    }
    let (columns, rows) = (columns as f64, rows as f64);
    let scaled = statistic * (rows - columns) / (columns * (rows - 1.0));
    f_tail(scaled, columns, rows - columns)
}

/// The normal score of a value with `below` of `count` reference values below it and `equal` equal
/// to it. The score is the normal quantile of the mid-rank, (below + (equal + 1) / 2) / (count +
/// 1).
///
/// A value that occurs in the reference has the same score there.
fn score(below: u64, equal: u64, count: u64) -> f64 {
    let rank = below as f64 + (equal as f64 + 1.0) / 2.0;
    normal_quantile(rank / (count as f64 + 1.0))
}

/// Sorts a column of the reference, and computes the scores of its values by row. A missing value
/// has the score NaN.
pub(crate) fn normal_scores(mut column: Vec<f64>) -> (SortedColumn, Vec<f64>) {
    let rows = column.iter().enumerate();
    // Adding 0 turns −0 into 0, because both are the same value.
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

/// The sum of the scores of a batch's values. Both columns are read once, in order.
pub(crate) fn sum_of_scores(reference: &SortedColumn, current: &SortedColumn) -> f64 {
    let (mut sum, mut first, mut second) = (0.0, 0, 0);
    // The score changes only at values of the reference.
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

/// The mean of the present scores; 0 without any, and then it is not used.
fn mean(scores: &[f64]) -> f64 {
    let present = scores.iter().filter(|score| !score.is_nan());
    let count = present.clone().count().max(1) as f64;
    present.sum::<f64>() / count
}

/// The covariance over the rows where both values are present; 0 with fewer than two such rows.
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
