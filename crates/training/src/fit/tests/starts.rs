//! Tests of the starts of a fit: every start leads to the same optimum.

use dataset::passes::{LinearExpression, Term};
use dataset::{FOLDS, Fold};
use model::LinearPredictor;

use super::*;
use crate::fit::objective::Objective;

fn assert_same_optimum(found: &Fit, wanted: &Fit) {
    let weights = |fit: &Fit| {
        let predictor = fit.predictor.clone();
        std::iter::once(predictor.intercept).chain(predictor.coefficients)
    };
    for (found, wanted) in weights(found).zip(weights(wanted)) {
        let difference = relative_difference(found, wanted);
        assert!(difference < 1e-9, "{found}, {wanted}: {difference:e}");
    }
}

#[test]
fn the_optimum_is_the_same_from_every_start() {
    let (x, labels) = noisy_rows(500, 40.0);
    let y: Vec<f64> = x.iter().map(|x| (x * 3.1).sin() * 1e-3).collect();
    let table = table_of(&[x, y], &labels);
    let wanted = fit_all(&UNIT, &table).unwrap();
    let optimum = &wanted.predictor;
    let scaled = |by: f64| LinearPredictor {
        intercept: optimum.intercept * by,
        coefficients: optimum.coefficients.iter().map(|w| w * by).collect(),
        imputed: vec![0.0; 2],
        design: Design::default(),
    };
    let starts = [
        1.0,
        0.9,
        1.1,
        0.0,
        3.0,
        -5.0,
        1e3,
        1e10,
        -1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ]
    .map(scaled);
    for start in starts {
        let found = fit_from(&UNIT, &start, &table, &table.all()).unwrap();
        assert_same_optimum(&found, &wanted);
    }
    let refitted = fit_from(&UNIT, optimum, &table, &table.all()).unwrap();
    assert!(refitted.iterations <= 1, "{} steps", refitted.iterations);
}

fn fit_from(
    settings: &FitSettings,
    initial: &LinearPredictor,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let terms = Term::numbers(table.n_features());
    let moments = passes::moments(&terms, table, &selection.clone().labelled()).unwrap();
    let rows = Rows {
        design: &Design::default(),
        terms: &terms,
        table,
        selection,
        moments: &moments,
    };
    let start = |objective: &Objective<'_>| {
        let start = objective.at(start::weights(initial, objective.axes))?;
        Ok(start::if_better(start))
    };
    solve(settings, &rows, Goal::Verified, start)
}

#[test]
fn the_predictor_without_a_fold_is_the_optimum_of_the_others() {
    let (x, labels) = noisy_rows(5_000, 40.0);
    // Leaving out a fold changes the mean by which missing values are imputed.
    let is_missing = |row: usize| row.is_multiple_of(7);
    let y = (0..5_000).map(|row| {
        if is_missing(row) {
            f64::NAN
        } else {
            (row as f64).sqrt()
        }
    });
    let columns = [x, y.collect()];
    for (table, of_all_rows) in [&columns[..1], &columns].map(|columns| {
        let table = table_of(columns, &labels);
        let of_all_rows = fit_all(&UNIT, &table).unwrap().predictor;
        (table, of_all_rows)
    }) {
        let folds = FitsWithoutFold::new(
            UNIT,
            of_all_rows.for_fitting(),
            &table,
            table.all().labelled(),
        )
        .unwrap();
        for fold in 0..FOLDS {
            let others = table.all().of_fold(Fold::Outside(fold));
            let wanted = fit(&UNIT, &Design::default(), &table, &others)
                .unwrap()
                .predictor;
            assert_ne!(wanted, of_all_rows);
            let found = folds.without(fold).unwrap();
            let numbers = |expression: LinearExpression<'_>| {
                let mut numbers = vec![expression.intercept];
                for weighted in expression.terms {
                    numbers.extend([weighted.coefficient, weighted.imputed]);
                }
                numbers
            };
            let (found, wanted) = (numbers(found.expression()), numbers(wanted.expression()));
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.into_iter().zip(wanted) {
                assert!(
                    relative_difference(found, wanted) < 1e-9,
                    "{found}, {wanted}"
                );
            }
        }
    }
}

#[test]
fn a_start_does_not_allow_rows_with_one_label() {
    let table = table_of(&[vec![1.0, 2.0, 3.0]], &[true; 3]);
    let start = LinearPredictor {
        intercept: 9.0,
        coefficients: vec![0.0],
        imputed: vec![0.0],
        design: Design::default(),
    };
    let refused = FitError::OneLabel { label: 1, rows: 3 };
    let found = fit_from(&UNIT, &start, &table, &table.all());
    assert_eq!(found.unwrap_err(), refused);
    assert_eq!(
        fit_from(&UNIT, &start, &table, &Selection::rows(0..0)).unwrap_err(),
        FitError::NoRows
    );
}

/// A table with enough rows for a first fit to a sample.
fn many_rows() -> Table {
    let (x, labels) = noisy_rows(140_000, 40.0);
    table_of(&[x], &labels)
}

#[test]
fn a_first_fit_to_a_sample_saves_steps_to_the_same_optimum() {
    let table = many_rows();
    let found = fit_all(&UNIT, &table).unwrap();
    let nothing = LinearPredictor {
        intercept: 0.0,
        coefficients: vec![0.0],
        imputed: vec![0.0],
        design: Design::default(),
    };
    let wanted = fit_from(&UNIT, &nothing, &table, &table.all()).unwrap();
    assert_same_optimum(&found, &wanted);
    assert!(found.iterations < wanted.iterations);
    assert_eq!(found.rows, 140_000);
}

#[test]
fn a_sample_that_does_not_represent_the_rows_does_no_harm() {
    // The sampled rows have one label only, or the column separates their labels without error.
    let (x, noise) = noisy_rows(140_000, 40.0);
    let is_in_sample = |row: usize| row % 16_384 < 1024;
    let one_label = (0..140_000).map(|row| noise[row] && !is_in_sample(row));
    let separated = (0..140_000).map(|row| {
        if is_in_sample(row) {
            x[row] > 0.0
        } else {
            noise[row]
        }
    });
    for labels in [one_label.collect::<Vec<bool>>(), separated.collect()] {
        let table = table_of(std::slice::from_ref(&x), &labels);
        let found = fit_all(&UNIT, &table).unwrap();
        let wanted = fit_from(&UNIT, &found.predictor, &table, &table.all()).unwrap();
        assert_same_optimum(&found, &wanted);
    }
}

#[test]
fn any_number_of_threads_fits_the_same_bits() {
    let table = many_rows();
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let fitted = pool.unwrap().install(|| fit_all(&UNIT, &table)).unwrap();
        (
            fitted.predictor,
            fitted.curvature,
            fitted.loss,
            fitted.iterations,
        )
    };
    let alone = with_threads(1);
    assert_eq!(with_threads(2), alone);
    assert_eq!(with_threads(3), alone);
}
