use dataset::passes::{Axis, Term, logistic_terms};
use model::Design;

use super::*;
use crate::fit::{FitSettings, fit, tests::table_of};

fn covariance(fit: &Fit, table: &Table, selection: &Selection) -> Option<Matrix> {
    uncertainty(fit, table, selection).unwrap().covariance
}

fn example() -> (Table, FitSettings) {
    let x: Vec<f64> = (0..120).map(|row| f64::from(row % 11) * 40.0).collect();
    let y: Vec<f64> = (0..120).map(|row| f64::from(row % 7) - 2.0).collect();
    let labels: Vec<bool> = (0..120).map(|row| row % 11 + row % 5 > 6).collect();
    (table_of(&[x, y], &labels), FitSettings { c: 0.5 })
}

#[test]
fn the_covariance_is_the_sandwich_in_raw_units() {
    let (table, settings) = example();
    let fitted = fit(&settings, &Design::default(), &table, &table.all()).unwrap();
    let found = covariance(&fitted, &table, &table.all()).unwrap();

    let raw = Axis {
        scale: 1.0,
        shift: 0.0,
        imputed: 0.0,
    };
    let weights =
        std::iter::once(fitted.predictor.intercept).chain(fitted.predictor.coefficients.clone());
    let point = LogisticPoint {
        terms: &Term::numbers(2),
        axes: &[raw; 2],
        weights: weights.collect(),
    };
    let mut bread = logistic_terms(&point, &table, &table.all())
        .unwrap()
        .hessian;
    bread[[1, 1]] += 1.0 / settings.c;
    bread[[2, 2]] += 1.0 / settings.c;
    let meat = sandwich_meat(&point, &table, &table.all()).unwrap();
    // bread · covariance · bread must equal the meat.
    let back = bread.dot(&*found).dot(&bread);
    for (found, wanted) in back.iter().zip(&meat) {
        assert!(
            (found - wanted).abs() < 1e-9 * wanted.abs(),
            "{found} {wanted}"
        );
    }
}

/// A column of 10,000 rows with this spread, and a table of two columns: the same column, and the
/// column multiplied by `factor`.
fn collinear(spread: f64, factor: f64) -> (Vec<f64>, Table) {
    let wave = |row: u32| (f64::from(row) * 0.7).cos();
    let x: Vec<f64> = (0..10_000).map(|row| 3.0 + wave(row) * spread).collect();
    let labels: Vec<bool> = (0..10_000)
        .map(|row| wave(row) + (f64::from(row) * 2.3).sin() * 1.5 > 0.0)
        .collect();
    let multiple = x.iter().map(|value| value * factor).collect();
    (x.clone(), table_of(&[x, multiple], &labels))
}

#[test]
fn collinear_columns_that_the_penalty_cannot_distinguish_have_one_uncertain_direction() {
    for factor in [1.0, -2.0, 3.0, 0.1] {
        let (x, table) = collinear(1e6, factor);
        let mut alone = table.clone();
        alone.in_memory_mut().features.pop();
        let settings = FitSettings { c: 1.0 };
        let fitted = fit(&settings, &Design::default(), &table, &table.all()).unwrap();
        let single = fit(&settings, &Design::default(), &alone, &alone.all()).unwrap();
        for value in x.into_iter().step_by(97) {
            let cells = [value, factor * value];
            let found = fitted
                .predictor
                .expression()
                .value(|feature| cells[feature]);
            let wanted = single.predictor.expression().value(|_| value);
            assert!((found - wanted).abs() < 1e-6, "{factor}: {found} {wanted}");
        }
        let found = covariance(&fitted, &table, &table.all()).unwrap();
        let single = covariance(&single, &alone, &alone.all()).unwrap();
        // The sum of both effects is as certain as the effect of one column alone.
        let common = found[[1, 1]] + 2.0 * factor * found[[1, 2]] + factor * factor * found[[2, 2]];
        let certain = common / single[[1, 1]];
        assert!((certain - 1.0).abs() < 1e-2, "{factor}: {certain}");
        assert!(found[[1, 1]] > 1e4 * single[[1, 1]], "{factor}: {found:?}");
    }
}

#[test]
fn collinear_columns_that_the_penalty_distinguishes_have_a_covariance() {
    let (_, table) = collinear(1.0, 3.0);
    let fitted = fit(
        &FitSettings { c: 1.0 },
        &Design::default(),
        &table,
        &table.all(),
    )
    .unwrap();
    let found = covariance(&fitted, &table, &table.all()).unwrap();
    assert_eq!(covariance_flaw(&found, 3), None, "{found:?}");
}

#[test]
fn the_covariance_is_symmetric_and_finite_for_values_of_any_size() {
    let (table, settings) = example();
    for exponent in [-300, -150, 0, 150, 300] {
        let mut scaled = table.clone();
        for value in &mut scaled.in_memory_mut().features[0] {
            *value *= 10f64.powi(exponent);
        }
        scaled.in_memory_mut().features[1].fill(1e308);
        let fitted = fit(&settings, &Design::default(), &scaled, &scaled.all()).unwrap();
        let found = covariance(&fitted, &scaled, &scaled.all()).unwrap();
        assert!(found.diag().iter().all(|it| *it >= 0.0), "1e{exponent}");
        assert_eq!(found.t(), **found, "1e{exponent}");
    }
}

/// The rows of the example, each repeated `each` times. All copies of a row have the same client if
/// `is_client_known`; otherwise each copy has a client of its own.
fn repeated(each: usize, is_client_known: bool) -> Table {
    let (table, _) = example();
    let mut repeated = table.clone();
    repeated.clear();
    for copy in 0..each {
        let before = repeated.rows();
        repeated.extend(&table);
        if !is_client_known {
            let clients = repeated.in_memory_mut().clients[before..].iter_mut();
            clients.for_each(|client| *client ^= copy as u64);
        }
    }
    repeated
}

#[test]
fn equal_rows_of_a_client_count_as_one_row() {
    let (table, settings) = example();
    let covariance_of = |table: &Table, c: f64| {
        let fitted = fit(&FitSettings { c }, &Design::default(), table, &table.all());
        covariance(&fitted.unwrap(), table, &table.all()).unwrap()
    };
    // With five times the rows, a penalty five times as strong gives the same coefficients.
    let once = covariance_of(&table, settings.c);
    let of_clients = covariance_of(&repeated(5, true), settings.c / 5.0);
    let of_rows = covariance_of(&repeated(5, false), settings.c / 5.0);
    let entries = || once.iter();
    for (wanted, found) in entries().zip(of_clients.iter()) {
        assert!((found / wanted - 1.0).abs() < 1e-8, "{found} {wanted}");
    }
    for (wanted, found) in entries().zip(of_rows.iter()) {
        assert!(
            (5.0 * found / wanted - 1.0).abs() < 1e-8,
            "{found} {wanted}"
        );
    }
}

#[test]
fn a_flag_of_few_rows_has_the_standard_error_that_the_model_implies() {
    let rows = 0..1_500;
    let flag: Vec<f64> = rows
        .clone()
        .map(|row| if row % 125 == 0 { 6.0 } else { 0.0 })
        .collect();
    let labels: Vec<bool> = rows.map(|row| row % 125 == 7 || row % 50 == 3).collect();
    let table = table_of(&[flag], &labels);
    let settings = FitSettings { c: 1.0 };
    let fitted = fit(&settings, &Design::default(), &table, &table.all()).unwrap();
    let found = covariance(&fitted, &table, &table.all()).unwrap();
    // None of the twelve rows with the flag has a positive label.
    assert!(found[[1, 1]].sqrt() > 0.3, "{found:?}");
}

#[test]
fn many_coefficients_of_few_rows_are_less_certain() {
    let column = |at: usize| {
        (0..300)
            .map(|row| (f64::from(row) * (0.7 + at as f64)).sin())
            .collect()
    };
    let columns: Vec<Vec<f64>> = (0..40).map(column).collect();
    let labels: Vec<bool> = (0..300)
        .map(|row| (f64::from(row) * 2.3).cos() > 0.1)
        .collect();
    let certain = |columns: &[Vec<f64>]| {
        let table = table_of(columns, &labels);
        let fitted = fit(
            &FitSettings { c: 1.0 },
            &Design::default(),
            &table,
            &table.all(),
        );
        covariance(&fitted.unwrap(), &table, &table.all()).unwrap()[[1, 1]]
    };
    assert!(certain(&columns) > 1.5 * certain(&columns[..4]));
}
