//! How far a metric, or a difference between two models, could be chance.

use rand_distr::{Binomial, Distribution, Uniform};
use rand_pcg::Pcg64Mcg;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::ConfusionMatrix;
use crate::compare::PairedCounts;

/// Differences smaller than this are rounding, not spread.
const ROUNDING: f64 = 1e-9;
/// Bootstrap replicates.
const REPLICATES: usize = 2000;
/// Any fixed number will do: the same rows give the same interval.
const SEED: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
/// Share of the replicates beyond either end of the interval.
const TAIL: f64 = 0.025;

/// The p-value of a one-sided paired t-test that the mean of the differences is above 0; `None`
/// with fewer than two, or when they do not differ from each other.
pub(crate) fn p_value_of_positive_mean(differences: &[f64]) -> Option<f64> {
    let largest = differences.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    if differences.len() < 2 || largest <= ROUNDING {
        return None;
    }
    // The statistic has no unit; in units of the largest difference no square overflows.
    let count = differences.len() as f64;
    let scaled = || differences.iter().map(|x| x / largest);
    let mean = scaled().sum::<f64>() / count;
    let squares: f64 = scaled().map(|x| (x - mean) * (x - mean)).sum();
    let standard_deviation = (squares / (count - 1.0)).sqrt();
    if standard_deviation <= ROUNDING {
        return None;
    }
    let statistic = mean / (standard_deviation / count.sqrt());
    Some(StudentsT::new(0.0, 1.0, count - 1.0).ok()?.sf(statistic))
}

/// The 95 % interval of the candidate's F1 − the incumbent's over resampled rows.
///
/// Rows enter only by class and both predictions, so drawing n rows is drawing eight counts: the
/// cost does not depend on n. Replicates without an F1 are skipped; `None` when all are.
pub(crate) fn f1_difference_interval(counts: &PairedCounts) -> Option<[f64; 2]> {
    interval(&counts.0, |drawn| {
        let drawn = PairedCounts(drawn);
        Some(drawn.candidate().f1()? - drawn.incumbent().f1()?)
    })
}

/// The 95 % interval of F1 over resampled rows, which enter by class and prediction only; `None`
/// when F1 is undefined whatever is drawn.
pub fn f1_interval(matrix: &ConfusionMatrix) -> Option<[f64; 2]> {
    confusion_interval(matrix, ConfusionMatrix::f1)
}

/// The 95 % interval of a metric of counts over resampled rows (percentile bootstrap, Efron 1979;
/// 2,000 replicates, always the same ones).
///
/// Drawing n rows is drawing four counts: the cost does not depend on n. Replicates without a
/// value are skipped; `None` when all are.
pub fn confusion_interval(
    matrix: &ConfusionMatrix,
    metric: impl Fn(&ConfusionMatrix) -> Option<f64>,
) -> Option<[f64; 2]> {
    let cells = [
        matrix.true_positive,
        matrix.false_positive,
        matrix.false_negative,
        matrix.true_negative,
    ];
    interval(&cells, |drawn| {
        let [true_positive, false_positive, false_negative, true_negative] = drawn;
        let drawn = ConfusionMatrix {
            true_positive,
            false_positive,
            false_negative,
            true_negative,
        };
        metric(&drawn)
    })
}

/// The 95 % interval of a statistic of rows over resampled rows, as [`confusion_interval`], for
/// what counts do not tell, such as log-loss and ROC-AUC.
///
/// The statistic is given how often each of `rows` rows was drawn. The cost is 2,000 times that of
/// the statistic and of drawing as many rows.
pub fn row_interval(rows: usize, statistic: impl Fn(&[u32]) -> Option<f64>) -> Option<[f64; 2]> {
    let places = Uniform::new(0, rows).ok()?;
    let mut random = Pcg64Mcg::new(SEED);
    let mut drawn = vec![0; rows];
    let values = (0..REPLICATES).filter_map(|_| {
        drawn.fill(0);
        for _ in 0..rows {
            drawn[places.sample(&mut random)] += 1;
        }
        statistic(&drawn)
    });
    percentiles(values.collect())
}

/// The percentile interval of a statistic of resampled counts.
fn interval<const CELLS: usize>(
    counts: &[u64; CELLS],
    statistic: impl Fn([u64; CELLS]) -> Option<f64>,
) -> Option<[f64; 2]> {
    let mut random = Pcg64Mcg::new(SEED);
    let values = (0..REPLICATES).filter_map(|_| statistic(resample(counts, &mut random)));
    percentiles(values.collect())
}

/// The two ends of the middle 95 %; `None` without values.
fn percentiles(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_unstable_by(f64::total_cmp);
    Some([quantile(&values, TAIL)?, quantile(&values, 1.0 - TAIL)?])
}

/// A multinomial draw, cell by cell: of the rows not yet dealt, each cell takes a binomial share.
fn resample<const CELLS: usize>(counts: &[u64; CELLS], random: &mut Pcg64Mcg) -> [u64; CELLS] {
    let mut weight_left: u64 = counts.iter().sum();
    let mut rows_left = weight_left;
    counts.map(|weight| {
        let share = if weight_left == 0 {
            0.0
        } else {
            weight as f64 / weight_left as f64
        };
        // A share between 0 and 1 is always accepted.
        let drawn = Binomial::new(rows_left, share).map_or(0, |cell| cell.sample(random));
        weight_left -= weight;
        rows_left -= drawn;
        drawn
    })
}

/// Linear interpolation between the two nearest of some sorted numbers.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * sorted.len().checked_sub(1)? as f64;
    let lower = sorted.get(position.floor() as usize)?;
    let upper = sorted.get(position.ceil() as usize)?;
    Some(lower + (upper - lower) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_f1_is_that_of_resampled_rows() {
        let matrix = ConfusionMatrix {
            true_positive: 480,
            false_positive: 257,
            false_negative: 339,
            true_negative: 924,
        };
        let [lower, upper] = f1_interval(&matrix).unwrap();
        // 4,000 draws of the 2,000 rows one by one, in another language, gave these ends.
        assert!((lower - 0.5879).abs() < 0.003, "{lower}");
        assert!((upper - 0.6457).abs() < 0.003, "{upper}");
        assert_eq!(f1_interval(&matrix), Some([lower, upper]));
        assert_eq!(f1_interval(&ConfusionMatrix::default()), None);
    }

    #[test]
    fn the_interval_of_rows_is_that_of_a_mean_and_that_of_counts() {
        // The mean of n numbers lies within 1.96 standard errors of itself.
        let losses: Vec<f64> = (0..400).map(|row| f64::from(row % 20) / 19.0).collect();
        let mean_of = |drawn: &[u32]| {
            let sum = drawn
                .iter()
                .zip(&losses)
                .map(|(n, loss)| f64::from(*n) * loss);
            Some(sum.sum::<f64>() / 400.0)
        };
        let [lower, upper] = row_interval(losses.len(), mean_of).unwrap();
        let error = 1.96
            * (losses.iter().map(|x| (x - 0.5) * (x - 0.5)).sum::<f64>() / 400.0).sqrt()
            / 20.0;
        assert!((lower - (0.5 - error)).abs() < 0.003, "{lower}");
        assert!((upper - (0.5 + error)).abs() < 0.003, "{upper}");
        assert_eq!(row_interval(0, |_| Some(1.0)), None);
        assert_eq!(row_interval(3, |_| None), None);
        assert_eq!(
            row_interval(1, |drawn| Some(f64::from(drawn[0]))),
            Some([1.0, 1.0])
        );

        let matrix = ConfusionMatrix {
            true_positive: 60,
            false_positive: 40,
            false_negative: 30,
            true_negative: 70,
        };
        let [lower, upper] = confusion_interval(&matrix, ConfusionMatrix::accuracy).unwrap();
        assert!(
            (lower - 0.58).abs() < 0.01 && (upper - 0.715).abs() < 0.01,
            "{lower} {upper}"
        );
    }

    /// In how many of 1,000 samples of n rows the interval of F1 holds that of all rows.
    fn coverage(n: u64) -> u32 {
        let shares = [200, 120, 180, 500];
        let truth = 200.0 / (200.0 + 0.5 * (120.0 + 180.0));
        let mut random = Pcg64Mcg::new(SEED + u128::from(n));
        let mut covers = |_: &u32| {
            let mut rows_left = n;
            let mut share_left = 1000;
            let [true_positive, false_positive, false_negative, true_negative] =
                shares.map(|share| {
                    let cell = Binomial::new(rows_left, f64::from(share) / f64::from(share_left));
                    let drawn = cell.unwrap().sample(&mut random);
                    rows_left -= drawn;
                    share_left -= share;
                    drawn
                });
            let drawn = ConfusionMatrix {
                true_positive,
                false_positive,
                false_negative,
                true_negative,
            };
            f1_interval(&drawn).is_some_and(|[lower, upper]| lower <= truth && truth <= upper)
        };
        (0..1000).filter(|trial| covers(trial)).count() as u32
    }

    #[test]
    fn the_interval_of_f1_covers_the_truth_about_as_often_as_it_says() {
        for n in [100, 1000] {
            let covered = coverage(n);
            assert!(
                (930..=970).contains(&covered),
                "{n} rows: {covered} of 1,000"
            );
        }
    }

    #[test]
    fn the_p_value_is_that_of_the_t_test() {
        // scipy.stats.ttest_1samp([...], 0, alternative="greater")
        let differences = [0.3, -0.1, 0.25, 0.4, 0.05, -0.2, 0.6];
        let found = p_value_of_positive_mean(&differences).unwrap();
        assert!((found - 0.067_105_889_465).abs() < 1e-10, "{found}");
        let negated = differences.map(|x| -x);
        let other = p_value_of_positive_mean(&negated).unwrap();
        assert!((found + other - 1.0).abs() < 1e-12);
        let large = differences.map(|x| x * 1e308);
        let scaled = p_value_of_positive_mean(&large).unwrap();
        assert!((found - scaled).abs() < 1e-12);
    }

    #[test]
    fn without_spread_there_is_no_p_value() {
        assert_eq!(p_value_of_positive_mean(&[]), None);
        assert_eq!(p_value_of_positive_mean(&[0.5]), None);
        assert_eq!(p_value_of_positive_mean(&[0.1; 7]), None);
        assert_eq!(p_value_of_positive_mean(&[1e-16, -1e-16, 2e-16]), None);
    }

    fn interval(cells: [u64; 8]) -> [f64; 2] {
        f1_difference_interval(&PairedCounts(cells)).unwrap()
    }

    #[test]
    fn equal_predictions_have_no_difference() {
        assert_eq!(interval([50, 0, 0, 10, 5, 0, 0, 30]), [0.0, 0.0]);
    }

    #[test]
    fn the_interval_narrows_with_the_rows_and_keeps_its_place() {
        let cells = [50, 5, 3, 10, 5, 8, 4, 30];
        let observed = PairedCounts(cells);
        let difference = observed.candidate().f1().unwrap() - observed.incumbent().f1().unwrap();
        let few = interval(cells);
        let many = interval(cells.map(|rows| rows * 1_000_000));
        for [lower, upper] in [few, many] {
            assert!(lower < difference && difference < upper);
        }
        let ratio = (few[1] - few[0]) / (many[1] - many[0]);
        assert!((900.0..1100.0).contains(&ratio), "{ratio}");
        assert_eq!(few, interval(cells), "the same rows, the same interval");
    }

    #[test]
    fn replicates_without_an_f1_are_skipped() {
        // One leaver among ten rows, found by both: a third of the replicates has none.
        assert_eq!(interval([9, 0, 0, 0, 0, 0, 0, 1]), [0.0, 0.0]);
        assert_eq!(
            f1_difference_interval(&PairedCounts([9, 0, 0, 0, 0, 0, 0, 0])),
            None
        );
    }

    #[test]
    fn a_drawn_table_has_as_many_rows_and_the_right_mean() {
        let counts = PairedCounts([50, 5, 0, 10, 5, 8, 4, 18]);
        let mut random = Pcg64Mcg::new(SEED);
        let mut sums = [0_u64; 8];
        for _ in 0..10_000 {
            let drawn = resample(&counts.0, &mut random);
            assert_eq!(drawn.iter().sum::<u64>(), 100);
            sums.iter_mut()
                .zip(drawn)
                .for_each(|(sum, rows)| *sum += rows);
        }
        for (sum, wanted) in sums.iter().zip(counts.0) {
            let mean = *sum as f64 / 10_000.0;
            assert!((mean - wanted as f64).abs() < 0.25, "{mean} for {wanted}");
        }
    }
}
