//! Tests of the verdict on model drift where usual assumptions fail: several rows per client, rare
//! values, collinear columns, many columns.

use std::ops::Range;

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

use super::*;
use crate::draws::Draws;

const ALPHA: f64 = 0.005;

fn config(features: &[&str]) -> Config {
    let names = features.join(r#"",""#);
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"verify_rows":0,"form":"linear"}},"schema":{{"features":["{names}"]}}}}"#
    );
    Config::parse(&std::env::temp_dir().join("config.json"), &text).unwrap()
}

fn train(config: &Config, table: &Table) -> Model {
    training::train(config, table, 0..table.rows(), DataPosition::default()).unwrap()
}

fn leaves(draws: &mut Draws, log_odds: f64) -> Option<bool> {
    Some(draws.uniform() < 1.0 / (1.0 + (-log_odds).exp()))
}

fn verdict_on(
    model: &Model,
    table: &Table,
    before: &CumulativeScore,
) -> (ModelVerdict, CumulativeScore) {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    let (found, terms) = model_verdict(model, &batch, before, ALPHA).unwrap();
    let mut sums = before.clone();
    sums.add(&terms, found.cumulative.is_some()).unwrap();
    (found, sums)
}

fn verdict_alone(model: &Model, table: &Table) -> ModelVerdict {
    verdict_on(model, table, &CumulativeScore::default()).0
}

/// Rows of clients that leave more or less often than their features say. The coefficient of x is
/// `slope`.
fn rows_of_clients(
    config: &Config,
    draws: &mut Draws,
    names: Range<usize>,
    each: usize,
    slope: f64,
) -> Table {
    let mut table = Table::new(&config.schema);
    for name in names {
        let (own, x, y) = (draws.normal(), draws.normal(), draws.normal());
        for _ in 0..each {
            let log_odds = own + slope * x - 0.6 * y;
            table.push(
                name.to_string().as_bytes(),
                &[x, y],
                leaves(draws, log_odds),
            );
        }
    }
    table
}

#[test]
fn rows_of_one_client_count_together() {
    const BATCHES: usize = 60;
    let config = config(&["x", "y"]);
    for each in [5, 20] {
        let mut alarms = 0;
        let mut found_after = Vec::new();
        for stream in 0..3 {
            let mut draws = Draws(70 + stream);
            let model = train(
                &config,
                &rows_of_clients(&config, &mut draws, 0..2_000 / each, each, 1.0),
            );
            let mut sums = CumulativeScore::default();
            let mut next = 2_000;
            let mut batch = |draws: &mut Draws, slope: f64| {
                next += 200 / each;
                rows_of_clients(&config, draws, next - 200 / each..next, each, slope)
            };
            for _ in 0..BATCHES / 3 {
                let (found, after) = verdict_on(&model, &batch(&mut draws, 1.0), &sums);
                alarms += usize::from(found.verdict == Verdict::Drift);
                sums = after;
            }
            let is_drift = |_: &usize| {
                let (found, after) = verdict_on(&model, &batch(&mut draws, -1.0), &sums);
                sums = after;
                found.verdict == Verdict::Drift
            };
            found_after.push((1..10).find(is_drift));
        }
        assert!(alarms <= 1, "{each} rows per client: {alarms} of {BATCHES}");
        assert!(
            found_after
                .iter()
                .all(|batches| batches.is_some_and(|it| it <= 4)),
            "{found_after:?}"
        );
    }
}

#[test]
fn one_row_per_client_gives_the_sums_of_earlier_versions() {
    let config = config(&["x", "y"]);
    let draws = &mut Draws(5);
    let table = rows_of_clients(&config, draws, 0..400, 1, 1.0);
    let (_, sums) = verdict_on(&train(&config, &table), &table, &CumulativeScore::default());
    assert!(!serde_json::to_string(&sums).unwrap().contains("pairs"));
    let mut twice = table.clone();
    twice.extend(&table);
    let (found, sums) = verdict_on(&train(&config, &table), &twice, &CumulativeScore::default());
    let text = serde_json::to_string(&sums).unwrap();
    assert!(text.contains("pairs"));
    assert_eq!(
        serde_json::from_str::<CumulativeScore>(&text).unwrap(),
        sums
    );
    assert_eq!(found.verdict, Verdict::Ok, "{found}");
}

/// Rows of which the first `flagged` have a flag of 6 and the others a flag of 0. No flagged client
/// leaves; 6 % of the others do.
fn flagged(config: &Config, flagged: usize, rows: usize) -> Table {
    let draws = &mut Draws(3);
    let mut table = Table::new(&config.schema);
    for row in 0..rows {
        let is_flagged = row < flagged;
        let left = draws.uniform() < 0.06 && !is_flagged;
        let flag = if is_flagged { 6.0 } else { 0.0 };
        table.push(
            row.to_string().as_bytes(),
            &[draws.normal(), flag],
            Some(left),
        );
    }
    table
}

/// A batch with two flagged clients, one of whom leaves.
fn one_of_two_flagged_leaves(config: &Config) -> Table {
    let mut table = flagged(config, 2, 280);
    table.in_memory_mut().labels[1] = Some(true);
    table
}

#[test]
fn one_client_with_a_rare_value_is_no_drift() {
    let config = config(&["x", "flag"]);
    let model = train(&config, &flagged(&config, 12, 1_500));
    let found = verdict_alone(&model, &one_of_two_flagged_leaves(&config));
    assert_eq!(found.verdict, Verdict::Ok, "{found}");
    assert!(found.untested_levels.is_empty(), "{found}");
    let covariance = model.covariance.unwrap();
    assert!(covariance[[2, 2]].sqrt() > 0.3, "{covariance:?}");
}

#[test]
fn a_column_that_few_training_rows_determine_is_left_out_and_named() {
    let config = config(&["x", "flag"]);
    for rare in [0, 9] {
        let model = train(&config, &flagged(&config, rare, 1_500));
        let mut batch = one_of_two_flagged_leaves(&config);
        let found = verdict_alone(&model, &batch);
        assert_eq!(found.verdict, Verdict::Ok, "{found}");
        assert_eq!(found.single.as_ref().unwrap().test.degrees, 2);
        let untested = "; not tested: flag (fewer than 10 training rows have its rarer value)";
        assert!(found.to_string().ends_with(untested), "{found}");
        let without_names = found.without_level_names().untested_levels;
        assert_eq!(without_names[0].feature, "flag");
        // Drift of the other clients is still found.
        batch
            .in_memory_mut()
            .labels
            .iter_mut()
            .step_by(3)
            .for_each(|label| *label = Some(true));
        assert_eq!(verdict_alone(&model, &batch).verdict, Verdict::Drift);
    }
}

/// Accounts whose limit is always the sum of the used and the open amount.
fn accounts(config: &Config, seed: u64, rows: usize, slope: f64) -> Table {
    let draws = &mut Draws(seed);
    let mut table = Table::new(&config.schema);
    for row in 0..rows {
        let amount =
            |draws: &mut Draws, mean: f64| (-100.0 * mean * draws.uniform().ln()).round() / 100.0;
        let (used, open) = (amount(draws, 900.0), amount(draws, 3_000.0));
        let left = leaves(draws, slope * (used - 700.0) / 600.0);
        let limit = ((used + open) * 100.0).round() / 100.0;
        table.push(
            format!("{seed} {row}").as_bytes(),
            &[limit, used, open],
            left,
        );
    }
    table
}

#[test]
fn an_exact_sum_of_columns_leaves_the_other_directions_testable() {
    let config = config(&["limit", "used", "open"]);
    let model = train(&config, &accounts(&config, 1, 2_000, 1.0));
    let same = verdict_alone(&model, &accounts(&config, 2, 600, 1.0));
    assert_eq!(same.verdict, Verdict::Ok, "{same}");
    assert_eq!(same.single.as_ref().unwrap().test.degrees, 3);
    assert_eq!(same.untested, ["open"]);
    let turned = verdict_alone(&model, &accounts(&config, 3, 600, -1.0));
    assert_eq!(turned.verdict, Verdict::Drift, "{turned}");
    // The training rows have no account with another limit, so they do not determine its risk.
    let mut other = accounts(&config, 4, 600, 1.0);
    let columns = other.in_memory_mut();
    for (limit, label) in columns.features[0].iter_mut().zip(columns.labels) {
        *limit += if *label == Some(true) { 300.0 } else { 0.0 };
    }
    let other = verdict_alone(&model, &other);
    assert_ne!(other.verdict, Verdict::InsufficientData, "{other}");
}

#[test]
fn many_columns_of_few_rows_raise_few_alarms() {
    let names: Vec<String> = (0..25).map(|column| format!("x{column}")).collect();
    let config = config(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let draw = |draws: &mut Draws, rows: usize| {
        let mut table = Table::new(&config.schema);
        for row in 0..rows {
            let values: Vec<f64> = names.iter().map(|_| draws.normal()).collect();
            let left = leaves(draws, values[0] - 0.5 * values[1]);
            table.push(row.to_string().as_bytes(), &values, left);
        }
        table
    };
    let is_alarm = |seed: &u64| {
        let draws = &mut Draws(*seed);
        let model = train(&config, &draw(draws, 250));
        verdict_alone(&model, &draw(draws, 200)).verdict == Verdict::Drift
    };
    let alarms = (0..40).filter(is_alarm).count();
    assert!(alarms <= 2, "{alarms} of 40");
}
