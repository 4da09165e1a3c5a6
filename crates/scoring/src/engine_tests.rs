//! Tests of scores and comparisons whose rows are on an engine.

use std::sync::Arc;

use common::config::{TrainingForm, TrainingSettings, TrainingWindow};
use common::ledger::DataPosition;
use common::{Config, Failure};
use dataset::passes::Relay;
use dataset::{RowNumbers, Selection, Table};
use model::Model;

use crate::{
    Comparison, Contest, UnseenTest, WindowChoice, WindowTrial, choose_window, compare, confusion,
    paired_losses, score, windows,
};

const BATCH: usize = 300;

const TRAINING: TrainingSettings = TrainingSettings {
    c: 1.0,
    verify_rows: 20_000,
    window: TrainingWindow::Auto,
    form: TrainingForm::Auto,
    memory_limit_mib: 4096,
};

/// Three batches of clients. The label turns round in the last one.
fn clients() -> Table {
    let mut table = Table::new(&config().schema);
    for row in 0..3 * BATCH {
        let x = (row as f64 * 0.7).cos() * 3.0;
        let sign = if row < 2 * BATCH { 1.0 } else { -1.0 };
        let left = sign * x + (row as f64 * 2.3).sin() * 1.5 > 0.0;
        let label = (row % 19 != 0).then_some(left);
        table.push(format!("client {}", row / 2).as_bytes(), &[x], label);
    }
    table
}

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "schema":{"id":"client","features":["x"]}}"#;
    Config::parse(std::path::Path::new("/nowhere/config.json"), text).unwrap()
}

fn model_of(table: &Table, rows: usize) -> Model {
    training::train(&config(), table, 0..rows, DataPosition::default()).unwrap()
}

/// The choice of a window and the comparison with the deployed model, as a run makes them.
fn compared(
    candidate: &Model,
    incumbent: &Model,
    table: &Table,
) -> anyhow::Result<(WindowChoice, Comparison)> {
    let batches = [0, BATCH as u64, 2 * BATCH as u64];
    let window = choose_window(&WindowTrial {
        training: &TRAINING,
        table,
        windows: &windows(
            TrainingWindow::Auto,
            table.rows(),
            &RowNumbers::default(),
            &batches,
            None,
        ),
        first: candidate,
        gate_rows: &(2 * BATCH..table.rows()),
    })?;
    let comparison = compare(&Contest {
        candidate,
        window: &window,
        incumbent,
        table,
        test: Some(UnseenTest { table, left_out: 0 }),
        model_drift: false,
        refit: false,
    })?;
    Ok((window, comparison))
}

#[test]
fn a_comparison_on_an_engine_is_that_in_memory_and_ends_with_the_failure_of_any_pass() {
    let table = clients();
    let (candidate, incumbent) = (model_of(&table, table.rows()), model_of(&table, 2 * BATCH));
    let (window, comparison) = compared(&candidate, &incumbent, &table).unwrap();
    assert!(window.results.len() > 1 && window.results.iter().all(|it| it.left_out.is_none()));
    let on_engine = Table::on_engine(Arc::new(Relay::new(table.clone())));
    let (of_engine, found) = compared(&candidate, &incumbent, &on_engine).unwrap();
    assert_eq!(of_engine.results, window.results);
    assert_eq!(format!("{found:?}"), format!("{comparison:?}"));

    let ended = Relay::each_failure(&table, |table| compared(&candidate, &incumbent, table));
    assert!(ended.len() > 50, "{} calls", ended.len());
    for (call, ended) in ended.into_iter().enumerate() {
        let error = format!("{:#}", ended.map(|_| ()).unwrap_err());
        assert!(error.contains(Relay::FAILURE), "call {}: {error}", call + 1);
    }
}

#[test]
fn scores_on_an_engine_are_those_in_memory_and_end_with_the_failure_of_any_pass() {
    let table = clients();
    let [one, other] = [2 * BATCH, 3 * BATCH].map(|rows| model_of(&table, rows));
    let scored = |table: &Table| -> Result<String, Failure> {
        let all = Selection::rows(0..table.rows());
        let metrics = score(&one, table, &all)?;
        let confusion = confusion(&one, table, &all)?;
        let paired = paired_losses(&one, &other, table, 0..table.rows())?;
        Ok(format!("{metrics:?} {confusion:?} {paired:?}"))
    };
    let on_engine = Table::on_engine(Arc::new(Relay::new(table.clone())));
    assert_eq!(scored(&on_engine), scored(&table));
    let ended = Relay::each_failure(&table, scored);
    assert!(ended.len() > 3, "{} calls", ended.len());
    for ended in ended {
        assert_eq!(ended.unwrap_err().message, Relay::FAILURE);
    }
}
