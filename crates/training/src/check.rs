//! The independent check of a fit: another solver searches for a lower loss on the raw columns.
//!
//! smartcore's L-BFGS and the objective below share no code with the fit. A loss below the fit's
//! proves that the fit is wrong. A higher loss proves nothing, because the solver may stop before
//! the optimum. A count limits the work, not a clock, so that the same data gives the same model
//! file on every machine.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

use dataset::Table;
use model::Check;
use ndarray::{Array2, ArrayView1};
use smartcore::optimization::FunctionOrder;
use smartcore::optimization::first_order::FirstOrderOptimizer;
use smartcore::optimization::first_order::lbfgs::LBFGS;
use smartcore::optimization::line_search::Backtracking;

use crate::fit::{Fit, FitSettings};

/// The error that the fit is wrong: the independent solver found a lower loss.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "an independent solver found the loss {found}, lower than {fitted} at the fitted coefficients"
)]
pub struct Beaten {
    /// The objective at the fitted coefficients.
    pub fitted: f64,
    /// The objective where the independent solver ended.
    pub found: f64,
}

/// Losses are equal if they differ by at most this much, relative to the fit's loss.
const SAME_LOSS: f64 = 1e-6;
/// Largest raw value that is checked. With larger values the sums of squares in smartcore's line
/// search could overflow, and an infinite slope makes it panic.
const MAX_VALUE: f64 = 1e60;
/// Maximum work of the check, in products and sums. It takes about 0.1 seconds on a processor of
/// 2020.
const MAX_WORK: u64 = 100_000_000;
/// Work of the exponential and the logarithm of one row, in products and sums.
const WORK_OF_A_ROW: u64 = 16;

/// Checks a fit with the independent solver on the labelled rows that it was fitted to, which are at
/// these positions of a table. An error if the solver found a lower loss.
pub fn check(
    settings: &FitSettings,
    table: &Table,
    rows: Range<usize>,
    fit: &Fit,
) -> Result<Check, Beaten> {
    let rows = RawRows::of(table, rows, fit);
    let largest = rows
        .columns
        .iter()
        .fold(0.0, |max: f64, x| max.max(x.abs()));
    if largest > MAX_VALUE {
        return Ok(Check::Unconfirmed);
    }
    let objective = Objective::new(settings, &rows);
    objective.minimise();
    judge(fit.loss, objective.lowest.get(), objective.is_spent.get())
}

fn judge(fitted: f64, found: f64, is_cut_short: bool) -> Result<Check, Beaten> {
    let same = SAME_LOSS * fitted;
    if found < fitted - same {
        Err(Beaten { fitted, found })
    } else if found <= fitted + same {
        Ok(Check::Confirmed)
    } else if is_cut_short {
        Ok(Check::NotChecked)
    } else {
        Ok(Check::Unconfirmed)
    }
}

/// The labelled rows as a matrix of the design's columns, in raw units. Missing values are imputed.
struct RawRows {
    columns: Array2<f64>,
    labels: Vec<bool>,
}

impl RawRows {
    fn of(table: &Table, rows: Range<usize>, fit: &Fit) -> Self {
        let labelled: Vec<(usize, bool)> = rows
            .filter_map(|position| Some((position, table.labels[position]?)))
            .collect();
        let terms = fit.predictor.design.terms(table.features.len());
        let columns = Array2::from_shape_fn((labelled.len(), fit.axes.len()), |(row, column)| {
            let term = terms[column];
            let raw = term.value_at(table, labelled[row].0);
            if raw.is_nan() {
                fit.axes[column].imputed
            } else {
                raw
            }
        });
        Self {
            columns,
            labels: labelled.iter().map(|(_, label)| *label).collect(),
        }
    }
}

/// The objective of the fit at raw weights, the intercept last. It also records the work done and
/// the lowest loss found.
struct Objective<'a> {
    rows: &'a RawRows,
    c: f64,
    work_of_one: u64,
    work: Cell<u64>,
    lowest: Cell<f64>,
    is_spent: Cell<bool>,
    residuals: RefCell<Vec<f64>>,
}

impl<'a> Objective<'a> {
    fn new(settings: &FitSettings, rows: &'a RawRows) -> Self {
        let (n_rows, n_columns) = rows.columns.dim();
        Self {
            rows,
            c: settings.c,
            work_of_one: n_rows as u64 * (n_columns as u64 + WORK_OF_A_ROW),
            work: Cell::new(0),
            lowest: Cell::new(f64::INFINITY),
            is_spent: Cell::new(false),
            residuals: RefCell::new(vec![0.0; n_rows]),
        }
    }

    fn minimise(&self) {
        let line_search = Backtracking {
            order: FunctionOrder::THIRD,
            ..Backtracking::default()
        };
        let start = vec![0.0; self.rows.columns.ncols() + 1];
        let value = |weights: &Vec<f64>| self.value(weights);
        let gradient = |into: &mut Vec<f64>, weights: &Vec<f64>| self.gradient(into, weights);
        // The line search panics after a thousand steps without success. The lowest loss found
        // before still counts.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| {
            LBFGS::default().optimize(&value, &gradient, &start, &line_search)
        }));
    }

    /// Counts the work of one more evaluation; true if it is within [`MAX_WORK`].
    fn may_go_on(&self) -> bool {
        self.work.set(self.work.get() + self.work_of_one);
        self.is_spent.set(self.work.get() > MAX_WORK);
        !self.is_spent.get()
    }

    /// The objective's value. It is NaN once the work exceeds [`MAX_WORK`], which ends the solver's
    /// line search.
    fn value(&self, weights: &[f64]) -> f64 {
        if !self.may_go_on() {
            return f64::NAN;
        }
        let losses = self.log_odds(weights).zip(&self.rows.labels);
        let loss: f64 = losses
            .map(|(log_odds, label)| softplus(if *label { -log_odds } else { log_odds }))
            .sum();
        let slopes = &weights[..weights.len() - 1];
        let penalty: f64 = slopes.iter().map(|slope| slope * slope).sum();
        let value = loss + penalty / (2.0 * self.c);
        self.lowest.set(self.lowest.get().min(value));
        value
    }

    /// Writes the objective's gradient to `into`. It is 0 once the work exceeds [`MAX_WORK`], which
    /// ends the solver.
    fn gradient(&self, into: &mut [f64], weights: &[f64]) {
        into.fill(0.0);
        if !self.may_go_on() {
            return;
        }
        let mut residuals = self.residuals.borrow_mut();
        residuals.clear();
        residuals.extend(
            self.log_odds(weights)
                .zip(&self.rows.labels)
                .map(|(log_odds, label)| 1.0 / (1.0 + (-log_odds).exp()) - f64::from(*label)),
        );
        let (slopes, intercept) = into.split_at_mut(weights.len() - 1);
        for (row, residual) in self.rows.columns.outer_iter().zip(&*residuals) {
            for (slope, x) in slopes.iter_mut().zip(row) {
                *slope += residual * x;
            }
        }
        for (slope, weight) in slopes.iter_mut().zip(weights) {
            *slope += weight / self.c;
        }
        intercept.fill(residuals.iter().sum());
    }

    fn log_odds(&self, weights: &[f64]) -> impl Iterator<Item = f64> {
        let (slopes, intercept) = weights.split_at(weights.len() - 1);
        let (slopes, intercept) = (ArrayView1::from(slopes), intercept[0]);
        let rows = self.rows.columns.outer_iter();
        rows.map(move |row| row.dot(&slopes) + intercept)
    }
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use model::Design;

    use super::*;
    use crate::fit::{fit, tests::table_of};

    const SETTINGS: FitSettings = FitSettings { c: 1.0 };

    fn checked(columns: &[Vec<f64>], classes: &[bool]) -> Check {
        let table = table_of(columns, classes);
        let fitted = fit(&SETTINGS, &Design::default(), &table, &table.all()).unwrap();
        check(&SETTINGS, &table, 0..table.rows(), &fitted).unwrap()
    }

    fn noisy_classes(column: &[f64]) -> Vec<bool> {
        let class = |(row, x): (usize, &f64)| (x + (row as f64 * 2.3).sin() * 2.0) > 0.0;
        column.iter().enumerate().map(class).collect()
    }

    #[test]
    fn an_ordinary_fit_is_confirmed() {
        let x: Vec<f64> = (0..200).map(|row| (row as f64 * 0.7).cos() * 3.0).collect();
        assert_eq!(
            checked(std::slice::from_ref(&x), &noisy_classes(&x)),
            Check::Confirmed
        );
    }

    #[test]
    fn missing_values_are_imputed_for_both_solvers() {
        let mut x: Vec<f64> = (0..200).map(|row| (row as f64 * 0.7).cos() * 3.0).collect();
        let classes = noisy_classes(&x);
        x.iter_mut().step_by(7).for_each(|value| *value = f64::NAN);
        assert_eq!(checked(&[x], &classes), Check::Confirmed);
    }

    #[test]
    fn values_that_the_solver_cannot_take_leave_the_fit_unconfirmed() {
        let x: Vec<f64> = (0..60)
            .map(|row| (row as f64 * 0.7).cos() * 1e308)
            .collect();
        let classes = noisy_classes(&x);
        assert_eq!(checked(&[x], &classes), Check::Unconfirmed);
    }

    #[test]
    fn every_size_of_values_ends_in_a_verdict() {
        for exponent in -60..=60 {
            let size = 10f64.powi(exponent);
            let x: Vec<f64> = (0..40).map(|row| (row as f64 * 0.7).cos()).collect();
            let classes = noisy_classes(&x);
            let x: Vec<f64> = x.iter().map(|value| value * size).collect();
            let constant = vec![size; 40];
            assert_ne!(checked(&[x, constant], &classes), Check::NotChecked);
        }
    }

    #[test]
    fn a_lower_loss_is_loud_and_a_higher_one_is_not() {
        for is_cut_short in [false, true] {
            let judged = |found| judge(10.0, found, is_cut_short);
            assert_eq!(judged(10.0 + 9e-6), Ok(Check::Confirmed));
            assert_eq!(judged(10.0 - 9e-6), Ok(Check::Confirmed));
            let expected = if is_cut_short {
                Check::NotChecked
            } else {
                Check::Unconfirmed
            };
            assert_eq!(judged(10.1), Ok(expected));
            assert_eq!(judged(f64::INFINITY), Ok(expected));
        }
        let beaten = judge(10.0, 9.9, true).unwrap_err();
        assert!(beaten.to_string().contains("9.9") && beaten.to_string().contains("10"));
    }

    #[test]
    fn a_fit_that_is_not_the_optimum_is_found_out() {
        let x: Vec<f64> = (0..200).map(|row| (row as f64 * 0.7).cos() * 3.0).collect();
        let table = table_of(std::slice::from_ref(&x), &noisy_classes(&x));
        let mut fitted = fit(&SETTINGS, &Design::default(), &table, &table.all()).unwrap();
        fitted.loss *= 1.001;
        assert!(check(&SETTINGS, &table, 0..table.rows(), &fitted).is_err());
    }

    #[test]
    fn the_check_ends_where_its_work_is_spent() {
        // The columns differ widely in magnitude. Steps in raw units then need tens of thousands of
        // evaluations.
        let column = |column: usize, row: usize| {
            let size = 10f64.powi(column as i32 % 7 - 3);
            ((row * (column + 3)) as f64 * 0.37).sin() * size + size
        };
        let columns: Vec<Vec<f64>> = (0..12)
            .map(|of| (0..20_000).map(|row| column(of, row)).collect())
            .collect();
        let classes = noisy_classes(&columns[3]);
        let table = table_of(&columns, &classes);
        let fitted = fit(&SETTINGS, &Design::default(), &table, &table.all()).unwrap();
        let rows = RawRows::of(&table, 0..table.rows(), &fitted);
        let objective = Objective::new(&SETTINGS, &rows);
        objective.minimise();
        assert!(objective.is_spent.get());
        assert!(objective.lowest.get() >= fitted.loss * (1.0 - SAME_LOSS));
        // Evaluations beyond the limit do no work.
        let evaluations = objective.work.get() / objective.work_of_one;
        let paid = MAX_WORK / objective.work_of_one;
        assert!(evaluations < paid + 200, "{evaluations} of {paid}");
    }
}
