//! Chi-square test of a table with rare levels, by simulation.
//!
//! The usual p-value assumes that every level is frequent. Here the p-value comes from random splits
//! of the same rows into two samples of the same sizes (a permutation test), so it holds for any
//! table. A fixed public seed and sums in a fixed order give every machine the same p-value.

use rand_distr::{Distribution, StandardUniform};
use rand_pcg::Pcg64Mcg;

use super::contingency::chi_square;

/// Seed of the random splits. Any fixed number gives the same table the same p-value.
const SEED: u128 = 0x51d7_0a3e_9c4b_26f8_e317_5b90_d2c6_8fa5;
/// Maximum number of rows that all splits of a table draw together. It takes a few hundredths of a
/// second.
const MAX_DRAWN_ROWS: u64 = 10_000_000;
/// A simulation stops after this many splits that differ as much as the table (Besag and Clifford
/// 1991). So a table without drift needs few splits.
const ENOUGH_SPLITS: u64 = 20;
/// Number of splits that are made if the work allows it, as a multiple of the number that is
/// needed.
const SPLITS_WANTED: f64 = 2.0;
/// Number of splits that must be possible, as a multiple of the number that is needed.
const SPLITS_NEEDED: f64 = 1.05;
/// Relative difference below which two statistics count as equal, because of rounding.
const ROUNDING: f64 = 1e-9;

/// Result of a simulated chi-square test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SimulatedChiSquare {
    /// Pearson's statistic of the whole table.
    pub(crate) statistic: f64,
    /// Probability of a statistic at least this large when the shares are equal.
    pub(crate) p_value: f64,
    /// The smallest p-value that the number of splits allows.
    pub(crate) min_p_value: f64,
    /// Mean total variation of random splits: what to expect without drift.
    pub(crate) expected_variation: f64,
}

/// Tests a 2×K table by random splits of its rows. `level` is the significance level that the
/// p-value must be able to reach.
///
/// `None` when a sample is empty, when fewer than two levels have rows, or when the rows are too
/// many for enough splits.
pub(crate) fn simulated_chi_square(table: &[[u64; 2]], level: f64) -> Option<SimulatedChiSquare> {
    let statistic = chi_square(table)?.statistic;
    let sizes = [0, 1].map(|side: usize| table.iter().map(|cells| cells[side]).sum::<u64>());
    // The rows of the smaller sample are drawn.
    let side = usize::from(sizes[1] < sizes[0]);
    let drawn = sizes[side];
    let possible = MAX_DRAWN_ROWS / drawn;
    if (possible as f64) < SPLITS_NEEDED / level {
        return None;
    }
    let splits = possible.min((SPLITS_WANTED / level) as u64);
    let mut random = Splits::of(table, drawn as usize);
    let observed = random.sum_of(table.iter().map(|cells| cells[side]));
    let limit = observed * (1.0 - ROUNDING);
    let mut variation = 0.0;
    let mut as_large = 0;
    let mut done = 0;
    while done < splits && as_large < ENOUGH_SPLITS {
        as_large += u64::from(random.next_sum() >= limit);
        done += 1;
        // At least this many splits are made.
        if done <= ENOUGH_SPLITS {
            variation += random.variation(table) / ENOUGH_SPLITS as f64;
        }
    }
    Some(SimulatedChiSquare {
        statistic,
        p_value: match as_large {
            ENOUGH_SPLITS => ENOUGH_SPLITS as f64 / done as f64,
            few => (few + 1) as f64 / (done + 1) as f64,
        },
        min_p_value: 1.0 / (splits + 1) as f64,
        expected_variation: variation,
    })
}

/// Random splits of the rows of a table.
struct Splits {
    /// The level of each row of both samples, shuffled further by each split.
    rows: Vec<u32>,
    /// 1 / rows of each level.
    weights: Vec<f64>,
    /// Rows of each level in the drawn sample.
    counts: Vec<u32>,
    /// Number of rows to draw.
    drawn: usize,
    random: Pcg64Mcg,
}

impl Splits {
    fn of(table: &[[u64; 2]], drawn: usize) -> Self {
        let sizes = table.iter().map(|cells| cells[0] + cells[1]);
        let rows = (0_u32..).zip(sizes.clone());
        let rows = rows.flat_map(|(level, size)| std::iter::repeat_n(level, size as usize));
        Self {
            rows: rows.collect(),
            weights: sizes.map(|size| 1.0 / size.max(1) as f64).collect(),
            counts: vec![0; table.len()],
            drawn,
            random: Pcg64Mcg::new(SEED),
        }
    }

    /// Σ x² / t over the levels: x rows in the drawn sample, t in both. With fixed margins the
    /// statistic of chi-square rises with this sum.
    fn sum_of(&self, counts: impl Iterator<Item = u64>) -> f64 {
        let counts = counts.zip(&self.weights);
        counts.map(|(x, weight)| (x * x) as f64 * weight).sum()
    }

    /// Total variation between the drawn rows of the last split and the others.
    fn variation(&self, table: &[[u64; 2]]) -> f64 {
        let (drawn, left) = (self.drawn as f64, (self.rows.len() - self.drawn) as f64);
        let levels = table.iter().zip(&self.counts);
        let differences = levels.map(|(cells, count)| {
            let (rows, count) = ((cells[0] + cells[1]) as f64, f64::from(*count));
            (count / drawn - (rows - count) / left).abs()
        });
        0.5 * differences.sum::<f64>()
    }

    /// The sum of another random split.
    fn next_sum(&mut self) -> f64 {
        self.counts.fill(0);
        let mut sum = 0.0;
        for place in 0..self.drawn {
            // Multiplying a random number of 64 bits scales it to the number of the rows left.
            let number: u64 = StandardUniform.sample(&mut self.random);
            let left = (self.rows.len() - place) as u64;
            let chosen = (u128::from(number) * u128::from(left)) >> 64;
            self.rows.swap(place, place + chosen as usize);
            let level = self.rows[place] as usize;
            // (x + 1)² − x² = 2x + 1.
            sum += f64::from(2 * self.counts[level] + 1) * self.weights[level];
            self.counts[level] += 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::test_cases::cases;

    #[test]
    fn the_p_value_is_near_that_of_scipy() {
        for case in cases("simulated_chi_square") {
            let found = simulated_chi_square(&case.table(), 2e-4).unwrap();
            // Both are simulated. A p-value from 20 splits has a relative error of 22 %.
            let wanted = case.number("p_value");
            let ratio = found.p_value / wanted;
            assert!((0.4..2.2).contains(&ratio), "{case:?} {found:?}");
        }
    }

    #[test]
    fn frequent_levels_have_the_usual_p_value() {
        let table = [[50, 30], [30, 30], [20, 40]];
        let usual = chi_square(&table).unwrap();
        let found = simulated_chi_square(&table, 2e-4).unwrap();
        assert_eq!(found.statistic, usual.statistic);
        assert!((0.5..2.0).contains(&(found.p_value / usual.p_value)));
        // The same on every machine and in every version.
        assert_eq!(found, simulated_chi_square(&table, 2e-4).unwrap());
    }

    #[test]
    fn a_level_that_cannot_be_reached_and_empty_samples_give_none() {
        assert_eq!(simulated_chi_square(&[[3000, 0], [0, 3000]], 2e-4), None);
        assert_eq!(simulated_chi_square(&[[3, 0], [4, 0]], 0.01), None);
        assert_eq!(simulated_chi_square(&[[3, 5]], 0.01), None);
        let found = simulated_chi_square(&[[300, 0], [0, 300]], 2e-4).unwrap();
        assert_eq!(found.p_value, found.min_p_value);
        assert!(found.min_p_value < 2e-4, "{found:?}");
        // If every row has its own level, all splits have the same statistic.
        let found = simulated_chi_square(&[[1, 0], [1, 0], [0, 1], [0, 1]], 0.01).unwrap();
        assert_eq!(found.p_value, 1.0);
    }
}
