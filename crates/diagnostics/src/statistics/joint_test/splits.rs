//! Random splits of blocks of rows between two sides.

use std::ops::Range;

use dataset::each_in_parallel;
use rand_pcg::Pcg64Mcg;

use super::rows::below;

/// Seed of the random splits. Any fixed number gives the same rows the same p-value.
const SEED: u128 = 0xa3c5_0e71_4b9d_f628_15d4_7ac0_e896_3b2f;
/// Number of splits of a task. Each task draws its own random numbers.
const SPLITS_PER_TASK: usize = 50;
/// Number of tasks after which the results are checked.
const TASKS_PER_ROUND: u64 = 4;
/// Maximum number of splits.
pub(super) const MAX_SPLITS: usize = 5_000;
/// A group needs no further splits once this many splits have a statistic at least as large as that of the
/// real sides (Besag and Clifford 1991).
const ENOUGH_SPLITS: usize = 20;
/// Relative difference below which two statistics count as equal, because of rounding.
const ROUNDING: f32 = 1e-4;

/// How the sums of the features of a group become one statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistic {
    /// The sum of the squares: many small changes add up.
    Squares,
    /// The largest absolute sum: one change among many features.
    Largest,
}

/// Features whose sums become one statistic: all tested features of a kind, or its features with names.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Places of the features.
    pub(super) features: Range<usize>,
    pub(super) statistic: Statistic,
}

impl Group {
    fn of(&self, sums: &[f32]) -> f32 {
        let sums = sums[self.features.clone()].iter();
        match self.statistic {
            Statistic::Squares => sums.map(|sum| sum * sum).sum(),
            Statistic::Largest => sums.fold(0.0, |largest, sum| largest.max(sum.abs())),
        }
    }
}

/// Sums of features by block. The features are added one by one.
pub(super) struct BlockSums {
    /// Sums of each feature by block.
    features: Vec<Vec<f32>>,
    /// Number of blocks of each side.
    counts: [usize; 2],
    rows_of_block: usize,
}

impl BlockSums {
    pub(super) fn new(counts: [usize; 2], rows_of_block: usize) -> Self {
        Self {
            features: Vec::new(),
            counts,
            rows_of_block,
        }
    }

    /// Number of features so far.
    pub(super) fn len(&self) -> usize {
        self.features.len()
    }

    /// Adds a feature, which has a value for each row.
    ///
    /// The values are shifted and scaled, so that their sum over one side has mean 0 and variance 1 in random
    /// splits of rows.
    pub(super) fn push(&mut self, values: &[f64]) {
        let rows = values.len() as f64;
        let blocks = (self.counts[0] + self.counts[1]) as f64;
        let share = self.counts[0] as f64 / blocks;
        let mean = values.iter().sum::<f64>() / rows;
        let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
        let error = (squares * share * (1.0 - share) * rows / (rows - 1.0)).sqrt();
        let scale = if error > 0.0 && error.is_finite() {
            1.0 / error
        } else {
            0.0
        };
        let of_blocks = values.chunks_exact(self.rows_of_block).map(|values| {
            let sum: f64 = values.iter().map(|it| it - mean).sum();
            (sum * scale) as f32
        });
        self.features.push(of_blocks.collect());
    }

    pub(super) fn blocks(self) -> Blocks {
        let blocks = self.counts[0] + self.counts[1];
        let of_block = |block: usize| self.features.iter().map(move |feature| feature[block]);
        Blocks {
            sums: (0..blocks).flat_map(of_block).collect(),
            features: self.features.len(),
            counts: self.counts,
        }
    }
}

/// Sums of features, block by block.
pub(super) struct Blocks {
    sums: Vec<f32>,
    features: usize,
    counts: [usize; 2],
}

/// A statistic, and the same statistic of random splits.
#[derive(Clone, Debug)]
pub(super) struct SplitResult {
    /// The statistic of the sides as they are.
    pub(super) statistic: f64,
    /// Probability of a statistic at least this large when both sides come from one distribution.
    pub(super) p_value: f64,
    /// The statistics of the splits.
    splits: Vec<f32>,
}

impl SplitResult {
    /// Probability that the statistic of a random split is at least as large as this one.
    pub(super) fn chance_of(&self, statistic: f64) -> f64 {
        let limit = statistic as f32 * (1.0 - ROUNDING);
        let as_large = self.splits.iter().filter(|it| **it >= limit).count();
        (as_large + 1) as f64 / (self.splits.len() + 1) as f64
    }
}

impl Blocks {
    /// The sums of the second side as it is, one for each feature.
    pub(super) fn observed_sums(&self) -> Vec<f32> {
        let blocks: Vec<usize> = (self.counts[0]..self.counts[0] + self.counts[1]).collect();
        self.sums_of(&blocks)
    }

    fn sums_of(&self, blocks: &[usize]) -> Vec<f32> {
        let mut sums = vec![0.0; self.features];
        for block in blocks {
            let values = &self.sums[block * self.features..(block + 1) * self.features];
            sums.iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    /// Compares the statistics of groups of features with those of random splits.
    ///
    /// Ends once each of the first `deciding` groups has [`ENOUGH_SPLITS`] splits with a statistic at
    /// least as large, or after [`MAX_SPLITS`] splits.
    pub(super) fn test(&self, groups: &[Group], deciding: usize) -> Vec<SplitResult> {
        let of_groups =
            |sums: &[f32]| -> Vec<f32> { groups.iter().map(|group| group.of(sums)).collect() };
        let observed = of_groups(&self.observed_sums());
        let mut splits: Vec<Vec<f32>> = vec![Vec::new(); groups.len()];
        let as_large = |splits: &[Vec<f32>], group: usize| {
            let limit = observed[group] * (1.0 - ROUNDING);
            splits[group].iter().filter(|it| **it >= limit).count()
        };
        let mut task = 0;
        while splits.first().is_some_and(|it| it.len() < MAX_SPLITS)
            && (0..deciding).any(|group| as_large(&splits, group) < ENOUGH_SPLITS)
        {
            let tasks: Vec<u64> = (task..task + TASKS_PER_ROUND).collect();
            task += TASKS_PER_ROUND;
            for statistics in each_in_parallel(tasks, |task| self.random_splits(task, &of_groups))
                .into_iter()
                .flatten()
            {
                for (splits, statistic) in splits.iter_mut().zip(statistics) {
                    splits.push(statistic);
                }
            }
        }
        let results = splits.iter().enumerate().map(|(group, of_group)| {
            let (as_large, done) = (as_large(&splits, group), of_group.len());
            SplitResult {
                statistic: f64::from(observed[group]),
                p_value: (as_large + 1) as f64 / (done + 1) as f64,
                splits: of_group.clone(),
            }
        });
        results.collect()
    }

    /// The statistics of the splits of one task.
    fn random_splits(&self, task: u64, of_groups: &impl Fn(&[f32]) -> Vec<f32>) -> Vec<Vec<f32>> {
        let mut random = Pcg64Mcg::new(SEED.wrapping_add(u128::from(task) << 32));
        let drawn = self.counts[0].min(self.counts[1]);
        let mut blocks: Vec<usize> = (0..self.counts[0] + self.counts[1]).collect();
        let split = |_| {
            for place in 0..drawn {
                let chosen = place + below(&mut random, blocks.len() - place);
                blocks.swap(place, chosen);
            }
            // The sums of both sides add up to 0, so the sums of one side determine the statistic.
            of_groups(&self.sums_of(&blocks[..drawn]))
        };
        (0..SPLITS_PER_TASK).map(split).collect()
    }
}
