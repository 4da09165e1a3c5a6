use std::ops::Range;

use common::config::{GatePolicy, TrainingForm, TrainingSettings, TrainingWindow};
use common::{Config, Schema};
use dataset::{FOLDS, Fold, RowNumbers, fold_of};
use model::{Design, LinearPredictor, Predictor};
use training::{FitSettings, FittedForm, OutOfFold, fit};

use super::*;
use crate::confusion::ConfusionMatrix;
use crate::windows::{WindowTrial, choose_window, out_of_fold, windows};
use crate::{evaluate, gate};

/// Compares a candidate that was fitted to all rows with the incumbent.
fn compared_on(
    candidate: &Model,
    incumbent: &Model,
    table: &Table,
    gate_rows: Range<usize>,
    test: Option<UnseenTest<'_>>,
) -> anyhow::Result<Comparison> {
    let window = choose_window(&WindowTrial {
        training: &TRAINING,
        table,
        windows: &windows(
            TrainingWindow::All,
            table.rows(),
            &RowNumbers::default(),
            &[],
            None,
        ),
        first: candidate,
        gate_rows: &gate_rows,
    })?;
    compare(&Contest {
        candidate,
        window: &window,
        incumbent,
        table,
        test,
        model_drift: false,
        refit: false,
    })
}

const SETTINGS: FitSettings = FitSettings { c: 1.0 };
const TRAINING: TrainingSettings = TrainingSettings {
    memory_limit_mib: 4096,
    c: 1.0,
    verify_rows: 20_000,
    window: TrainingWindow::Auto,
    form: TrainingForm::Auto,
};

fn schema() -> Schema {
    Schema {
        features: vec!["x".into()],
        ..Schema::default()
    }
}

/// Adds rows whose label follows `sign` · x, with noise.
fn add_rows(table: &mut Table, first: usize, count: usize, sign: f64) {
    for row in first..first + count {
        let x = (row as f64 * 0.7).cos() * 3.0;
        let label = sign * x + (row as f64 * 2.3).sin() * 1.5 > 0.0;
        table.push(format!("client {row}").as_bytes(), &[x], Some(label));
    }
}

fn table_of(parts: &[(usize, f64)]) -> Table {
    let mut table = Table::new(&schema());
    for (count, sign) in parts {
        let first = table.rows();
        add_rows(&mut table, first, *count, *sign);
    }
    table
}

fn model_of(table: &Table) -> Model {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","schema":{"features":["x"]}}"#;
    let config = Config::parse(std::path::Path::new("/nowhere/config.json"), text).unwrap();
    training::train(
        &config,
        table,
        0..table.rows(),
        common::ledger::DataPosition::default(),
    )
    .unwrap()
}

/// A predictor with log-odds of 0 for every row.
fn nothing() -> Predictor {
    Predictor::Linear(LinearPredictor {
        intercept: 0.0,
        coefficients: vec![0.0],
        imputed: vec![0.0],
        design: Design::default(),
    })
}

fn compared(before: &Table, after: &Table, test: Option<UnseenTest<'_>>) -> Comparison {
    let gate_rows = before.rows()..after.rows();
    compared_on(&model_of(after), &model_of(before), after, gate_rows, test).unwrap()
}

#[test]
fn a_candidate_that_learned_a_changed_world_wins() {
    let before = table_of(&[(300, 1.0)]);
    let after = table_of(&[(300, 1.0), (900, -1.0)]);
    let test = table_of(&[(1300, 1.0), (200, -1.0)]).filtered(|row| row >= 1300);
    let guard = UnseenTest {
        table: &test,
        left_out: 3,
    };
    let comparison = compared(&before, &after, Some(guard));
    assert_eq!(comparison.rows, 900);
    assert!(comparison.candidate.f1 > comparison.incumbent.f1);
    assert!(comparison.log_loss_p_value.unwrap() > 0.99);
    let guard = comparison.guard.as_ref().unwrap();
    assert_eq!((guard.rows, guard.left_out), (200, 3));
    assert!(guard.difference_interval.unwrap()[0] > 0.0);
    assert!(gate(&comparison, GatePolicy::NotWorse).accepted);
}

#[test]
fn a_candidate_spoilt_by_bad_labels_is_refused() {
    // The new rows follow the old rule, but most of the earlier training rows have the wrong label.
    let before = table_of(&[(300, 1.0)]);
    let spoilt = table_of(&[(300, 1.0), (2000, -1.0), (300, 1.0)]);
    let comparison = compared_on(
        &model_of(&spoilt),
        &model_of(&before),
        &spoilt,
        2300..2600,
        None,
    )
    .unwrap();
    assert!(comparison.log_loss_p_value.unwrap() < 1e-6);
    let decision = gate(&comparison, GatePolicy::NotWorse);
    assert!(!decision.accepted);
    assert!(gate(&comparison, GatePolicy::Always).accepted);
}

#[test]
fn a_clients_own_rows_have_no_part_in_its_prediction() {
    // The labels of the new clients cannot be learned from other clients. A fit that includes a
    // client's own row would know its label.
    let mut table = table_of(&[(300, 1.0)]);
    let before = table.clone();
    for row in 0..200 {
        let label = row % 2 == 0;
        let x = 0.001 * f64::from(row % 3);
        table.push(format!("new {row}").as_bytes(), &[x], Some(label));
    }
    let comparison = compared(&before, &table, None);
    let mut answers = Vec::new();
    for fold in 0..FOLDS {
        let part = table.filtered(|row| fold_of(table.in_memory().client_numbers[row]) != fold);
        let predictor = fit(&SETTINGS, &Design::default(), &part, &part.all())
            .unwrap()
            .predictor;
        let asked = table
            .filtered(|row| row >= 300 && fold_of(table.in_memory().client_numbers[row]) == fold);
        answers.extend(score_groups(&predictor.expression(), &asked, &asked.all()).unwrap());
    }
    let wanted = evaluate(&merged(answers), model_of(&table).threshold).unwrap();
    assert_eq!(comparison.candidate.confusion, wanted.confusion);
    assert!((comparison.candidate.log_loss - wanted.log_loss).abs() < 1e-9);
}

#[test]
fn if_the_other_folds_have_one_label_a_fold_is_predicted_with_its_share() {
    let mut table = Table::new(&schema());
    // All positive labels belong to one client. The fit without that client's fold sees only
    // negative labels.
    for row in 0..40 {
        let id = if row % 4 == 0 {
            "leaver".into()
        } else {
            format!("stayer {row}")
        };
        table.push(id.as_bytes(), &[f64::from(row)], Some(row % 4 == 0));
    }
    let leaver_fold = fold_of(table.in_memory().client_numbers[0]);
    let others = table.labelled().of_fold(Fold::Outside(leaver_fold));
    let nothing = FittedForm {
        predictor: nothing(),
        settings: SETTINGS,
        parts: Vec::new(),
    };
    let folds = OutOfFold::new(&nothing, &table, &table.all()).unwrap();
    let predictor = out_of_fold(&folds, leaver_fold).unwrap();
    let share = predictor.expression();
    let n_others = dataset::passes::label_counts(&table, &others)
        .unwrap()
        .labelled() as f64;
    assert_eq!(share.intercept, (0.5 / (n_others + 0.5)).ln());
    assert!(share.terms.is_empty());

    let alone = table.filtered(|row| row % 4 == 0);
    let folds = OutOfFold::new(&nothing, &alone, &alone.all()).unwrap();
    let predictor = out_of_fold(&folds, leaver_fold).unwrap();
    assert_eq!(predictor.expression().intercept, 0.0);
}

#[test]
fn new_rows_without_a_label_cannot_be_compared() {
    let before = table_of(&[(100, 1.0)]);
    let mut after = before.clone();
    after.push(b"new", &[1.0], None);
    let model = model_of(&before);
    let error = compared_on(&model, &model, &after, 100..101, None).unwrap_err();
    assert_eq!(
        common::exit::classify(&error),
        common::exit::Exit::DataUnusable
    );
}

#[test]
fn models_of_other_columns_are_not_compared() {
    let table = table_of(&[(100, 1.0)]);
    let model = model_of(&table);
    let mut other = model.clone();
    other.schema.features = vec!["y".into()];
    assert!(compared_on(&model, &other, &table, 0..100, None).is_err());
}

#[test]
fn a_test_table_without_labelled_rows_does_not_guard() {
    let before = table_of(&[(100, 1.0)]);
    let after = table_of(&[(200, 1.0)]);
    let mut test = Table::new(&schema());
    test.push(b"a", &[1.0], None);
    let guard = UnseenTest {
        table: &test,
        left_out: 9,
    };
    assert_eq!(compared(&before, &after, Some(guard)).guard, None);
}

#[test]
fn paired_counts_are_the_two_confusion_matrices() {
    let mut paired = PairedCounts([0; 8]);
    let (mut candidate, mut incumbent) = (ConfusionMatrix::default(), ConfusionMatrix::default());
    for row in 0..97_u32 {
        let [label, one, other] = [row % 2 == 0, row % 3 == 0, row % 5 == 0];
        let [cell_of_label, first, second] = [label, one, other].map(usize::from);
        paired.0[cell_of_label * 4 + first * 2 + second] += 1;
        candidate.count(label, one);
        incumbent.count(label, other);
    }
    assert_eq!(
        (paired.candidate(), paired.incumbent()),
        (candidate, incumbent)
    );
}
