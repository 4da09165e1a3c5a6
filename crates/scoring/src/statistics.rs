//! Confidence intervals of F1, tests of a difference between two models, and quantiles.

use dataset::passes::ClientSums;
use rand_distr::{Binomial, Distribution};
use rand_pcg::Pcg64Mcg;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::confusion::{ConfusionMatrix, PairedCounts};

/// Number of bootstrap replicates.
const REPLICATES: usize = 2000;
/// Seed of the random draws. It is fixed, so the same rows always give the same interval.
const SEED: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
/// The 97.5th percentile of the standard normal distribution.
pub(crate) const NORMAL_97_5: f64 = 1.959_963_984_540_054;
/// Ends of the middle 95 % of the replicates, in fortieths: 1/40 is 2.5 %, 39/40 is 97.5 %.
const ENDS: [u64; 2] = [1, 39];
const FORTIETHS: u64 = 40;

/// P-value of a one-sided paired t-test. The alternative is that the mean difference per row is
/// above 0.
///
/// Rows of one client are not independent, so the spread is computed from the sums of the clients.
/// With one row per client this is the usual t-test. `None` with fewer than two clients, if all
/// differences are 0 within rounding, or if they have no spread.
pub(crate) fn p_value_of_positive_mean(losses: &ClientSums) -> Option<f64> {
    let statistic = losses.mean()? / losses.standard_error()?;
    let degrees = losses.clients as f64 - 1.0;
    Some(StudentsT::new(0.0, 1.0, degrees).ok()?.sf(statistic))
}

/// The 95 % interval of the candidate's F1 minus the incumbent's F1, by a paired bootstrap.
///
/// Only a row's label and both predictions matter. A draw of n rows is therefore a draw of eight
/// counts, and its cost does not depend on n. Replicates with an undefined F1 are skipped. `None`
/// if all replicates are skipped.
pub(crate) fn f1_difference_interval(counts: &PairedCounts) -> Option<[f64; 2]> {
    interval(&counts.0, |drawn| {
        let drawn = PairedCounts(drawn);
        Some(drawn.candidate().f1()? - drawn.incumbent().f1()?)
    })
}

/// The 95 % interval of F1; `None` where F1 is undefined.
///
/// Let q be the share of true positives among all rows except true negatives. F1 = 2q / (1 + q)
/// grows with q. Given the number of these rows, the count of true positives is binomial. The ends
/// therefore follow from Wilson's interval for q (1927). That interval keeps its coverage for few
/// rows and rare labels. It also has a width above 0 if no prediction is wrong.
pub fn f1_interval(matrix: &ConfusionMatrix) -> Option<[f64; 2]> {
    let right = matrix.true_positive;
    let of = right + matrix.false_positive + matrix.false_negative;
    (of > 0).then(|| f1_ends(right as f64 / of as f64, of as f64))
}

/// The 95 % interval of F1 like [`f1_interval`], but for rows of which several may belong to one client.
/// `sums` has the true positives among all rows except true negatives. `None` without such rows.
///
/// Rows of one client are not independent. Wilson's interval therefore gets the number of independent
/// rows with the same variance of q: the effective sample size (Korn and Graubard 1998). The variance is
/// computed from the sums of the clients. With one client, or if q is 0 or 1, it is unknown, and the number
/// of clients is used. With few clients the variance is uncertain. As Korn and Graubard propose, the number
/// of rows is therefore multiplied by the squared ratio of the t quantiles for the rows and for the clients.
pub fn f1_interval_by_client(sums: &ClientSums) -> Option<[f64; 2]> {
    let (share, rows, clients) = (sums.mean()?, sums.rows as f64, sums.clients as f64);
    let variance = sums.standard_error().map_or(0.0, |error| error * error);
    let effective = if sums.clients == sums.rows {
        rows
    } else if sums.clients == 1 || share == 0.0 || share == 1.0 {
        clients
    } else {
        let independent = (share * (1.0 - share) / variance).clamp(1.0, rows);
        let quantile =
            |degrees: f64| Some(StudentsT::new(0.0, 1.0, degrees).ok()?.inverse_cdf(0.975));
        let ratio = quantile(rows - 1.0)? / quantile(clients - 1.0)?;
        (independent * ratio * ratio).clamp(1.0, rows)
    };
    Some(f1_ends(share, effective))
}

/// The ends of the interval of F1 for a share q of that many independent rows.
fn f1_ends(share: f64, rows: f64) -> [f64; 2] {
    wilson(share, rows).map(|share| 2.0 * share / (1.0 + share))
}

/// Wilson's 95 % interval of a share of `rows` rows, which are above 0.
fn wilson(share: f64, rows: f64) -> [f64; 2] {
    let squared = NORMAL_97_5 * NORMAL_97_5;
    let centre = share + squared / (2.0 * rows);
    let spread = share * (1.0 - share) / rows + squared / (4.0 * rows * rows);
    let reach = NORMAL_97_5 * spread.sqrt();
    let ends = [centre - reach, centre + reach];
    ends.map(|end| (end / (1.0 + squared / rows)).clamp(0.0, 1.0))
}

/// The 95 % percentile interval of a statistic over bootstrap replicates of the counts.
fn interval<const CELLS: usize>(
    counts: &[u64; CELLS],
    statistic: impl Fn([u64; CELLS]) -> Option<f64>,
) -> Option<[f64; 2]> {
    let mut random = Pcg64Mcg::new(SEED);
    let values = (0..REPLICATES).filter_map(|_| statistic(resample(counts, &mut random)));
    percentiles(values.collect())
}

/// The 2.5th and the 97.5th percentile of the values; `None` without values.
fn percentiles(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_unstable_by(f64::total_cmp);
    let [lower, upper] = ENDS.map(|part| quantile(&values, part, FORTIETHS));
    Some([lower?, upper?])
}

/// A multinomial draw of as many rows as `counts` has, cell by cell. Each cell takes a binomial
/// share of the rows that are left.
fn resample<const CELLS: usize>(counts: &[u64; CELLS], random: &mut Pcg64Mcg) -> [u64; CELLS] {
    let mut weight_left: u64 = counts.iter().sum();
    let mut rows_left = weight_left;
    counts.map(|weight| {
        let share = if weight_left == 0 {
            0.0
        } else {
            weight as f64 / weight_left as f64
        };
        // `Binomial::new` accepts every share from 0 to 1.
        let drawn = Binomial::new(rows_left, share).map_or(0, |cell| cell.sample(random));
        weight_left -= weight;
        rows_left -= drawn;
        drawn
    })
}

/// The quantile `part` / `of` of numbers in ascending order, linearly interpolated between the two
/// nearest numbers.
///
/// The position is computed in whole numbers. A quantile at the position of a number is therefore
/// exactly that number. `None` without numbers, if `part` is above `of`, if `of` is 0, and between
/// a number and an infinity.
pub fn quantile(sorted: &[f64], part: u64, of: u64) -> Option<f64> {
    quantile_at(sorted.len(), |place| sorted.get(place).copied(), part, of)
}

/// The same quantile of `count` numbers in ascending order. `at` gives the number at a position.
pub(crate) fn quantile_at(
    count: usize,
    at: impl Fn(usize) -> Option<f64>,
    part: u64,
    of: u64,
) -> Option<f64> {
    let position = (count as u64).checked_sub(1)?.checked_mul(part)?;
    let (place, rest) = (position.checked_div(of)? as usize, position % of);
    let from = at(place)?;
    let to = at(place + usize::from(rest > 0))?;
    if from == to {
        return Some(from);
    }
    let share = rest as f64 / of as f64;
    let value = from * (1.0 - share) + to * share;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_client_do_not_narrow_the_interval_of_f1() {
        // The number of rows and of true positives of each client.
        let of = |clients: &[[u64; 2]]| {
            let mut sums = ClientSums::default();
            for [rows, right] in clients {
                sums.add_client(*rows, *right as f64);
            }
            f1_interval_by_client(&sums)
        };
        let width = |clients: &[[u64; 2]]| {
            let [lower, upper] = of(clients).unwrap();
            upper - lower
        };
        let agreeing = |rows: u64| -> Vec<[u64; 2]> {
            let client = |client: u64| [rows, rows * u64::from(!client.is_multiple_of(4))];
            (0..400).map(client).collect()
        };
        let independent = f1_interval(&matrix([300, 100, 0, 0]));
        assert_eq!(of(&agreeing(1)), independent);
        let ratio = width(&agreeing(6)) / width(&agreeing(1));
        assert!((0.99..1.01).contains(&ratio), "{ratio}");
        // Clients whose rows differ as much as those of others add information.
        let [lower, upper] = independent.unwrap();
        let ratio = width(&[[4, 3]; 100]) / (upper - lower);
        assert!((1.0..1.05).contains(&ratio), "{ratio}");
        // Two clients do not tell how much clients differ.
        assert!(width(&[[60, 45]; 2]) > 0.4);
        assert!(width(&[[20, 20]; 3]) > width(&[[2, 2]; 30]));
        assert!(width(&[[60, 60]]) > 0.5 && width(&[[60, 45]]) > 0.5);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours_or_is_one_of_the_numbers() {
        let numbers = [1.0, 2.0, 4.0, f64::INFINITY];
        for (part, of, wanted) in [
            (0, 10, Some(1.0)),
            (1, 3, Some(2.0)),
            (1, 6, Some(1.5)),
            (1, 2, Some(3.0)),
            (2, 3, Some(4.0)),
            (5, 6, None),
            (1, 1, Some(f64::INFINITY)),
            (4, 3, None),
            (1, 0, None),
        ] {
            assert_eq!(quantile(&numbers, part, of), wanted, "{part} / {of}");
        }
        assert_eq!(quantile(&[], 1, 2), None);
        assert_eq!(quantile(&[-1e308, 1e308], 1, 2), Some(0.0));
    }

    fn matrix(cells: [u64; 4]) -> ConfusionMatrix {
        let [true_positive, false_positive, false_negative, true_negative] = cells;
        ConfusionMatrix {
            true_positive,
            false_positive,
            false_negative,
            true_negative,
        }
    }

    #[test]
    fn the_interval_of_f1_is_that_of_the_share_that_it_grows_with() {
        let [lower, upper] = f1_interval(&matrix([480, 257, 339, 924])).unwrap();
        // A program in another language resampled the 2,000 rows one by one, 4,000 times. It found
        // 0.5879 and 0.6457.
        assert!((lower - 0.5879).abs() < 0.003, "{lower}");
        assert!((upper - 0.6457).abs() < 0.003, "{upper}");
        assert_eq!(f1_interval(&ConfusionMatrix::default()), None);
        assert_eq!(f1_interval(&matrix([0, 0, 0, 9])), None);
        // Wilson's interval of 8 successes in 8 trials is 0.67559 to 1.
        let [lower, upper] = f1_interval(&matrix([8, 0, 0, 90])).unwrap();
        let end = 0.675_592_4;
        assert!((lower - 2.0 * end / (1.0 + end)).abs() < 1e-6, "{lower}");
        assert_eq!(upper, 1.0);
        let [lower, upper] = f1_interval(&matrix([0, 5, 3, 90])).unwrap();
        assert!(lower == 0.0 && upper > 0.4 && upper < 0.6, "{upper}");
    }

    /// Number of samples whose interval contains the true F1, among 1,000 samples of `n` rows.
    /// Samples without an F1 do not count.
    fn coverage(n: u64, shares: [f64; 3]) -> u32 {
        let [true_positive, false_positive, false_negative] = shares;
        let truth = true_positive / (true_positive + 0.5 * (false_positive + false_negative));
        let mut random = Pcg64Mcg::new(SEED + u128::from(n));
        let (mut trials, mut covered) = (0, 0);
        while trials < 1000 {
            let (mut rows_left, mut share_left) = (n, 1.0);
            let [a, b, c] = shares.map(|share| {
                let cell = Binomial::new(rows_left, share / share_left);
                let drawn = cell.unwrap().sample(&mut random);
                rows_left -= drawn;
                share_left -= share;
                drawn
            });
            if let Some([lower, upper]) = f1_interval(&matrix([a, b, c, rows_left])) {
                trials += 1;
                covered += u32::from(lower <= truth && truth <= upper);
            }
        }
        covered
    }

    #[test]
    fn the_interval_of_f1_covers_the_truth_about_as_often_as_it_says() {
        // Share of positive labels, and the common value of precision and recall.
        for (prevalence, right) in [
            (0.3, 0.6),
            (0.3, 0.3),
            (0.1, 0.3),
            (0.1, 0.6),
            (0.1, 0.9),
            (0.05, 0.3),
            (0.05, 0.6),
            (0.05, 0.9),
        ] {
            let (found, missed) = (prevalence * right, prevalence * (1.0 - right));
            for n in [100, 1000] {
                let covered = coverage(n, [found, missed, missed]);
                assert!(
                    (930..=970).contains(&covered),
                    "{n} rows, {prevalence} with label 1, F1 {right}: {covered} of 1,000"
                );
            }
        }
    }

    #[test]
    fn the_p_value_is_that_of_the_t_test() {
        let p_value = |differences: [f64; 7]| {
            let mut losses = ClientSums::default();
            differences.iter().for_each(|it| losses.add_client(1, *it));
            p_value_of_positive_mean(&losses)
        };
        // scipy.stats.ttest_1samp([...], 0, alternative="greater")
        let differences = [0.3, -0.1, 0.25, 0.4, 0.05, -0.2, 0.6];
        let found = p_value(differences).unwrap();
        assert!((found - 0.067_105_889_465).abs() < 1e-10, "{found}");
        let other = p_value(differences.map(|x| -x)).unwrap();
        assert!((found + other - 1.0).abs() < 1e-12);
        assert_eq!(p_value([0.1; 7]), None);
        assert_eq!(p_value_of_positive_mean(&ClientSums::default()), None);
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
        // One positive label among ten rows, predicted by both models. A third of the replicates
        // has no positive label.
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
