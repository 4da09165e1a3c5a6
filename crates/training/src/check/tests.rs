use common::Schema;
use dataset::Table;
use dataset::passes::profile;
use dataset::{Selection, level_code};
use model::Design;

use super::*;
use crate::fit::{
    fit,
    tests::{schema_with_plan, table_of},
    with_effects,
};

const SETTINGS: FitSettings = FitSettings { c: 1.0 };

/// A fit to a table, and the settings of the fit.
struct Case {
    settings: FitSettings,
    table: Table,
    fit: Fit,
}

impl Case {
    fn of(settings: FitSettings, design: &Design, table: Table) -> Self {
        let labelled = table.labelled();
        let in_steps = fit(&settings, design, &table, &labelled).unwrap();
        let fit = with_effects(in_steps, &settings, &table, &labelled).unwrap();
        Self {
            settings,
            table,
            fit,
        }
    }

    fn lines(columns: &[Vec<f64>], labels: &[bool]) -> Self {
        Self::of(SETTINGS, &Design::default(), table_of(columns, labels))
    }

    fn curves(columns: &[Vec<f64>], labels: &[bool]) -> Self {
        let table = table_of(columns, labels);
        let schema = Schema {
            features: (0..columns.len())
                .map(|it| format!("x{it}").as_str().into())
                .collect(),
            ..Schema::default()
        };
        let profile = profile(&schema, &table, &Selection::rows(0..table.rows())).unwrap();
        let design = Design::of_steps(&schema, &profile).unwrap();
        Self::of(SETTINGS, &design, table)
    }

    fn check(&self) -> Result<Check, Beaten> {
        check(&self.settings, &self.rows(), &self.fit)
    }

    /// The result of the check after `change` moved the coefficients. The loss of the fit is the
    /// one at the moved coefficients.
    fn check_moved(&self, change: impl Fn(&mut Fit)) -> Result<Check, Beaten> {
        let mut fit = self.fit.clone();
        change(&mut fit);
        let rows = self.rows();
        let parameters = Parameters::of(&fit.predictor, &rows).unwrap();
        fit.loss = Point::of(self.settings.c, &parameters).loss;
        check(&self.settings, &rows, &fit)
    }

    fn rows(&self) -> RowSample {
        let labelled = self.table.labelled();
        self.table.sample(&labelled, usize::MAX).unwrap()
    }
}

fn wave(rows: usize) -> Vec<f64> {
    (0..rows)
        .map(|row| (row as f64 * 0.7).cos() * 3.0)
        .collect()
}

fn other_wave(rows: usize) -> Vec<f64> {
    (0..rows)
        .map(|row| (row as f64 * 1.9).sin() * 2.0)
        .collect()
}

fn noisy_labels(column: &[f64]) -> Vec<bool> {
    let label = |(row, x): (usize, &f64)| (x + (row as f64 * 2.3).sin() * 2.0) > 0.0;
    column.iter().enumerate().map(label).collect()
}

fn with_gaps(mut column: Vec<f64>, every: usize) -> Vec<f64> {
    let gaps = column.iter_mut().step_by(every);
    gaps.for_each(|value| *value = f64::NAN);
    column
}

/// Rows of a number and of a category, whose cells are missing in one row of five.
fn of_plans() -> Case {
    let mut table = Table::new(&schema_with_plan());
    for (row, x) in wave(300).into_iter().enumerate() {
        let plan = ["basic", "gold", "rare", ""][row * 7 % 23 % 4];
        let plan = if row % 100 == 1 { "rarer" } else { plan };
        let code = match plan {
            "" => f64::NAN,
            plan => {
                table.add_level(1, plan);
                level_code(plan)
            }
        };
        let label = x + (row as f64 * 2.3).sin() * 2.0 + row as f64 % 4.0 > 1.0;
        table.push(row.to_string().as_bytes(), &[x, code], Some(label));
    }
    let schema = schema_with_plan();
    let design = Design::choose(&schema, &profile(&schema, &table, &table.all()).unwrap());
    Case::of(SETTINGS, &design, table)
}

#[test]
fn lines_with_imputed_cells_are_confirmed() {
    let labels = noisy_labels(&wave(300));
    for columns in [
        vec![wave(300)],
        vec![with_gaps(wave(300), 7), with_gaps(other_wave(300), 40)],
    ] {
        assert_eq!(Case::lines(&columns, &labels).check(), Ok(Check::Confirmed));
    }
}

#[test]
fn categories_with_a_level_for_missing_cells_are_confirmed() {
    let case = of_plans();
    assert_eq!(case.fit.predictor.coefficients.len(), 6);
    assert_eq!(case.check(), Ok(Check::Confirmed));
}

#[test]
fn curves_are_confirmed_with_imputed_cells_and_with_a_column_for_them() {
    let labels = noisy_labels(&wave(300));
    // Missing cells have their own column if there are at least ten.
    for (every, n_columns) in [(1000, 4), (40, 4), (7, 6)] {
        let columns = [
            with_gaps(wave(300), every),
            with_gaps(other_wave(300), every),
        ];
        let case = Case::curves(&columns, &labels);
        assert_eq!(case.fit.predictor.coefficients.len(), n_columns);
        assert_eq!(case.check(), Ok(Check::Confirmed), "{every}");
    }
}

#[test]
fn values_of_every_size_are_confirmed() {
    for exponent in -60..=60 {
        let size = 10f64.powi(exponent);
        let x: Vec<f64> = wave(40).iter().map(|value| value * size).collect();
        let labels = noisy_labels(&wave(40));
        let case = Case::lines(&[x, vec![size; 40]], &labels);
        assert_eq!(case.check(), Ok(Check::Confirmed), "{size}");
    }
}

#[test]
fn collinear_and_shifted_columns_of_any_size_are_confirmed() {
    let labels = noisy_labels(&wave(300));
    for size in [1e-9, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e12, 1e60] {
        let scaled = |by: f64| -> Vec<f64> { wave(300).iter().map(|x| x * by * size).collect() };
        let timestamps: Vec<f64> = other_wave(300).iter().map(|x| 1.7e9 + 1e4 * x).collect();
        let columns = [scaled(1.0), scaled(3.0), other_wave(300), timestamps];
        let case = Case::lines(&columns, &labels);
        assert_eq!(case.check(), Ok(Check::Confirmed), "{size}");
    }
}

#[test]
fn separable_rows_are_confirmed() {
    let labels: Vec<bool> = wave(300).iter().map(|x| *x > 0.1).collect();
    for c in [0.01, 1.0, 1e4] {
        for size in [1e-3, 1.0, 1e3] {
            let x: Vec<f64> = wave(300).iter().map(|x| x * size).collect();
            let table = table_of(&[x], &labels);
            let case = Case::of(FitSettings { c }, &Design::default(), table);
            assert_eq!(case.check(), Ok(Check::Confirmed), "{c} {size}");
        }
    }
}

#[test]
fn a_moved_coefficient_is_found_out() {
    let labels = noisy_labels(&wave(300));
    let lines = Case::lines(
        &[
            with_gaps(wave(300), 7),
            wave(300).iter().map(|x| x.abs() * 1e9).collect(),
        ],
        &labels,
    );
    let large = |fit: &mut Fit| fit.predictor.coefficients[1] += 1e-10;
    assert!(lines.check_moved(large).is_err());
    let first = |fit: &mut Fit| fit.predictor.coefficients[0] *= 1.01;
    assert!(lines.check_moved(first).is_err());
    let slightly = |fit: &mut Fit| fit.predictor.coefficients[0] *= 1.0 + 1e-6;
    assert_eq!(lines.check_moved(slightly), Ok(Check::Confirmed));
    let slightly = |fit: &mut Fit| fit.predictor.coefficients[1] *= 1.0 + 1e-6;
    assert_eq!(lines.check_moved(slightly), Ok(Check::Confirmed));
    let plans = of_plans();
    for place in 0..6 {
        let moved = |fit: &mut Fit| fit.predictor.coefficients[place] += 0.1;
        assert!(plans.check_moved(moved).is_err(), "{place}");
    }
}

#[test]
fn the_possible_reduction_is_at_least_the_true_one() {
    let labels = noisy_labels(&wave(300));
    let columns = [
        with_gaps(wave(300), 7),
        other_wave(300).iter().map(|x| x * 30.0).collect(),
    ];
    for c in [0.01, 1.0, 100.0] {
        let settings = FitSettings { c };
        let table = table_of(&columns, &labels);
        let case = Case::of(settings, &Design::default(), table);
        let rows = case.rows();
        for moved in [1e-4, 1e-3, 1e-2, 0.1] {
            let mut predictor = case.fit.predictor.clone();
            predictor.intercept -= moved;
            predictor.coefficients[0] += moved;
            predictor.coefficients[1] += moved / 50.0;
            let parameters = Parameters::of(&predictor, &rows).unwrap();
            let point = Point::of(c, &parameters);
            let mut step = NewtonStep::begin(c, &parameters, &point).unwrap();
            let truth = point.loss - case.fit.loss;
            for steps in 0..5 {
                let possible = step.possible_reduction();
                assert!(possible >= truth, "{c} {moved} {steps}: {possible} {truth}");
                step.improve();
            }
            let possible = step.possible_reduction();
            assert!(possible < 3.0 * truth, "{c} {moved}: {possible} {truth}");
        }
    }
}

#[test]
fn a_wrong_intercept_is_found_out() {
    let labels = noisy_labels(&wave(300));
    let columns = [with_gaps(wave(300), 7)];
    for case in [
        Case::lines(&columns, &labels),
        Case::curves(&columns, &labels),
        of_plans(),
    ] {
        let moved = |fit: &mut Fit| fit.predictor.intercept += 0.01;
        let beaten = case.check_moved(moved).unwrap_err();
        assert!(beaten.found < beaten.fitted);
        // So far off that a Newton step leads nowhere.
        for far in [-30.0, 30.0] {
            let moved = |fit: &mut Fit| fit.predictor.intercept += far;
            assert!(case.check_moved(moved).is_err(), "{far}");
        }
    }
}

#[test]
fn a_moved_knot_is_found_out() {
    let labels = noisy_labels(&wave(300));
    let columns = [with_gaps(wave(300), 7), other_wave(300)];
    let case = Case::curves(&columns, &labels);
    let curve = case.fit.predictor.design.effects().next().unwrap();
    for knot in 0..curve.effect.knots().len() {
        let moved =
            |fit: &mut Fit| fit.predictor.design = with_knot_moved(&fit.predictor.design, knot);
        assert!(case.check_moved(moved).is_err(), "{knot}");
    }
}

/// The design with one knot of the first curve moved.
fn with_knot_moved(design: &Design, knot: usize) -> Design {
    let mut written = serde_json::to_value(design).unwrap();
    let value = &mut written[0]["effect"]["values"][knot];
    *value = (value.as_f64().unwrap() + 0.1).into();
    serde_json::from_value(written).unwrap()
}

#[test]
fn an_effect_that_does_not_fit_its_missing_cells_is_found_out() {
    let labels = noisy_labels(&wave(300));
    let case = Case::curves(&[with_gaps(wave(300), 40)], &labels);
    let moved = |fit: &mut Fit| fit.predictor.imputed[1] = 0.8;
    assert!(case.check_moved(moved).is_err());
}

#[test]
fn a_stated_loss_that_differs_from_the_loss_of_the_coefficients_is_found_out() {
    let x = wave(200);
    for factor in [1.001, 0.999] {
        let mut case = Case::lines(std::slice::from_ref(&x), &noisy_labels(&x));
        case.fit.loss *= factor;
        let beaten = case.check().unwrap_err();
        assert_eq!(beaten.fitted, case.fit.loss);
        assert!(beaten.to_string().contains(&beaten.found.to_string()));
    }
}

#[test]
fn coefficients_without_all_their_digits_leave_the_fit_unconfirmed() {
    let x: Vec<f64> = wave(60).iter().map(|x| x / 3.0 * 1e308).collect();
    let case = Case::lines(&[x], &noisy_labels(&other_wave(60)));
    assert!(case.fit.predictor.coefficients[0].is_subnormal());
    assert_eq!(case.check(), Ok(Check::Unconfirmed));
}

#[test]
fn values_that_differ_in_their_last_digits_only_end_in_a_verdict() {
    let labels = noisy_labels(&wave(300));
    for size in [1e12, 1e14, 1e15, 1e16] {
        let x: Vec<f64> = wave(300).iter().map(|x| x.round() + size).collect();
        let verdict = Case::lines(&[x], &labels).check();
        assert!(verdict.is_ok(), "{size}: {verdict:?}");
    }
}
