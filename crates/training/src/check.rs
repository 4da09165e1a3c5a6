//! The independent check of a fit: another solver, on the raw columns, tries for a lower loss.
//!
//! smartcore's L-BFGS shares nothing with the fit but the objective. It may stop short of the
//! optimum, which proves nothing; that it gets below the fit would prove the fit wrong.

use std::panic::{self, AssertUnwindSafe};

use dataset::Table;
use dataset::passes::{Axis, DesignColumn, LogisticPoint, logistic_terms};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use crate::fit::{Fit, FitSettings};

/// What the independent solver says of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// It found the same optimum.
    Confirmed,
    /// It stopped short of the fit's loss.
    Unconfirmed,
    /// There were too many rows to ask it.
    NotChecked,
}

/// The fit is wrong: something else found a lower loss.
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

/// Losses closer than this, relative to the fitted one, are the same.
const SAME_LOSS: f64 = 1e-6;
/// Beyond this size the sums of squares in smartcore's line search could overflow, and an
/// infinite slope makes it panic.
const LARGEST_VALUE: f64 = 1e60;

/// Lets the independent solver try on all labelled rows of a table.
pub fn check(settings: &FitSettings, table: &Table, fit: &Fit) -> Result<Check, Beaten> {
    let found = independent_weights(settings, table, fit)
        .map(|weights| loss_at(settings, table, fit, weights));
    judge(fit.loss, found)
}

fn judge(fitted: f64, found: Option<f64>) -> Result<Check, Beaten> {
    match found {
        Some(found) if found < fitted - SAME_LOSS * fitted => Err(Beaten { fitted, found }),
        Some(found) if found <= fitted + SAME_LOSS * fitted => Ok(Check::Confirmed),
        // A loss that is no number says as little as none.
        _ => Ok(Check::Unconfirmed),
    }
}

/// Intercept and raw coefficients; `None` when the solver has none to offer.
fn independent_weights(settings: &FitSettings, table: &Table, fit: &Fit) -> Option<Array1<f64>> {
    let (columns, classes) = raw_rows(table, fit);
    if columns.iter().any(|value| value.abs() > LARGEST_VALUE) {
        return None;
    }
    let parameters = LogisticRegressionParameters::default().with_alpha(1.0 / settings.c);
    // Its line search ends a thousand vain steps with a panic. That takes slopes that overflow,
    // which the size of the values rules out; should it happen all the same, it is no answer.
    let solved = panic::catch_unwind(AssertUnwindSafe(|| {
        LogisticRegression::fit(&columns, &classes, parameters)
    }));
    let model = solved.ok()?.ok()?;
    let weights = model.intercept().iter().chain(model.coefficients());
    Some(weights.copied().collect())
}

/// The labelled rows as a matrix of the design's raw values, the missing ones imputed, and their
/// classes.
fn raw_rows(table: &Table, fit: &Fit) -> (Array2<f64>, Vec<u32>) {
    let labelled: Vec<(usize, bool)> = table
        .labels
        .iter()
        .enumerate()
        .filter_map(|(position, label)| Some((position, (*label)?)))
        .collect();
    let design = fit.predictor.design.columns(table.features.len());
    let columns = Array2::from_shape_fn((labelled.len(), fit.axes.len()), |(row, column)| {
        let DesignColumn { feature, reads } = design[column];
        let raw = reads.value(table.features[feature][labelled[row].0]);
        if raw.is_nan() {
            fit.axes[column].imputed
        } else {
            raw
        }
    });
    let classes = labelled.iter().map(|(_, class)| u32::from(*class));
    (columns, classes.collect())
}

/// The objective of the fit at raw weights.
fn loss_at(settings: &FitSettings, table: &Table, fit: &Fit, weights: Array1<f64>) -> f64 {
    let penalty: f64 = weights.iter().skip(1).map(|weight| weight * weight).sum();
    let raw_axes: Vec<Axis> = fit
        .axes
        .iter()
        .map(|axis| Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: axis.imputed,
        })
        .collect();
    let point = LogisticPoint {
        design: &fit.predictor.design,
        axes: &raw_axes,
        weights,
    };
    logistic_terms(&point, table, &table.labelled()).loss + penalty / (2.0 * settings.c)
}

#[cfg(test)]
mod tests {
    use dataset::passes::Design;

    use super::*;
    use crate::fit::{fit, tests::table_of};

    const SETTINGS: FitSettings = FitSettings { c: 1.0 };

    fn checked(columns: &[Vec<f64>], classes: &[bool]) -> Check {
        let table = table_of(columns, classes);
        let fitted = fit(&SETTINGS, Design::of_numbers(), &table, &table.all()).unwrap();
        check(&SETTINGS, &table, &fitted).unwrap()
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
        assert_eq!(judge(10.0, Some(10.0 + 9e-6)), Ok(Check::Confirmed));
        assert_eq!(judge(10.0, Some(10.0 - 9e-6)), Ok(Check::Confirmed));
        assert_eq!(judge(10.0, Some(10.1)), Ok(Check::Unconfirmed));
        assert_eq!(judge(10.0, Some(f64::NAN)), Ok(Check::Unconfirmed));
        assert_eq!(judge(10.0, None), Ok(Check::Unconfirmed));
        let beaten = judge(10.0, Some(9.9)).unwrap_err();
        assert!(beaten.to_string().contains("9.9") && beaten.to_string().contains("10"));
    }

    #[test]
    fn a_fit_that_is_not_the_optimum_is_found_out() {
        let x: Vec<f64> = (0..200).map(|row| (row as f64 * 0.7).cos() * 3.0).collect();
        let table = table_of(std::slice::from_ref(&x), &noisy_classes(&x));
        let mut fitted = fit(&SETTINGS, Design::of_numbers(), &table, &table.all()).unwrap();
        fitted.loss *= 1.001;
        assert!(check(&SETTINGS, &table, &fitted).is_err());
    }
}
