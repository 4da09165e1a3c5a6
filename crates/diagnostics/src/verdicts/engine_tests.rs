//! Tests of verdicts on rows that are on an engine.

use std::sync::Arc;

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use dataset::passes::Relay;

use super::*;
use crate::draws::Draws;

const ALPHA: f64 = 0.005;

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","training":{"verify_rows":0},
        "schema":{"id":"client","features":["x","y",{"name":"plan","kind":"category"}]}}"#;
    Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
}

/// Clients with two rows each, whose log-odds of leaving are `slope` · x.
fn clients(seed: u64, clients: usize, slope: f64) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config().schema);
    for client in 0..clients {
        let x = draws.normal();
        let plan = table.add_level(2, ["basic", "plus", "gold"][client % 3]);
        for _ in 0..2 {
            let left = draws.uniform() < 1.0 / (1.0 + (-slope * x).exp());
            let cells = [x + 0.1 * draws.normal(), draws.normal(), plan];
            table.push(format!("{seed} {client}").as_bytes(), &cells, Some(left));
        }
    }
    table
}

#[test]
fn verdicts_on_an_engine_are_those_in_memory_and_end_with_the_failure_of_any_pass() {
    let rows = clients(1, 600, 1.0);
    let model = training::train(&config(), &rows, 0..rows.rows(), DataPosition::default()).unwrap();
    // Few rows with another relation: the labels are simulated, too.
    let batch = clients(2, 60, -2.0);
    let tested = |table: &Table| {
        let batch = Batch {
            table,
            rows: 0..table.rows(),
        };
        verdicts(&model, &batch, &CumulativeScore::default(), ALPHA)
    };
    let in_memory = tested(&batch).unwrap();
    assert_eq!(in_memory.verdict, Verdict::Drift);
    let on_engine = Table::on_engine(Arc::new(Relay::new(batch.clone())));
    assert_eq!(
        format!("{:?}", tested(&on_engine).unwrap()),
        format!("{in_memory:?}")
    );
    let ended = Relay::each_failure(&batch, tested);
    assert!(ended.len() > 3, "{} calls", ended.len());
    for ended in ended {
        assert_eq!(ended.unwrap_err().message, Relay::FAILURE);
    }
}
