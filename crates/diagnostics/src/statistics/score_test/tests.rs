mod label_simulation;

use common::Schema;
use common::ledger::DataPosition;
use dataset::passes::profile;
use dataset::{Selection, Table};
use model::matrix::Matrix;
use model::{Check, Convergence, Design, FORMAT, LinearPredictor, Model, Predictor, Threshold};
use ndarray::{Array2, arr1, arr2};

use super::*;
use crate::statistics::test_cases::{Case, assert_close, cases};

/// A table of features and labels; NaN is an unknown label.
fn table_of(schema: &Schema, columns: &[Vec<f64>], labels: &[f64]) -> Table {
    let mut table = Table::new(schema);
    for (row, label) in labels.iter().enumerate() {
        let values: Vec<f64> = columns.iter().map(|column| column[row]).collect();
        let label = (!label.is_nan()).then_some(*label == 1.0);
        table.push(row.to_string().as_bytes(), &values, label);
    }
    table
}

fn schema(columns: usize) -> Schema {
    Schema {
        features: (0..columns)
            .map(|column| format!("x{column}").as_str().into())
            .collect(),
        ..Schema::default()
    }
}

/// A model that was fitted to the rows of `trained`.
fn model_of(
    schema: Schema,
    trained: &Table,
    predictor: LinearPredictor,
    covariance: impl Into<Matrix>,
) -> Model {
    Model {
        program: FORMAT.name.into(),
        predictor: Predictor::Linear(predictor),
        client_agreement: None,
        recalibration: None,
        covariance: Some(covariance.into()),
        profile: profile(&schema, trained, &trained.all()).unwrap(),
        schema,
        data: DataPosition::default(),
        rows: trained.rows() as u64,
        positives: trained
            .in_memory()
            .labels
            .iter()
            .filter(|label| **label == Some(true))
            .count() as u64,
        c: 1.0,
        convergence: Convergence {
            iterations: 1,
            gradient_norm: 0.0,
            loss: 0.0,
        },
        check: Check::NotChecked,
        threshold: Threshold::HALF,
        forms: Vec::new(),
        windows: Vec::new(),
    }
}

/// The model and the batch of a test case.
fn model_and_batch(case: &Case) -> (Model, Table) {
    let coefficients = case.numbers("coefficients");
    let schema = schema(coefficients.len());
    let training = case.matrix("training");
    let known = vec![1.0; training[0].len()];
    let trained = table_of(&schema, &training, &known);
    let batch = table_of(&schema, &case.matrix("columns"), &case.numbers("classes"));
    let predictor = LinearPredictor {
        intercept: case.number("intercept"),
        coefficients,
        imputed: case.numbers("imputed"),
        design: Design::default(),
    };
    let model = model_of(
        schema,
        &trained,
        predictor,
        Matrix::try_from(case.matrix("covariance")).unwrap(),
    );
    (model, batch)
}

#[test]
fn the_test_matches_the_reference_cases() {
    for case in cases("score_test") {
        let (model, batch) = model_and_batch(&case);
        let deployed = DeployedCoefficients::of(&model);
        let terms = deployed.terms(&batch, &batch.all()).unwrap();
        let found = deployed.test(&terms).unwrap();
        assert_close(Some(terms.expected), case.number("expected"), 1e-9, &case);
        assert_close(Some(found.statistic), case.number("statistic"), 1e-9, &case);
        assert_close(Some(found.p_value), case.number("p_value"), 1e-6, &case);
        assert_eq!(found.degrees, case.count("degrees"), "{}", case.name());
        assert_eq!(found.components.len(), found.degrees, "nothing is left out");
        assert!(found.components.iter().all(Option::is_some));
    }
}

#[test]
fn merged_batches_equal_one_batch() {
    let case = &cases("score_test")[0];
    let (model, batch) = model_and_batch(case);
    let deployed = DeployedCoefficients::of(&model);
    let at_once = deployed.terms(&batch, &batch.all()).unwrap();
    let mut sum = deployed.terms(&batch, &Selection::rows(0..11)).unwrap();
    let later = deployed
        .terms(&batch, &Selection::rows(11..batch.rows()))
        .unwrap();
    sum.merge(&later).unwrap();
    assert_eq!((sum.rows, sum.positives), (at_once.rows, at_once.positives));
    let (sum, at_once) = (
        deployed.test(&sum).unwrap(),
        deployed.test(&at_once).unwrap(),
    );
    assert!((sum.statistic / at_once.statistic - 1.0).abs() < 1e-12);
}

/// Sums for one feature and an intercept. The information is that of probabilities of 0.5.
fn terms(rows: u64, expected: f64) -> ScoreTerms {
    ScoreTerms {
        rows,
        positives: rows / 2,
        expected,
        score: vec![1.0, 2.0],
        information: (Array2::eye(2) * rows as f64 / 4.0).into(),
        pairs: None,
    }
}

#[test]
fn each_undecided_test_has_its_reason() {
    let zero = Array2::zeros((2, 2));
    let undecided = |terms: &ScoreTerms| score_test(terms, &zero).unwrap_err();
    let few = |rows| Undecided::FewRows { rows, needed: 4 };
    let lopsided = |label, expected| Undecided::FewExpectedOfOneLabel {
        label,
        expected,
        rows: 100,
    };
    assert_eq!(undecided(&terms(0, 0.0)), few(0));
    assert_eq!(undecided(&terms(3, 1.5)), few(3));
    assert_eq!(undecided(&terms(100, 4.9)), lopsided(1, 4.9));
    assert_eq!(undecided(&terms(100, 95.5)), lopsided(0, 4.5));
    assert!(score_test(&terms(100, 5.0), &zero).is_ok());

    let huge = [[f64::INFINITY, 0.0], [0.0, 1.0]];
    let undefined = [[f64::NAN, 0.0], [0.0, 1.0]];
    let between = [[25.0, f64::NAN], [f64::NAN, 1.0]];
    for information in [huge, undefined, between] {
        let terms = ScoreTerms {
            information: arr2(&information).into(),
            ..terms(100, 50.0)
        };
        assert_eq!(undecided(&terms), Undecided::TooLarge);
    }
    let nothing = score_test(&terms(100, 50.0), &Array2::zeros((0, 0)));
    assert_eq!(nothing.unwrap_err(), Undecided::NoCovariance);
    let damaged = ScoreTerms {
        information: arr2(&[[25.0]]).into(),
        ..terms(100, 50.0)
    };
    assert_eq!(undecided(&damaged), Undecided::NoCovariance);
    assert_eq!(few(3).to_string(), "3 labelled rows, at least 4 are needed");
}

/// A model of two columns, with labels that it predicts correctly.
fn model_of_two() -> (Model, Vec<f64>, Vec<f64>) {
    let wave = |row: usize, phase: f64| (row as f64 * (12.9898 + phase)).sin();
    let column = |phase: f64| (0..400).map(|row| wave(row, phase)).collect::<Vec<f64>>();
    let (x, other) = (column(0.0), column(1.0));
    let labels = x
        .iter()
        .zip(column(2.0))
        .map(|(x, noise)| f64::from(u8::from(x + noise > 0.0)));
    let labels: Vec<f64> = labels.collect();
    let schema = schema(2);
    let trained = table_of(&schema, &[x.clone(), other], &labels);
    let predictor = LinearPredictor {
        intercept: 0.0,
        coefficients: vec![2.0, 0.1],
        imputed: vec![0.0, 0.0],
        design: Design::default(),
    };
    let covariance = Array2::from_diag(&arr1(&[0.01, 0.02, 0.02]));
    let model = model_of(schema, &trained, predictor, covariance);
    (model, x, labels)
}

#[test]
fn a_bad_column_is_left_out_and_named_and_the_others_are_tested() {
    let (model, x, labels) = model_of_two();
    let deployed = DeployedCoefficients::of(&model);
    let tested = |x: &[f64], second: Vec<f64>, labels: &[f64]| {
        let batch = table_of(&model.schema, &[x.to_vec(), second], labels);
        deployed
            .test(&deployed.terms(&batch, &batch.all()).unwrap())
            .unwrap()
    };
    // A coefficient with the opposite sign is found, whatever happens to the other column.
    let turned: Vec<f64> = x.iter().map(|value| -value).collect();
    let table = [
        ("all missing", vec![f64::NAN; 400]),
        ("constant", vec![0.25; 400]),
        ("constant and far away", vec![8.0; 400]),
        ("constant at its mean", vec![0.0; 400]),
        ("a copy of the other", x.clone()),
    ];
    for (name, second) in table {
        let holds = tested(&x, second.clone(), &labels);
        assert!(holds.p_value > 0.005, "{name}: {holds:?}");
        let broken = tested(&turned, second, &labels);
        assert!(broken.p_value < 1e-9, "{name}: {broken:?}");
        for found in [holds, broken] {
            let is_tested: Vec<bool> = found.components.iter().map(Option::is_some).collect();
            if name == "a copy of the other" && found.degrees == 3 {
                // With the opposite sign it is no copy.
                continue;
            }
            assert_eq!(
                (found.degrees, is_tested),
                (2, vec![true, true, false]),
                "{name}"
            );
        }
    }
    let missing = vec![f64::NAN; 400];
    let nothing = tested(&missing, missing.clone(), &labels);
    assert_eq!(nothing.degrees, 1, "the intercept is always tested");
}

#[test]
fn a_cell_out_of_range_excludes_only_its_coefficient() {
    let (model, x, labels) = model_of_two();
    let deployed = DeployedCoefficients::of(&model);
    let turned: Vec<f64> = x.iter().map(|value| -value).collect();
    for cell in [1e200, -1e200, 1e60] {
        let mut second: Vec<f64> = x.iter().map(|value| value * value).collect();
        second[7] = cell;
        let terms = |x: &[f64]| {
            let batch = table_of(&model.schema, &[x.to_vec(), second.clone()], &labels);
            deployed.terms(&batch, &batch.all()).unwrap()
        };
        let broken = deployed.test(&terms(&turned)).unwrap();
        assert!(broken.p_value < 1e-9, "{cell}: {broken:?}");
        assert_eq!((broken.degrees, broken.components[2]), (2, None), "{cell}");
        let holds = deployed.test(&terms(&x)).unwrap();
        assert!(holds.p_value > 0.005, "{cell}: {holds:?}");
    }
}

#[test]
fn an_uncertain_coefficient_weighs_less() {
    let uncertain = arr2(&[[0.0, 0.0], [0.0, 1.0]]);
    let sure = score_test(&terms(100, 50.0), &Array2::zeros((2, 2))).unwrap();
    let unsure = score_test(&terms(100, 50.0), &uncertain).unwrap();
    // 2 / √25 if the standard error is 0, and 2 / √(25 + 25·1·25) if it is 1.
    let part = |test: &ScoreTest, of: usize| test.components[of].unwrap();
    assert!((part(&sure, 1) - 0.4).abs() < 1e-15);
    assert!((part(&unsure, 1) - 2.0 / 650.0_f64.sqrt()).abs() < 1e-15);
    assert_eq!(part(&sure, 0), part(&unsure, 0));
}

#[test]
fn the_coefficient_that_moved_has_the_largest_component() {
    for case in cases("score_test") {
        let Some(moved) = case.optional("moved") else {
            continue;
        };
        let (model, batch) = model_and_batch(&case);
        let deployed = DeployedCoefficients::of(&model);
        let found = deployed
            .test(&deployed.terms(&batch, &batch.all()).unwrap())
            .unwrap();
        let sizes = found.components.iter().map(|part| part.unwrap().abs());
        let largest = sizes.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        assert_eq!(largest.unwrap().0 as f64, moved, "{:?}", found.components);
    }
}

#[test]
fn sums_out_of_range_are_neither_added_nor_kept() {
    let huge = ScoreTerms {
        score: vec![1.0, f64::MAX],
        ..terms(100, 50.0)
    };
    let infinite = ScoreTerms {
        information: arr2(&[[25.0, 0.0], [0.0, f64::INFINITY]]).into(),
        ..terms(100, 50.0)
    };
    for spoilt in [huge, infinite] {
        let mut sums = CumulativeScore::default();
        sums.add(&terms(100, 50.0), true).unwrap();
        let before = sums.clone();
        assert_eq!(sums.add(&spoilt, true), Err(Undecided::TooLarge));
        assert_eq!(sums, before);
        // A state that older programs may have stored.
        let mut sums = CumulativeScore {
            terms: Some(spoilt),
            looks: 1,
            ..CumulativeScore::default()
        };
        sums.add(&terms(100, 50.0), true).unwrap();
        assert_eq!((sums.terms.unwrap().rows, sums.looks), (100, 2));
    }
}

#[test]
fn sums_of_another_number_of_coefficients_are_not_added_to() {
    let of_another = ScoreTerms {
        score: vec![1.0],
        information: arr2(&[[25.0]]).into(),
        ..terms(100, 50.0)
    };
    let mut sums = CumulativeScore {
        terms: Some(of_another),
        looks: 1,
        ..CumulativeScore::default()
    };
    let before = sums.clone();
    let found = sums.add(&terms(100, 50.0), true);
    assert_eq!(found, Err(Undecided::NoCovariance));
    assert_eq!(sums, before);
}

#[test]
fn the_last_batches_have_sums_of_their_own() {
    let mut sums = CumulativeScore::default();
    let rows_of_last = |sums: &CumulativeScore| -> Vec<(u32, u64)> {
        let windows = sums.recent_with(&terms(1, 0.5)).into_iter();
        windows
            .map(|(batches, terms)| (batches, terms.rows))
            .collect()
    };
    assert_eq!(rows_of_last(&sums), []);
    sums.add(&terms(100, 50.0), true).unwrap();
    sums.add(&terms(0, 0.0), true).unwrap();
    assert_eq!(
        rows_of_last(&sums),
        [(2, 101)],
        "a batch without labels does not count"
    );
    for _ in 0..40 {
        sums.add(&terms(10, 5.0), true).unwrap();
    }
    assert_eq!(rows_of_last(&sums), [(2, 11), (4, 31), (8, 71), (16, 151)]);
    // The longest window has 16 batches, a new one included.
    assert_eq!((sums.terms.unwrap().rows, sums.recent.len()), (500, 15));
}

#[test]
fn few_batches_of_many_coefficients_are_kept() {
    let wide = ScoreTerms {
        score: vec![0.0; 120],
        information: Array2::zeros((120, 120)).into(),
        ..terms(10, 5.0)
    };
    let mut sums = CumulativeScore::default();
    for _ in 0..20 {
        sums.add(&wide, true).unwrap();
    }
    // `MAX_NUMBERS` allows three batches of 120 coefficients.
    assert_eq!(sums.recent.len(), 3);
}

#[test]
fn looks_at_growing_sums_get_stricter() {
    assert!((look_level(0.005, 1) - 0.005 * 6.0 / std::f64::consts::PI.powi(2)).abs() < 1e-15);
    assert!((look_level(0.005, 2) * 4.0 - look_level(0.005, 1)).abs() < 1e-15);
    let mut sums = CumulativeScore::default();
    sums.add(&terms(3, 1.5), false).unwrap();
    assert_eq!(
        sums.looks, 0,
        "sums that were not tested do not count as a look"
    );
    sums.add(&terms(100, 50.0), true).unwrap();
    assert_eq!((sums.looks, sums.terms.unwrap().rows), (1, 103));
    let all: f64 = (1..100_000).map(|look| look_level(0.005, look)).sum();
    assert!(all < 0.005 && all > 0.004_999);
    assert_eq!(look_level(0.005, 0), look_level(0.005, 1));
}
