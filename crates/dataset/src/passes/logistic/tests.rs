use common::Schema;
use ndarray::Array1;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::level::{Level, level_code};
use crate::passes::{Encoding, Grid, Parts, Side, Term, moments};
use crate::table::{Fold, Table, fold_of};

fn table() -> Table {
    let schema = Schema {
        features: vec!["x".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for (id, x, label) in [
        ("a", 1.0, Some(true)),
        ("b", -2.0, Some(false)),
        ("c", f64::NAN, Some(true)),
        ("d", 7.0, None),
    ] {
        table.push(id.as_bytes(), &[x], label);
    }
    table
}

fn loss_at(weights: [f64; 2]) -> LogisticTerms {
    let axes = [Axis {
        scale: 2.0,
        shift: 0.5,
        imputed: 3.0,
    }];
    let terms = Term::numbers(1);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: Array1::from(weights.to_vec()),
    };
    let table = table();
    logistic_terms(&point, &table, &table.all()).unwrap()
}

#[test]
fn bounded_terms_take_no_probability_beyond_the_bound() {
    let axes = [Axis {
        scale: 1.0,
        shift: 0.0,
        imputed: 0.0,
    }];
    let terms = Term::numbers(1);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: Array1::from(vec![0.0, 100.0]),
    };
    let table = table();
    // The three rows have log-odds of 100, -200 and 0.
    let bounded = bounded_logistic_terms(&point, 2.0, &table, &table.all()).unwrap();
    let p = 1.0 / (1.0 + (-2.0_f64).exp());
    assert!((bounded.gradient[0] - (p - 1.0 + 1.0 - p - 0.5)).abs() < 1e-15);
    assert!((bounded.hessian[[0, 0]] - (2.0 * p * (1.0 - p) + 0.25)).abs() < 1e-15);
    let free = logistic_terms(&point, &table, &table.all()).unwrap();
    let wide = bounded_logistic_terms(&point, f64::MAX, &table, &table.all()).unwrap();
    assert_eq!(free, wide);
}

#[test]
fn derivatives_are_those_of_the_loss() {
    let at = [0.3, -0.7];
    let terms = loss_at(at);
    assert_eq!(terms.rows, 3);
    let step = 1e-5;
    for axis in 0..2 {
        let moved = |by: f64| {
            let mut point = at;
            point[axis] += by;
            loss_at(point)
        };
        let (up, down) = (moved(step), moved(-step));
        let slope = (up.loss - down.loss) / (2.0 * step);
        assert!((slope - terms.gradient[axis]).abs() < 1e-8);
        for other in 0..2 {
            let bend = (up.gradient[other] - down.gradient[other]) / (2.0 * step);
            assert!((bend - terms.hessian[[axis, other]]).abs() < 1e-8);
        }
    }
}

#[test]
fn extreme_log_odds_stay_finite() {
    let terms = loss_at([1e300, -1e300]);
    assert!(terms.loss.is_finite());
    assert!(terms.gradient.iter().all(|value| value.is_finite()));
    assert!(terms.hessian.iter().all(|value| value.is_finite()));
}

/// A table of several columns, with missing values and unlabelled rows.
fn wide_table(rows: usize, columns: usize) -> Table {
    let schema = Schema {
        features: (0..columns)
            .map(|column| format!("x{column}").as_str().into())
            .collect(),
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..rows {
        let value = |column: usize| match (row * (column + 3)) % 29 {
            0 => f64::NAN,
            _ => ((row * (column + 7)) as f64 * 0.61).sin() * 3.0,
        };
        let values: Vec<f64> = (0..columns).map(value).collect();
        let label = (row % 11 != 0).then_some(row % 3 == 0);
        table.push(row.to_string().as_bytes(), &values, label);
    }
    table
}

fn axes_and_weights(columns: usize) -> (Vec<Axis>, Array1<f64>) {
    let axis = |column: usize| Axis {
        scale: 2.0,
        shift: 0.1 * column as f64,
        imputed: 0.5,
    };
    let weight = |column: usize| (column as f64 * 1.3).cos() * 0.4;
    (
        (0..columns).map(axis).collect(),
        (0..=columns).map(weight).collect(),
    )
}

/// The log-likelihood terms of these rows, computed row by row from the textbook formulas.
fn by_the_book(point: &LogisticPoint<'_>, table: &Table, rows: &[usize]) -> LogisticTerms {
    let mut terms = LogisticTerms::zero(point.weights.len());
    for row in rows {
        let features = point.axes.iter().zip(table.row(*row));
        let z: Array1<f64> = std::iter::once(1.0)
            .chain(features.map(|(axis, raw)| axis.standardise(raw)))
            .collect();
        let class = table.labels[*row].unwrap();
        let p = 1.0 / (1.0 + (-z.dot(&point.weights)).exp());
        terms.rows += 1;
        terms.positives += u64::from(class);
        terms.loss -= if class { p.ln() } else { (1.0 - p).ln() };
        terms.gradient += &(&z * (p - f64::from(u8::from(class))));
        for (at, entry) in terms.hessian.indexed_iter_mut() {
            *entry += p * (1.0 - p) * z[at.0] * z[at.1];
        }
    }
    terms
}

fn assert_close(found: &LogisticTerms, wanted: &LogisticTerms) {
    assert_eq!(
        (found.rows, found.positives),
        (wanted.rows, wanted.positives)
    );
    let close = |found: f64, wanted_entry: f64| {
        let rounding = 1e-13 * wanted.rows as f64 * wanted_entry.abs().max(1.0);
        assert!(
            (found - wanted_entry).abs() <= rounding,
            "{found}, {wanted_entry}"
        );
    };
    close(found.loss, wanted.loss);
    let pairs = found.gradient.iter().zip(&wanted.gradient);
    pairs.for_each(|(found, wanted)| close(*found, *wanted));
    let pairs = found.hessian.iter().zip(&wanted.hessian);
    pairs.for_each(|(found, wanted)| close(*found, *wanted));
}

#[test]
fn any_number_of_rows_and_columns_gives_the_sums_of_the_book() {
    for (rows, columns) in [(1, 1), (255, 2), (256, 3), (257, 4), (1000, 5), (600, 50)] {
        let table = wide_table(rows, columns);
        let (axes, weights) = axes_and_weights(columns);
        let terms = Term::numbers(columns);
        let point = LogisticPoint {
            terms: &terms,
            axes: &axes,
            weights,
        };
        for fold in [Fold::Any, Fold::Inside(2), Fold::Outside(2)] {
            let chosen: Vec<usize> = (0..rows)
                .filter(|row| table.labels[*row].is_some())
                .filter(|row| match fold {
                    Fold::Any => true,
                    Fold::Inside(wanted) => fold_of(table.client_numbers[*row]) == wanted,
                    Fold::Outside(unwanted) => fold_of(table.client_numbers[*row]) != unwanted,
                })
                .collect();
            let found = logistic_terms(&point, &table, &table.all().of_fold(fold)).unwrap();
            assert_close(&found, &by_the_book(&point, &table, &chosen));
        }
    }
}

#[test]
fn no_rows_give_no_terms() {
    let table = wide_table(20, 3);
    let (axes, weights) = axes_and_weights(3);
    let terms = Term::numbers(3);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights,
    };
    let found = logistic_terms(&point, &table, &Selection::rows(7..7)).unwrap();
    assert_eq!(found, LogisticTerms::zero(4));
}

#[test]
fn any_number_of_threads_and_every_processor_gives_the_same_bits() {
    let table = wide_table(40_000, 5);
    let (axes, weights) = axes_and_weights(5);
    let terms = Term::numbers(5);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights,
    };
    let with_threads = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            (
                logistic_terms(&point, &table, &table.all()).unwrap(),
                sandwich_meat(&point, &table, &table.all()).unwrap(),
                moments(&terms, &table, &table.labelled()).unwrap(),
            )
        })
    };
    let alone = with_threads(1);
    assert_eq!(with_threads(2), alone);
    assert_eq!(with_threads(3), alone);

    let pass = Terms::of(&LogisticSums::of(&point));
    let (mut plain, mut vectors) = (pass.empty(), pass.empty());
    let chunk = Chunk::of(&table, 0..1_000);
    pass.add_rows(&mut plain, &chunk);
    pass.add(&mut vectors, &chunk);
    assert_eq!(plain, vectors);
}

/// Rows of two numbers and a category, all with missing cells.
fn mixed_table() -> (Table, [Level; 2]) {
    let levels = ["a", "b"].map(|text| Level::from(text.to_owned()));
    let schema = Schema {
        features: vec!["x".into(), "y".into(), "z".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    let codes = [
        levels[0].code(),
        levels[1].code(),
        level_code("c"),
        f64::NAN,
    ];
    for row in 0..3_000_u32 {
        let wave = (f64::from(row) * 0.7).sin();
        let x = if row % 11 == 0 { f64::NAN } else { wave * 5.0 };
        let y = if row % 13 == 0 {
            f64::NAN
        } else {
            f64::from(row % 7)
        };
        let cells = [x, y, codes[(row as usize * 5 / 3) % 4]];
        let label = (row % 17 != 3).then_some((wave + (f64::from(row) * 2.3).cos()) > 0.4);
        table.push(row.to_string().as_bytes(), &cells, label);
    }
    (table, levels)
}

#[test]
fn steps_and_cells_have_the_sums_of_their_columns() {
    let (table, levels) = mixed_table();
    let knots = [-4.0, -1.0, 0.5, 4.9];
    let side = |feature, parts| Side { feature, parts };
    let grid = Grid {
        first: side(0, Parts::Knots(vec![-3.0, 1.0, 3.0])),
        second: side(2, Parts::Levels(levels.to_vec())),
    };
    let term = |feature, encoding, if_missing| Term {
        feature,
        encoding,
        if_missing,
    };
    let steps = (0..3).map(|step| term(0, Encoding::Step(&knots, step), None));
    let cells = (0..6).map(|place| term(0, Encoding::Cell(&grid, place), None));
    for own_missing in [false, true] {
        let of_missing = |value: f64| own_missing.then_some(value);
        let mut terms: Vec<Term<'_>> = steps.clone().collect();
        terms.push(term(0, Encoding::Missing, Some(1.0)));
        terms.push(Term::number(1));
        terms.push(term(2, Encoding::Level(&levels[0]), of_missing(0.0)));
        terms.push(term(2, Encoding::Level(&levels[1]), of_missing(0.0)));
        terms.push(term(2, Encoding::OtherThan(&levels), of_missing(0.0)));
        if own_missing {
            terms.push(term(2, Encoding::Missing, Some(1.0)));
        }
        terms.extend(cells.clone());
        let found = moments(&terms, &table, &table.all().labelled()).unwrap();
        let axes: Vec<Axis> = found
            .iter()
            .map(|column| Axis {
                scale: column.standard_deviation().unwrap() * 1.3,
                shift: column.mean().unwrap() * 0.9,
                imputed: column.mean().unwrap(),
            })
            .collect();
        let weights = (0..=axes.len()).map(|place| (place as f64 * 1.7).sin());
        let point = LogisticPoint {
            terms: &terms,
            axes: &axes,
            weights: weights.collect(),
        };
        for (weight, limit) in [
            (Weight::Curvature, None),
            (Weight::SquaredResidual, Some(1.5)),
        ] {
            let local = Terms {
                weight,
                limit,
                ..Terms::of(&LogisticSums::of(&point))
            };
            assert!(local.local.is_some());
            let of_rows = local.summed(&table, &table.all());
            let dense = Terms {
                local: None,
                ..local
            };
            let of_columns = dense.summed(&table, &table.all());
            assert_eq!(of_rows.rows, of_columns.rows);
            assert_eq!(of_rows.positives, of_columns.positives);
            let numbers = |terms: &LogisticTerms| -> Vec<f64> {
                let sums = terms.gradient.iter().chain(&terms.hessian);
                sums.copied().chain([terms.loss]).collect()
            };
            for (found, wanted) in numbers(&of_rows).into_iter().zip(numbers(&of_columns)) {
                let size = of_columns.rows as f64;
                assert!((found - wanted).abs() < 1e-13 * size, "{found} {wanted}");
            }
        }
    }
}
