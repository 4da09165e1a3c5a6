//! Tests of verdicts about a model whose numbers have curves.

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::{Form, Model};

use super::*;
use crate::draws::Draws;

const ALPHA: f64 = 0.005;

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{"verify_rows":0},"schema":{"features":["x","y"]}}"#;
    Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
}

/// Clients whose log-odds of leaving change by `of_x(x)` and by `of_y` per unit of `y`.
fn clients(seed: u64, rows: usize, of_x: fn(f64) -> f64, of_y: f64) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config().schema);
    for row in 0..rows {
        let (x, y) = (draws.normal(), draws.normal());
        let log_odds = of_x(x) + of_y * y;
        let left = draws.uniform() < 1.0 / (1.0 + (-log_odds).exp());
        table.push(row.to_string().as_bytes(), &[x, y], Some(left));
    }
    table
}

fn hill(x: f64) -> f64 {
    1.0 - x * x
}

fn valley(x: f64) -> f64 {
    x * x - 1.0
}

fn model() -> Model {
    model_of(3000)
}

fn model_of(rows: usize) -> Model {
    let table = clients(1, rows, hill, 0.0);
    let model =
        training::train(&config(), &table, 0..table.rows(), DataPosition::default()).unwrap();
    assert_eq!(model.predictor.form(), Form::Curves);
    model
}

fn verdict_on(model: &Model, table: &Table) -> ModelVerdict {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, &CumulativeScore::default(), ALPHA)
        .unwrap()
        .model
}

#[test]
fn a_curve_drifts_only_if_the_effect_changes() {
    let model = model();
    for seed in 2..8 {
        let found = verdict_on(&model, &clients(seed, 500, hill, 0.0));
        assert_eq!(found.verdict, Verdict::Ok, "{found}");
    }
    for model in [model, model_of(500)] {
        let turned = verdict_on(&model, &clients(9, 200, valley, 0.0));
        assert_eq!(turned.verdict, Verdict::Drift, "{turned}");
    }
}

#[test]
fn a_feature_without_an_effect_is_watched() {
    let found = verdict_on(&model(), &clients(9, 500, hill, 0.6));
    assert_eq!(found.verdict, Verdict::Drift, "{found}");
    assert!(found.to_string().contains('y'), "{found}");
}
