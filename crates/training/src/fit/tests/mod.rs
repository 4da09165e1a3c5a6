//! Tests of the fit: known optima, and the starts of Newton's method.

mod categories;
mod curves;
mod optima;
mod pairs;
pub(crate) mod shapes;
mod starts;

use common::Schema;
use common::schema::{CategoryRules, Feature, Kind};
use model::Check;
use serde_json::Value;

use self::curves::of_json;
use super::*;
use crate::check::{Beaten, check};

const UNIT: FitSettings = FitSettings { c: 1.0 };

/// The feature `plan`, a category.
pub(crate) fn plan() -> Feature {
    Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    }
}

/// A schema with a number and a category.
pub(crate) fn schema_with_plan() -> Schema {
    Schema {
        features: vec!["x".into(), plan()],
        ..Schema::default()
    }
}

/// A table with these columns; all rows are labelled.
pub(crate) fn table_of(columns: &[Vec<f64>], labels: &[bool]) -> Table {
    let schema = Schema {
        features: (0..columns.len())
            .map(|at| format!("x{at}").as_str().into())
            .collect(),
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for (row, label) in labels.iter().enumerate() {
        let values: Vec<f64> = columns.iter().map(|column| column[row]).collect();
        table.push(row.to_string().as_bytes(), &values, Some(*label));
    }
    table
}

fn fit_all(settings: &FitSettings, table: &Table) -> Result<Fit, FitError> {
    fit(settings, &Design::default(), table, &table.all())
}

/// A column of `count` values, and labels that follow it with noise.
fn noisy_rows(count: usize, size: f64) -> (Vec<f64>, Vec<bool>) {
    let wave = |row: usize| (row as f64 * 0.7).cos();
    let labels = (0..count).map(|row| wave(row) + (row as f64 * 2.3).sin() * 0.7 > 0.0);
    (
        (0..count).map(|row| wave(row) * size).collect(),
        labels.collect(),
    )
}

/// Checks a fit on all labelled rows of its table.
fn checked(settings: &FitSettings, table: &Table, fit: &Fit) -> Result<Check, Beaten> {
    let labelled = table.sample(&table.labelled(), usize::MAX).unwrap();
    check(settings, &labelled, fit)
}

/// Compares the intercept and the coefficients with those of a case. A coefficient is 0 in both or in none.
fn assert_coefficients_of(case: &Value, predictor: &LinearPredictor) {
    let wanted = [case["intercept"].as_f64().unwrap()].into_iter();
    let wanted: Vec<f64> = wanted.chain(of_json(&case["coefficients"])).collect();
    let found = [predictor.intercept].into_iter();
    let found: Vec<f64> = found
        .chain(predictor.coefficients.iter().copied())
        .collect();
    let name = &case["name"];
    assert_eq!(found.len(), wanted.len(), "{name}");
    for (found, wanted) in found.iter().zip(&wanted) {
        let is_close = (found - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3);
        assert!(is_close, "{name}: {found} for {wanted}");
        assert_eq!(*found == 0.0, *wanted == 0.0, "{name}: {found}");
    }
}

fn relative_difference(found: f64, wanted: f64) -> f64 {
    (found - wanted).abs() / wanted.abs().max(1e-300)
}
