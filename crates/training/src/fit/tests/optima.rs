//! Tests of optima: against scikit-learn, with columns of any magnitude, and of failed fits.

use common::schema::EffectShape;
use dataset::Fold;
use dataset::passes::{Axis, Term};
use ndarray::Array1;

use super::*;
use crate::fit::axes::penalty;
use crate::fit::newton::minimise;
use crate::fit::objective::Objective;

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn coefficients_are_those_of_scikit_learn() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/reference.json")).unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let columns: Vec<Vec<f64>> = case["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let labels: Vec<bool> = numbers(&case["classes"])
            .iter()
            .map(|y| *y == 1.0)
            .collect();
        let settings = FitSettings {
            c: case["c"].as_f64().unwrap(),
        };
        let fitted = fit_all(&settings, &table_of(&columns, &labels)).unwrap();
        let found =
            std::iter::once(fitted.predictor.intercept).chain(fitted.predictor.coefficients);
        let found: Vec<f64> = found.collect();
        for (prefix, tolerance) in [("", 1e-6), ("exact_", 1e-9)] {
            let intercept = case[format!("{prefix}intercept")].as_f64().unwrap();
            let coefficients = numbers(&case[format!("{prefix}coefficients")]);
            let wanted = std::iter::once(intercept).chain(coefficients);
            for (found, wanted) in found.iter().zip(wanted) {
                let difference = relative_difference(*found, wanted);
                assert!(
                    difference < tolerance,
                    "{name}: {found} instead of {wanted}, off by {difference:e}"
                );
            }
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let (x, labels) = noisy_rows(500, 40.0);
    let backwards = |column: &[f64]| column.iter().rev().copied().collect();
    let reversed: Vec<bool> = labels.iter().rev().copied().collect();
    let there = fit_all(&UNIT, &table_of(std::slice::from_ref(&x), &labels)).unwrap();
    let back = fit_all(&UNIT, &table_of(&[backwards(&x)], &reversed)).unwrap();
    let pair = (there.predictor, back.predictor);
    assert!(relative_difference(pair.0.intercept, pair.1.intercept) < 1e-9);
    assert!(relative_difference(pair.0.coefficients[0], pair.1.coefficients[0]) < 1e-9);
}

#[test]
fn columns_of_every_size_are_fitted() {
    for exponent in (-300..=308).step_by(4) {
        let size = 10f64.powi(exponent);
        let (x, labels) = noisy_rows(60, size);
        for c in [1e-300, 1e-6, 1.0, 1e6, 1e300] {
            let table = table_of(&[x.clone(), vec![size; 60]], &labels);
            let fitted = fit_all(&FitSettings { c }, &table).unwrap();
            let predictor = &fitted.predictor;
            assert!(predictor.intercept.is_finite(), "1e{exponent}, c {c}");
            assert!(predictor.coefficients[0].is_finite(), "1e{exponent}, c {c}");
            assert!(predictor.coefficients[0] >= 0.0, "1e{exponent}, c {c}");
            assert_eq!(predictor.coefficients[1], 0.0, "1e{exponent}, c {c}");
        }
    }
}

#[test]
fn units_do_not_matter_if_the_penalty_is_negligible() {
    let (x, labels) = noisy_rows(60, 1e6);
    let small = fit_all(&UNIT, &table_of(&[x], &labels)).unwrap();
    let (x, _) = noisy_rows(60, 1e307);
    let large = fit_all(&UNIT, &table_of(&[x], &labels)).unwrap();
    let ratio = small.predictor.coefficients[0] / large.predictor.coefficients[0];
    assert!(relative_difference(ratio, 1e301) < 1e-6, "{ratio:e}");
}

#[test]
fn missing_values_count_as_the_mean_of_the_labelled_ones() {
    let (mut x, labels) = noisy_rows(60, 10.0);
    let mut table = table_of(std::slice::from_ref(&x), &labels);
    table.in_memory_mut().features[0][3] = f64::NAN;
    // A row without a label is not a training row, so its value does not count in the mean.
    table.push(b"unlabelled", &[1e9], None);
    let mean = (x.iter().sum::<f64>() - x[3]) / 59.0;
    x[3] = mean;
    let found = fit_all(&UNIT, &table).unwrap().predictor;
    let wanted = fit_all(&UNIT, &table_of(&[x], &labels)).unwrap().predictor;
    assert!(relative_difference(found.imputed[0], mean) < 1e-12);
    assert!(relative_difference(found.coefficients[0], wanted.coefficients[0]) < 1e-9);
}

#[test]
fn an_empty_column_gets_no_weight() {
    let (x, labels) = noisy_rows(60, 1.0);
    let with = fit_all(&UNIT, &table_of(&[x.clone(), vec![f64::NAN; 60]], &labels)).unwrap();
    let without = fit_all(&UNIT, &table_of(&[x], &labels)).unwrap();
    assert_eq!(with.predictor.coefficients[1], 0.0);
    assert_eq!(with.predictor.imputed[1], 0.0);
    let pair = (
        with.predictor.coefficients[0],
        without.predictor.coefficients[0],
    );
    assert!(relative_difference(pair.0, pair.1) < 1e-12);
}

#[test]
fn identical_huge_columns_share_their_weight() {
    let (x, labels) = noisy_rows(60, 1e200);
    let fitted = fit_all(&UNIT, &table_of(&[x.clone(), x], &labels)).unwrap();
    let [first, second] = fitted.predictor.coefficients[..] else {
        panic!("two coefficients");
    };
    assert!(relative_difference(first, second) < 1e-6);
}

#[test]
fn separable_columns_are_fitted_or_the_error_says_why() {
    for exponent in (-300..=308).step_by(19) {
        let x: Vec<f64> = (0..40)
            .map(|row| (f64::from(row) - 15.5) / 40.0 * 10f64.powi(exponent))
            .collect();
        let labels: Vec<bool> = x.iter().map(|x| *x > 0.0).collect();
        match fit_all(&UNIT, &table_of(std::slice::from_ref(&x), &labels)) {
            Ok(fitted) if exponent > 0 => {
                let expression = fitted.predictor.expression();
                let is_right =
                    |(x, label): (&f64, &bool)| (expression.value(|_| *x) > 0.0) == *label;
                assert!(x.iter().zip(&labels).all(is_right), "1e{exponent}");
            }
            // The penalty dominates, so only the sign is known.
            Ok(fitted) => assert!(fitted.predictor.coefficients[0] > 0.0, "1e{exponent}"),
            Err(error) => {
                assert!(exponent > 20, "1e{exponent}: {error}");
                assert!(error.to_string().contains("separate the labels"));
            }
        }
    }
}

#[test]
fn rows_without_labels_or_with_one_label_are_refused_with_their_count() {
    let empty = table_of(&[vec![]], &[]);
    assert_eq!(fit_all(&UNIT, &empty).unwrap_err(), FitError::NoRows);
    for (label, number) in [(false, 0), (true, 1)] {
        let table = table_of(&[vec![1.0, 2.0, 3.0]], &[label; 3]);
        let refused = FitError::OneLabel {
            label: number,
            rows: 3,
        };
        assert_eq!(fit_all(&UNIT, &table).unwrap_err(), refused);
    }
}

#[test]
fn a_fit_that_is_stopped_says_why() {
    let (x, labels) = noisy_rows(60, 1.0);
    let table = table_of(&[x], &labels);
    let axes = [Axis {
        scale: 1.0,
        shift: 0.0,
        imputed: 0.0,
    }];
    let objective = Objective {
        terms: &Term::numbers(1),
        penalty: penalty(&axes, &UNIT),
        axes: &axes,
        shapes: &[EffectShape::Any],
        table: &table,
        selection: &table.all(),
    };
    let origin = objective.at(Array1::zeros(2)).unwrap();
    let Err(stopped) = minimise(&objective, origin, 1, Goal::Verified) else {
        panic!("one step cannot be enough");
    };
    assert!(matches!(
        stopped,
        FitError::NotConverged { iterations: 1, .. }
    ));
    assert!(stopped.to_string().contains("more steps"), "{stopped}");
}

#[test]
fn a_selection_is_fitted_as_if_it_were_the_table() {
    let (x, labels) = noisy_rows(300, 5.0);
    let table = table_of(&[x], &labels);
    let chosen = table.labelled().of_fold(Fold::Outside(2));
    let part = table.filtered(|row| dataset::fold_of(table.in_memory().client_numbers[row]) != 2);
    let found = fit(&UNIT, &Design::default(), &table, &chosen).unwrap();
    let wanted = fit_all(&UNIT, &part).unwrap();
    assert_eq!(found.rows, part.rows() as u64);
    assert_eq!(found.predictor, wanted.predictor);
    let head = fit(&UNIT, &Design::default(), &table, &Selection::rows(0..100)).unwrap();
    assert_eq!(head.rows, 100);
}
