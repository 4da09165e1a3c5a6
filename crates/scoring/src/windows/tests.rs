use common::config::TrainingForm;
use common::ledger::DataPosition;
use common::{Config, Schema};
use dataset::passes::log_odds;
use dataset::{RowNumbers, fold_of};

use super::*;

const TRAINING: TrainingSettings = TrainingSettings {
    memory_limit_mib: 4096,
    c: 1.0,
    verify_rows: 20_000,
    window: TrainingWindow::Auto,
    form: TrainingForm::Auto,
};

/// Rows of batches. In each batch the label follows `sign` · x, with noise.
fn table_of(batches: &[(usize, f64)]) -> (Table, Vec<u64>) {
    let schema = Schema {
        features: vec!["x".into()],
        ..Schema::default()
    };
    let (mut table, mut starts) = (Table::new(&schema), Vec::new());
    for (rows, sign) in batches {
        let first = table.rows();
        starts.push(first as u64);
        for row in first..first + rows {
            let x = (row as f64 * 0.7).cos() * 3.0;
            let label = sign * x + (row as f64 * 2.3).sin() * 1.5 > 0.0;
            table.push(format!("client {row}").as_bytes(), &[x], Some(label));
        }
    }
    (table, starts)
}

fn model_of(table: &Table, rows: Range<usize>) -> Model {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","schema":{"features":["x"]}}"#;
    let config = Config::parse(std::path::Path::new("/nowhere/config.json"), text).unwrap();
    training::train(&config, table, rows, DataPosition::default()).unwrap()
}

fn chosen(table: &Table, windows: &[WindowRows], gate_rows: Range<usize>) -> WindowChoice {
    choose_window(&WindowTrial {
        training: &TRAINING,
        table,
        windows,
        first: &model_of(table, windows[0].rows.clone()),
        gate_rows: &gate_rows,
    })
    .unwrap()
}

/// The candidate's log-odds of the gate rows, by fold.
fn answers(choice: &WindowChoice, table: &Table) -> Vec<Vec<f64>> {
    let of_fold =
        |fold: &GateFold| log_odds(&fold.predictor.expression(), table, &fold.rows).unwrap();
    choice.folds.iter().map(of_fold).collect()
}

#[test]
fn after_a_drift_the_rows_since_then_are_chosen() {
    let (table, batches) = table_of(&[(1_500, 1.0), (250, -1.0)]);
    let windows = windows(
        TrainingWindow::Auto,
        table.rows(),
        &RowNumbers::default(),
        &batches,
        Some(1_500),
    );
    let choice = chosen(&table, &windows, 1_500..1_750);
    assert_eq!(choice.chosen.window, Window::SinceDrift);
    assert_eq!(choice.chosen.rows, 1_500..1_750);
    assert_eq!(answers(&choice, &table).concat().len(), 250);
    let [all, since] = &choice.results[..] else {
        panic!("{:?}", choice.results)
    };
    assert_eq!((all.window, all.labelled_rows), (Window::AllRows, 1_750));
    assert_eq!((all.p_value, all.is_chosen), (None, false));
    assert_eq!((since.first_row, since.labelled_rows), (1_500, 250));
    assert!(since.log_loss < all.log_loss && since.p_value < Some(1e-6) && since.is_chosen);
}

#[test]
fn without_a_change_all_rows_are_chosen() {
    let (table, batches) = table_of(&[(1_500, 1.0), (250, 1.0), (250, 1.0)]);
    let windows = windows(
        TrainingWindow::Auto,
        table.rows(),
        &RowNumbers::default(),
        &batches,
        Some(1_750),
    );
    let choice = chosen(&table, &windows, 1_750..2_000);
    assert_eq!(
        choice.chosen.window,
        Window::AllRows,
        "{:?}",
        choice.results
    );
}

#[test]
fn a_window_of_few_rows_or_of_one_label_is_left_out() {
    let (mut table, batches) = table_of(&[(300, 1.0), (80, 1.0), (59, 1.0)]);
    let all = windows(
        TrainingWindow::Auto,
        table.rows(),
        &RowNumbers::default(),
        &batches,
        None,
    );
    let choice = chosen(&table, &all, 380..439);
    let why = |choice: &WindowChoice, place: usize| choice.results[place].left_out.clone();
    assert_eq!(
        why(&choice, 1).unwrap(),
        "it has 59 labelled rows, fewer than 60"
    );
    assert_eq!(why(&choice, 2), None);
    for row in 380..439 {
        table.in_memory_mut().labels[row] = Some(row < 384);
    }
    for row in 300..380 {
        table.in_memory_mut().labels[row] = Some(false);
    }
    let choice = chosen(&table, &all, 300..439);
    assert_eq!(
        why(&choice, 2).unwrap(),
        "it has 4 rows of one label, fewer than 5"
    );
}

#[test]
fn the_gate_rows_of_a_fold_do_not_choose_the_window_that_predicts_them() {
    let (table, batches) = table_of(&[(1_500, 1.0), (250, -1.0)]);
    let all = windows(
        TrainingWindow::Auto,
        table.rows(),
        &RowNumbers::default(),
        &batches,
        Some(1_500),
    );
    let before = chosen(&table, &all, 1_500..1_750);
    // The labels of one fold's gate rows are flipped. No fit that predicts these rows includes
    // them, and they do not choose their own window. Their predictions therefore do not change.
    let mut turned = table.clone();
    for row in 1_500..1_750 {
        if fold_of(table.in_memory().client_numbers[row]) == 0 {
            let label = &mut turned.in_memory_mut().labels[row];
            *label = label.map(|label| !label);
        }
    }
    let after = chosen(&turned, &all, 1_500..1_750);
    let are_close: Vec<bool> = answers(&before, &table)
        .iter()
        .zip(answers(&after, &table))
        .map(|(before, after)| before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-6))
        .collect();
    assert_eq!(are_close, [true, false, false, false, false]);
}

#[test]
fn windows_of_the_same_rows_are_tried_once() {
    let names = |setting, rows, batches: &[u64], drift| {
        let windows = windows(setting, rows, &RowNumbers::default(), batches, drift);
        windows
            .iter()
            .map(|it| it.window.to_string())
            .collect::<Vec<_>>()
    };
    let starts: Vec<u64> = (0..12).map(|batch| batch * 100).collect();
    assert_eq!(
        names(TrainingWindow::Auto, 1_200, &starts, Some(900)),
        [
            "all rows",
            "rows since the drift was found",
            "last batch",
            "last 2 batches",
            "last 4 batches",
            "last 8 batches"
        ]
    );
    assert_eq!(
        names(TrainingWindow::Auto, 1_200, &starts, Some(1_100)),
        [
            "all rows",
            "rows since the drift was found",
            "last 2 batches",
            "last 4 batches",
            "last 8 batches"
        ]
    );
    assert_eq!(
        names(TrainingWindow::All, 1_200, &starts, Some(900)),
        ["all rows"]
    );
    assert_eq!(
        names(TrainingWindow::Batches(3), 1_200, &starts, Some(900)),
        ["last 3 batches"]
    );
    let few = windows(
        TrainingWindow::Batches(30),
        1_200,
        &RowNumbers::default(),
        &starts,
        None,
    );
    assert_eq!(few[0].rows, 0..1_200);
    assert_eq!(names(TrainingWindow::Auto, 0, &[], None), ["all rows"]);
}

#[test]
fn gate_rows_are_new_rows_or_rows_since_the_drift_that_no_deployed_model_was_fitted_to() {
    let starts: Vec<u64> = (0..12).map(|batch| batch * 100).collect();
    for (new, drift, fitted, first) in [
        // Without drift: only the new rows.
        (1_100, None, 100, 1_100),
        // The rows since the drift.
        (1_100, Some(900), 100, 900),
        // At most five batches.
        (1_100, Some(200), 100, 700),
        // Only the rows that the deployed model was not fitted to.
        (1_100, Some(900), 1_000, 1_000),
        // Always the new rows: many small batches may have waited.
        (300, Some(300), 300, 300),
        (1_100, Some(900), 1_200, 1_100),
    ] {
        assert_eq!(first_gate_row(new, &starts, drift, fitted), first);
    }
}
