//! Times the fit on made-up rows of any number and width, for `scripts/bench_fit.py`.
//!
//! `cargo run --release -p training --example time_fit -- ROWS COLUMNS`
//!
//! Fits once for each line of standard input. The answer is a line of JSON with seconds, steps,
//! intercept and coefficients. The rows follow a formula of whole numbers and sums, so that other
//! programs can compute the same rows.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use dataset::Table;
use model::Design;
use serde_json::json;
use training::{FitSettings, fit};

/// A pseudorandom number in [0, 1); equal arguments give equal numbers.
fn uniform(row: usize, column: usize) -> f64 {
    let place = (row as u64) << 8 | column as u64;
    let mixed = (place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Columns in units of 1, 10 and 100. The label follows all of them, with noise.
fn table(rows: usize, columns: usize) -> Table {
    let mut sums = vec![0.0; rows];
    let features = (0..columns)
        .map(|column| {
            let unit = [1.0, 10.0, 100.0][column % 3];
            let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
            let values = sums.iter_mut().enumerate().map(|(row, sum)| {
                let centred = uniform(row, column) - 0.5;
                *sum += sign * centred;
                centred * unit
            });
            values.collect()
        })
        .collect();
    let label = |(row, sum): (usize, &f64)| {
        let noise = uniform(row, columns) + uniform(row, columns + 1) - 1.0;
        Some(sum + noise > 0.25)
    };
    let labels = sums.iter().enumerate().map(label).collect();
    Table::of_columns(features, labels, (0..rows as u64).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, columns] = arguments.as_slice() else {
        return Err("usage: time_fit ROWS COLUMNS".into());
    };
    let table = table(rows.parse()?, columns.parse()?);
    let mut output = io::stdout().lock();
    for line in io::stdin().lines() {
        line?;
        let clock = Instant::now();
        let fitted = fit(
            &FitSettings { c: 1.0 },
            &Design::default(),
            &table,
            &table.labelled(),
        )?;
        let answer = json!({
            "seconds": clock.elapsed().as_secs_f64(),
            "iterations": fitted.iterations,
            "intercept": fitted.predictor.intercept,
            "coefficients": fitted.predictor.coefficients,
        });
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}
