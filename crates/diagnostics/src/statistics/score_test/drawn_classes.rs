//! The p-value of a batch whose statistic need not be χ².
//!
//! The statistic is χ² for many rows. How many that takes hangs on the features: where one is
//! skewed, a single client far out has most of a coefficient's information, and one unlikely class
//! of such a client is far beyond what χ² allows for. So before drift is said, classes are drawn for
//! the same rows under what is tested, that the coefficients are those deployed but for their own
//! errors: the share of draws with a statistic as large is the p-value (Davison and Hinkley 1997,
//! 4.2), and the larger of both counts.
//!
//! Of 2,000 batches of 26 lognormal or zero-inflated rows in which nothing had changed, χ² at 0.005
//! said drift in 1.0 to 1.45 %, this in 0.35 to 0.7 %; of 300 rows of lognormal features with σ = 2,
//! 1.3 and 0.35 %. Of real drifts it finds up to 5 % fewer.
//!
//! Limits: the sums of several batches are tested by χ² alone, because their rows are gone, and so
//! is a batch of very many rows.

use std::iter::once;
use std::ops::Range;

use dataset::passes::probabilities;
use dataset::{Table, each_in_parallel};
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use rand_pcg::Pcg64Mcg;

use super::deployed::max_log_odds;
use super::{DeployedCoefficients, ScoreTerms, ScoreTest, ScoreTestMethod, Tested, Undecided};
use crate::statistics::symmetric::{dot, eigen};

/// Draws that are expected to be beyond a statistic whose p-value is the level: the p-value there
/// has a standard error of about a third.
const DRAWS_BEYOND_LEVEL: f64 = 10.0;
/// Draws times rows times coefficients at most, which takes a fraction of a second: that of 10,000
/// rows with three features at a level of 0.005. Beyond it χ² has to do.
const MAX_TERMS: f64 = 8e7;
/// Draws that one thread makes at a time, of a seed of their own: how many threads there are makes
/// no difference.
const DRAWS_AT_ONCE: u32 = 100;
/// Any fixed number will do: the same rows have the same p-value.
const SEED: u128 = 0x8b5f_1d2c_94e7_a360_3c71_e5d8_0f9b_4a26;
/// Statistics of the same classes differ by less: this is rounding.
const ROUNDING: f64 = 1e-9;

impl DeployedCoefficients<'_> {
    /// [`test`](Self::test) of a batch whose rows are there, with these terms. Where χ² is below the
    /// level the p-value is that of drawn classes, if that is larger.
    ///
    /// Drawn labels hold also where the model expects almost nobody of one label and χ² does not:
    /// there the test says drift, or it is undecided.
    pub fn test_batch(
        &self,
        table: &Table,
        rows: Range<usize>,
        terms: &ScoreTerms,
        level: f64,
    ) -> Result<ScoreTest, Undecided> {
        let tested = self.tested(terms)?;
        let test = tested.test(&terms.score)?;
        if test.p_value >= level {
            terms.expects_both_labels()?;
            return Ok(test);
        }
        let drawn = draws_for(level, terms).and_then(|draws| {
            let classes = self.drawn_classes(table, rows)?;
            classes.p_value(&tested, &terms.score, draws)
        });
        if drawn.is_none_or(|p_value| p_value >= level) {
            terms.expects_both_labels()?;
        }
        Ok(match drawn {
            Some(p_value) => ScoreTest {
                p_value: p_value.max(test.p_value),
                method: ScoreTestMethod::Simulated,
                ..test
            },
            None => test,
        })
    }

    /// `None` where a number is beyond measure.
    pub(super) fn drawn_classes(
        &self,
        table: &Table,
        rows: Range<usize>,
    ) -> Option<DrawnClasses<'_>> {
        let rows: Vec<usize> = rows.filter(|row| table.labels[*row].is_some()).collect();
        let columns = self.terms.iter().zip(&self.axes).map(|(term, axis)| {
            let cells = &table.features[term.feature];
            let value = |row: &usize| axis.standardise(term.encoding.value(cells[*row]));
            rows.iter().map(value).collect()
        });
        let columns: Vec<Vec<f64>> = once(vec![1.0; rows.len()]).chain(columns).collect();
        let found = eigen(self.covariance()?)?;
        let directions = found.values.iter().zip(found.vectors);
        let errors = directions.map(|(value, direction)| {
            let length = value.max(0.0).sqrt();
            direction.iter().map(|entry| length * entry).collect()
        });
        let is_finite = columns.iter().flatten().all(|value| value.is_finite());
        is_finite.then(|| DrawnClasses {
            deployed: probabilities_of(&columns, &self.weights),
            columns,
            weights: &self.weights,
            errors: errors.collect(),
        })
    }
}

/// The classes that some rows could have had.
pub(super) struct DrawnClasses<'a> {
    /// On the axes, a column of ones for the intercept first.
    columns: Vec<Vec<f64>>,
    /// What the deployed model says of each row.
    deployed: Vec<f64>,
    /// The deployed coefficients, the intercept first.
    weights: &'a [f64],
    /// Independent directions in which they err, each as long as its standard error.
    errors: Vec<Vec<f64>>,
}

impl DrawnClasses<'_> {
    /// The share of draws whose statistic is not below that of a score, with the rows' own classes
    /// counted as one of them; `None` where one is beyond measure.
    pub(super) fn p_value(&self, tested: &Tested, score: &[f64], draws: u32) -> Option<f64> {
        let least = tested.statistic(score) * (1.0 - ROUNDING);
        let firsts = (0..draws).step_by(DRAWS_AT_ONCE as usize).collect();
        let beyond = each_in_parallel(firsts, |first| {
            let draws = DRAWS_AT_ONCE.min(draws - first);
            self.beyond(tested, least, first, draws)
        });
        let beyond: u32 = beyond.into_iter().sum::<Option<u32>>()?;
        Some((f64::from(beyond) + 1.0) / (f64::from(draws) + 1.0))
    }

    /// How many of some draws have at least this statistic.
    fn beyond(&self, tested: &Tested, least: f64, first: u32, draws: u32) -> Option<u32> {
        let mut random = Pcg64Mcg::new(SEED + u128::from(first));
        let mut beyond = 0;
        for _ in 0..draws {
            let statistic = tested.statistic(&self.score(&mut random));
            if !statistic.is_finite() {
                return None;
            }
            beyond += u32::from(statistic >= least);
        }
        Some(beyond)
    }

    /// U of one draw.
    fn score(&self, random: &mut Pcg64Mcg) -> Vec<f64> {
        let mut truth = self.weights.to_vec();
        for direction in &self.errors {
            let by: f64 = StandardNormal.sample(random);
            add(&mut truth, by, direction);
        }
        let mut surprises = probabilities_of(&self.columns, &truth);
        for (row, deployed) in surprises.iter_mut().zip(&self.deployed) {
            let drawn: f64 = StandardUniform.sample(random);
            *row = f64::from(u8::from(drawn < *row)) - deployed;
        }
        let columns = self.columns.iter();
        columns.map(|column| dot(column, &surprises)).collect()
    }
}

/// Draws for a level; `None` where they would take too long.
fn draws_for(level: f64, terms: &ScoreTerms) -> Option<u32> {
    let draws = (DRAWS_BEYOND_LEVEL / level).ceil() - 1.0;
    let in_all = draws * terms.rows as f64 * terms.score.len() as f64;
    (draws >= 1.0 && in_all <= MAX_TERMS).then_some(draws as u32)
}

/// The probabilities of class 1 that some coefficients give rows, as the test bounds them.
fn probabilities_of(columns: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut log_odds = vec![0.0; rows];
    for (column, weight) in columns.iter().zip(weights) {
        add(&mut log_odds, *weight, column);
    }
    let limit = max_log_odds();
    for row in &mut log_odds {
        *row = row.clamp(-limit, limit);
    }
    probabilities(&mut log_odds);
    log_odds
}

fn add(sum: &mut [f64], times: f64, of: &[f64]) {
    sum.iter_mut()
        .zip(of)
        .for_each(|(sum, value)| *sum += times * value);
}
