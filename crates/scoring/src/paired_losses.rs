//! Log-losses of two models on the same rows, summed over batches.
//!
//! The sums tell which of two models predicted better on any number of batches, with an interval.
//! Rows need not be kept.

use std::ops::Range;

use common::Failure;
use dataset::passes::{self, ClientSums};
use dataset::{Selection, Table};
use model::Model;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Maximum number of rows of a batch on which two models are compared. From a larger batch, the
/// rows with the smallest public hashes are taken.
pub const MAX_PAIRED_ROWS: usize = 100_000;
/// Smallest number of clients for an interval.
const MIN_CLIENTS: u64 = 20;
/// Largest absolute log-odds that count, those of a probability of one in a million. Without this
/// limit, a single client could outweigh all others.
const MAX_LOG_ODDS: f64 = 13.815_509_557_963_773;
/// Probability that at least one interval of a sequence misses the true difference.
const MISS: f64 = 0.05;

/// Interval of the mean difference of two models' log-losses at the `look`-th look at the data,
/// counted from 1.
///
/// With a probability of 95 %, the intervals of all looks contain the true difference. This
/// holds if no client is in several batches. `None` with fewer than twenty clients, or if the
/// differences have no spread or are 0 within rounding.
pub fn interval_at_look(losses: &ClientSums, look: u64) -> Option<[f64; 2]> {
    let (mean, error) = losses.mean().zip(losses.standard_error())?;
    if losses.clients < MIN_CLIENTS {
        return None;
    }
    // The levels of all looks add up to `MISS`, because the sum of 1 / k² is π² / 6.
    let level = MISS * 6.0 / (std::f64::consts::PI * look.max(1) as f64).powi(2);
    let distribution = StudentsT::new(0.0, 1.0, losses.clients as f64 - 1.0).ok()?;
    let reach = distribution.inverse_cdf(1.0 - level / 2.0) * error;
    Some([mean - reach, mean + reach])
}

/// The sums over the labelled rows of a range: the log-loss of `one` minus that of `other`. Both models
/// must have the columns of the table.
pub fn paired_losses(
    one: &Model,
    other: &Model,
    table: &Table,
    rows: Range<usize>,
) -> Result<ClientSums, Failure> {
    let sample = table.sample(&Selection::rows(rows).labelled(), MAX_PAIRED_ROWS)?;
    let expressions = [one, other].map(|model| model.predictor.expression());
    let rows = sample.table();
    passes::paired_losses(
        expressions.each_ref(),
        Some(MAX_LOG_ODDS),
        rows,
        &rows.all(),
    )
}

#[cfg(test)]
mod tests {
    use common::Config;
    use common::ledger::DataPosition;

    use super::*;

    /// Pseudo-random numbers between 0 and 1 (SplitMix64).
    struct Draws(u64);

    impl Draws {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    fn of(clients: &[&[f64]]) -> ClientSums {
        let mut sums = ClientSums::default();
        for rows in clients {
            sums.add_client(rows.len() as u64, rows.iter().sum());
        }
        sums
    }

    /// Width of the interval at a look.
    fn width(sums: &ClientSums, look: u64) -> f64 {
        let [lower, upper] = interval_at_look(sums, look).unwrap();
        upper - lower
    }

    #[test]
    fn the_interval_is_around_the_mean_and_widens_with_the_looks() {
        let rows: Vec<[f64; 1]> = (0..400).map(|row| [f64::from(row % 5) - 2.5]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let sums = of(&rows);
        assert_eq!((sums.rows, sums.clients), (400, 400));
        assert_eq!(sums.mean(), Some(-0.5));
        let [lower, upper] = interval_at_look(&sums, 1).unwrap();
        assert!((lower + upper + 1.0).abs() < 1e-12);
        // The spread of −2 to 2 is √2; the first level is 0.0304, of which t has 2.173.
        let spread = (2.0_f64 * 400.0 / 399.0).sqrt();
        let reach = 2.173 * spread / 20.0;
        assert!(
            ((upper - lower) / 2.0 - reach).abs() < 1e-3,
            "{lower} {upper}"
        );
        assert!(width(&sums, 10) > 1.3 * width(&sums, 1));
    }

    #[test]
    fn sums_of_parts_are_those_of_the_whole_and_rows_of_a_client_count_together() {
        let row = |row: u32| [f64::from(row * row % 7)];
        let rows: Vec<[f64; 1]> = (0..100).map(row).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let mut parts = of(&rows[..30]);
        parts.merge(&of(&rows[30..]));
        assert_eq!(parts, of(&rows));
        // The same row ten times over is one client, and says no more than one row.
        let rows: Vec<[f64; 10]> = (0..100).map(|it| [row(it)[0]; 10]).collect();
        let repeated: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let repeated = of(&repeated);
        assert_eq!((repeated.rows, repeated.clients), (1_000, 100));
        assert!((width(&repeated, 1) - width(&parts, 1)).abs() < 1e-9);
    }

    #[test]
    fn few_clients_and_equal_models_have_no_interval() {
        assert_eq!(ClientSums::default().mean(), None);
        assert_eq!(interval_at_look(&of(&[&[0.1][..]; 19]), 1), None);
        assert_eq!(interval_at_look(&of(&[&[0.0][..]; 90]), 1), None);
        assert_eq!(
            interval_at_look(&of(&[&[0.1][..]; 90]), 1),
            None,
            "no spread"
        );
    }

    /// All intervals of 40 batches contain the true difference in 95 of 100 streams.
    #[test]
    fn looking_after_each_batch_does_no_harm() {
        let mut draws = Draws(7);
        let mut missed = 0;
        for _ in 0..400 {
            let mut sums = ClientSums::default();
            let misses = (1..=40).any(|look| {
                for _ in 0..30 {
                    sums.add_client(1, draws.uniform() + draws.uniform() - 1.0);
                }
                let [lower, upper] = interval_at_look(&sums, look).unwrap();
                lower > 0.0 || upper < 0.0
            });
            missed += u32::from(misses);
        }
        assert!(missed <= 24, "{missed} of 400 streams");
    }

    fn config() -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod","schema":{"features":["x"]}}"#;
        Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
    }

    /// Rows of clients: the larger `slope` · x, the more often a client leaves.
    fn clients(seed: u64, rows: u32, slope: f64) -> Table {
        let mut draws = Draws(seed);
        let mut table = Table::new(&config().schema);
        for row in 0..rows {
            let x = 4.0 * draws.uniform() - 2.0;
            let left = draws.uniform() < 1.0 / (1.0 + (-slope * x).exp());
            table.push(&row.to_le_bytes(), &[x], Some(left));
        }
        table
    }

    fn model(slope: f64) -> Model {
        let table = clients(1, 600, slope);
        training::train(&config(), &table, 0..600, DataPosition::default()).unwrap()
    }

    #[test]
    fn the_model_that_fits_the_new_rows_has_the_lower_log_loss() {
        let (right, wrong) = (model(1.5), model(-1.5));
        let mut table = clients(2, 300, 1.5);
        table.in_memory_mut().labels[..50].fill(None);
        let found = paired_losses(&right, &wrong, &table, 20..300).unwrap();
        assert_eq!((found.rows, found.clients), (250, 250));
        let [_, upper] = interval_at_look(&found, 1).unwrap();
        assert!(upper < 0.0, "{found:?}");
        let turned = paired_losses(&wrong, &right, &table, 20..300).unwrap();
        assert_eq!(turned.sum, -found.sum);
        // Extreme log-odds count as those of a client that is nearly certain to leave or stay.
        table.in_memory_mut().features[0].fill(1e300);
        let far = paired_losses(&right, &wrong, &table, 20..300).unwrap();
        assert!(far.sum.abs() <= 250.0 * (MAX_LOG_ODDS + 1.0), "{far:?}");
    }

    #[test]
    fn of_very_many_rows_a_sample_counts() {
        let (one, other) = (model(1.5), model(1.0));
        let rows = MAX_PAIRED_ROWS as u32 + 5_000;
        let table = clients(3, rows, 1.5);
        let found = paired_losses(&one, &other, &table, 0..table.rows()).unwrap();
        assert_eq!(found.rows, MAX_PAIRED_ROWS as u64);
        let again = paired_losses(&one, &other, &table, 0..table.rows()).unwrap();
        assert_eq!(found, again);
    }
}
