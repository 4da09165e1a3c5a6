//! Tests of a training whose rows are on an engine.

use std::path::Path;

use common::Schema;
use common::exit::{Exit, classify};
use common::ledger::DataPosition;
use dataset::passes::Relay;

use super::*;

/// Clients with two rows each. The label follows a curve, two features together, and a category.
fn clients(schema: &Schema, clients: usize) -> Table {
    let mut table = Table::new(schema);
    for client in 0..clients {
        let number = |factor: f64| (client as f64 * factor).sin() * 2.0;
        let plan = table.add_level(2, ["basic", "plus", "gold"][client % 3]);
        for row in 0..2 {
            let x = number(0.7) + 0.1 * row as f64;
            let y = if client % 11 == 0 {
                f64::NAN
            } else {
                number(1.3)
            };
            let cells = [x, y, if client % 17 == 0 { f64::NAN } else { plan }];
            let log_odds = 2.0 - x * x + x * number(1.3) + number(5.1) + (client % 3) as f64 - 1.0;
            let label = (client % 13 != 0).then_some(log_odds > 0.0);
            table.push(format!("client {client}").as_bytes(), &cells, label);
        }
    }
    table
}

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "scoring":{"threshold":"capacity","actions":{"capacity":50}},
        "schema":{"id":"client","features":["x","y",{"name":"plan","kind":"category"}]}}"#;
    Config::parse(Path::new("/nowhere/config.json"), text).unwrap()
}

fn trained(table: &Table) -> anyhow::Result<Model> {
    train(&config(), table, 0..table.rows(), DataPosition::default())
}

#[test]
fn a_model_of_rows_on_an_engine_is_that_of_rows_in_memory() {
    let table = clients(&config().schema, 400);
    let model = trained(&table).unwrap();
    assert!(model.client_agreement.is_some());
    assert!(model.profile.sample.of_clients.is_some());
    let on_engine = Table::on_engine(std::sync::Arc::new(Relay::new(table.clone())));
    assert_eq!(on_engine.rows(), table.rows());
    assert!(trained(&on_engine).unwrap().encode().unwrap() == model.encode().unwrap());
    let like = |table: &Table| {
        let rows = 100..table.rows();
        let like = train_like(&model, &config(), table, rows, DataPosition::default());
        like.unwrap().encode().unwrap()
    };
    assert!(like(&on_engine) == like(&table));
}

#[test]
fn a_training_ends_with_the_failure_of_any_of_its_passes() {
    let table = clients(&config().schema, 100);
    let ended = Relay::each_failure(&table, trained);
    assert!(ended.len() > 20, "{} calls", ended.len());
    for (call, ended) in ended.into_iter().enumerate() {
        let error = ended.map(|_| ()).unwrap_err();
        let place = format!("call {}: {error:#}", call + 1);
        assert!(format!("{error:#}").contains(Relay::FAILURE), "{place}");
        assert_eq!(classify(&error), Exit::InputOutput, "{place}");
    }
}

#[test]
fn the_headroom_ends_with_the_failure_of_its_sample() {
    let table = clients(&config().schema, 300);
    let model = trained(&table).unwrap();
    let ended = Relay::each_failure(&table, |table| {
        headroom::headroom(&model, table, 0..table.rows())
    });
    assert!(!ended.is_empty());
    for ended in ended {
        let error = ended.unwrap_err().to_string();
        assert!(error.contains(Relay::FAILURE), "{error}");
    }
}
