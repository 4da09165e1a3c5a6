//! The sandwich covariance of the coefficients: how far they may be from those of the population.
//!
//! It is (I₀+Λ)⁻¹ · Zᵀdiag((y−p)²)Z · (I₀+Λ)⁻¹ on the training rows. I₀ is the information matrix,
//! and Λ has the second derivatives of the penalty. The covariance is valid even if the model's
//! form is wrong. If the curvature I₀+Λ is singular within rounding, there is no covariance: with a
//! ridge, it would be one rounding error divided by another.

use dataset::passes::{LogisticPoint, sandwich_meat};
use dataset::{Selection, Table};
use model::covariance_flaw;
use ndarray::{Array1, Array2};

use crate::fit::Fit;
use crate::linear::Cholesky;

/// The covariance of intercept and coefficients in raw units, the intercept first.
///
/// `None` if the curvature is singular within rounding, or the result overflows.
pub fn covariance(fit: &Fit, table: &Table, selection: &Selection) -> Option<Vec<Vec<f64>>> {
    let terms = fit.predictor.design.terms(table.features.len());
    let point = LogisticPoint {
        terms: &terms,
        axes: &fit.axes,
        weights: fit.weights.clone(),
    };
    // Each entry of the curvature is a sum over the rows. At worst it has one rounding error per
    // row.
    let size = fit.curvature.nrows() as f64;
    let rounding = size.max(fit.rows as f64) * f64::EPSILON;
    let bread = Cholesky::exactly(&fit.curvature, rounding)?;
    let meat = sandwich_meat(&point, table, selection);
    let half = bread.solve_columns(&meat);
    let standardised = bread.solve_columns(&half.reversed_axes());
    let raw = in_raw_units(fit, &standardised);
    let flaw = covariance_flaw(&raw, fit.curvature.nrows());
    flaw.is_none().then_some(raw)
}

/// The covariance in raw units, T·C·Tᵀ. C is the covariance of the standardised weights, and T
/// converts these weights to raw ones.
fn in_raw_units(fit: &Fit, standardised: &Array2<f64>) -> Vec<Vec<f64>> {
    let size = standardised.nrows();
    let transform = |row: usize| -> Array1<f64> {
        let mut weights = Array1::zeros(size);
        if row == 0 {
            weights[0] = 1.0;
            for (column, axis) in fit.axes.iter().enumerate() {
                weights[column + 1] = -axis.shift;
            }
        } else {
            weights[row] = 1.0 / fit.axes[row - 1].scale;
        }
        weights
    };
    let transforms: Vec<Array1<f64>> = (0..size).map(transform).collect();
    let mut raw = vec![vec![0.0; size]; size];
    for (row, left) in transforms.iter().enumerate() {
        let product = left.dot(standardised);
        for (column, right) in transforms.iter().enumerate().take(row + 1) {
            raw[row][column] = product.dot(right);
            raw[column][row] = raw[row][column];
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use dataset::passes::{Axis, Term, logistic_terms};
    use model::Design;

    use super::*;
    use crate::fit::{FitSettings, fit, tests::table_of};

    fn example() -> (Table, FitSettings) {
        let x: Vec<f64> = (0..120).map(|row| f64::from(row % 11) * 40.0).collect();
        let y: Vec<f64> = (0..120).map(|row| f64::from(row % 7) - 2.0).collect();
        let classes: Vec<bool> = (0..120).map(|row| row % 11 + row % 5 > 6).collect();
        (table_of(&[x, y], &classes), FitSettings { c: 0.5 })
    }

    #[test]
    fn it_is_the_sandwich_of_the_raw_units() {
        let (table, settings) = example();
        let fitted = fit(&settings, &Design::default(), &table, &table.all()).unwrap();
        let found = covariance(&fitted, &table, &table.all()).unwrap();

        let raw = Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: 0.0,
        };
        let weights = std::iter::once(fitted.predictor.intercept)
            .chain(fitted.predictor.coefficients.clone());
        let point = LogisticPoint {
            terms: &Term::numbers(2),
            axes: &[raw; 2],
            weights: weights.collect(),
        };
        let mut bread = logistic_terms(&point, &table, &table.all()).hessian;
        bread[[1, 1]] += 1.0 / settings.c;
        bread[[2, 2]] += 1.0 / settings.c;
        let meat = sandwich_meat(&point, &table, &table.all());
        // bread · covariance · bread must equal the meat.
        let found = Array2::from_shape_fn((3, 3), |(row, column)| found[row][column]);
        let back = bread.dot(&found).dot(&bread);
        for (found, wanted) in back.iter().zip(&meat) {
            assert!(
                (found - wanted).abs() < 1e-9 * wanted.abs(),
                "{found} {wanted}"
            );
        }
    }

    /// A column of 10,000 rows with this spread, and a table of that column and of `factor` times
    /// it.
    fn collinear(spread: f64, factor: f64) -> (Vec<f64>, Table) {
        let wave = |row: u32| (f64::from(row) * 0.7).cos();
        let x: Vec<f64> = (0..10_000).map(|row| 3.0 + wave(row) * spread).collect();
        let classes: Vec<bool> = (0..10_000)
            .map(|row| wave(row) + (f64::from(row) * 2.3).sin() * 1.5 > 0.0)
            .collect();
        let multiple = x.iter().map(|value| value * factor).collect();
        (x.clone(), table_of(&[x, multiple], &classes))
    }

    #[test]
    fn collinear_columns_that_the_penalty_cannot_tell_apart_have_none() {
        for factor in [1.0, -2.0, 3.0, 0.1] {
            let (x, table) = collinear(1e6, factor);
            let mut alone = table.clone();
            alone.features.pop();
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
            assert_eq!(covariance(&fitted, &table, &table.all()), None, "{factor}");
            assert!(covariance(&single, &alone, &alone.all()).is_some());
        }
    }

    #[test]
    fn collinear_columns_that_the_penalty_tells_apart_have_one() {
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
    fn it_is_symmetric_and_finite_for_values_of_any_size() {
        let (table, settings) = example();
        for exponent in [-300, -150, 0, 150, 300] {
            let mut scaled = table.clone();
            for value in &mut scaled.features[0] {
                *value *= 10f64.powi(exponent);
            }
            scaled.features[1].fill(1e308);
            let fitted = fit(&settings, &Design::default(), &scaled, &scaled.all()).unwrap();
            let found = covariance(&fitted, &scaled, &scaled.all()).unwrap();
            for (row, entries) in found.iter().enumerate() {
                assert!(entries[row] >= 0.0, "1e{exponent}");
                for (column, entry) in entries.iter().enumerate() {
                    assert_eq!(*entry, found[column][row], "1e{exponent}");
                }
            }
        }
    }
}
