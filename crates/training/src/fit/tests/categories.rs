//! Tests of fits to a category: the coefficients equal those of scikit-learn with one-hot columns.

use dataset::passes::{Encoding, probability, profile};
use dataset::{FOLDS, level_code};

use super::*;
use crate::uncertainty;

/// A case of `categories.json`, with the coefficients of scikit-learn.
struct Case(Value);

impl Case {
    fn all() -> Vec<Self> {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../testdata/categories.json")).unwrap();
        assert!(cases.len() >= 6);
        cases.into_iter().map(Self).collect()
    }

    fn list(&self, key: &str) -> &[Value] {
        self.0[key].as_array().unwrap()
    }

    fn settings(&self) -> FitSettings {
        FitSettings {
            c: self.0["c"].as_f64().unwrap(),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&schema_with_plan());
        let classes = self.list("classes").iter().map(|class| *class == 1);
        let cells = self.list("numbers").iter().zip(self.list("levels"));
        for (row, ((number, level), class)) in cells.zip(classes).enumerate() {
            if let Some(level) = level.as_str() {
                table.add_level(1, level);
            }
            table.push(
                row.to_string().as_bytes(),
                &cells_of(number, level),
                Some(class),
            );
        }
        table
    }
}

/// The cells of a row in a table: a number, and the code of a level.
fn cells_of(number: &Value, level: &Value) -> [f64; 2] {
    [
        number.as_f64().unwrap_or(f64::NAN),
        level.as_str().map_or(f64::NAN, level_code),
    ]
}

fn design(table: &Table) -> Design {
    let schema = schema_with_plan();
    Design::choose(
        &schema,
        &profile(&schema, table, &table.labelled()).unwrap(),
    )
}

fn is_close(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-6 * wanted.abs()
}

#[test]
fn coefficients_of_levels_are_those_of_scikit_learn() {
    for case in Case::all() {
        let (name, table) = (&case.0["name"], case.table());
        let design = design(&table);
        let fitted = fit(&case.settings(), &design, &table, &table.all()).unwrap();
        let predictor = &fitted.predictor;
        assert!(is_close(
            predictor.intercept,
            case.0["intercept"].as_f64().unwrap()
        ));
        let terms = design.terms(2);
        assert_eq!(terms.len(), predictor.coefficients.len());
        let wanted = case.list("level_coefficients");
        for (term, found) in terms.iter().zip(&predictor.coefficients) {
            let wanted = match term.encoding {
                Encoding::Number => case.0["number"].as_f64(),
                Encoding::Level(level) => of_level(wanted, Some(level.text())),
                // scikit-learn has no such column if no level is rare. The coefficient is then 0.
                Encoding::OtherThan(_) => of_level(wanted, None).or(Some(0.0)),
                Encoding::Missing => case.0["missing_coefficient"].as_f64(),
                _ => None,
            };
            let wanted = wanted.unwrap_or_else(|| panic!("{name}: {term:?}"));
            assert!(is_close(*found, wanted), "{name}: {found} for {wanted}");
        }
        let answers = case.list("probabilities").iter();
        for (asked, wanted) in case.list("asked").iter().zip(answers) {
            let row = cells_of(&asked[0], &asked[1]);
            let found = probability(predictor.expression().value(|feature| row[feature]));
            assert!(
                is_close(found, wanted.as_f64().unwrap()),
                "{name}: {asked}: {found} for {wanted}"
            );
        }
    }
}

fn of_level(wanted: &[Value], level: Option<&str>) -> Option<f64> {
    let found = wanted.iter().find(|it| it[0].as_str() == level)?;
    found[1].as_f64()
}

#[test]
fn fits_of_categories_are_confirmed_and_have_a_covariance() {
    for case in Case::all() {
        let table = case.table();
        let fitted = fit(&case.settings(), &design(&table), &table, &table.all()).unwrap();
        assert_eq!(
            checked(&case.settings(), &table, &fitted),
            Ok(Check::Confirmed),
            "{}",
            case.0["name"]
        );
        let covariance = uncertainty(&fitted, &table, &table.all())
            .unwrap()
            .covariance
            .unwrap();
        assert_eq!(covariance.nrows(), 1 + fitted.predictor.coefficients.len());
    }
}

#[test]
fn a_fold_is_predicted_by_a_fit_with_the_same_columns() {
    let case = &Case::all()[1];
    let (table, settings) = (case.table(), case.settings());
    let all = fit(&settings, &design(&table), &table, &table.all()).unwrap();
    let initial = all.predictor.for_fitting();
    let folds = FitsWithoutFold::new(settings, initial, &table, table.all().labelled()).unwrap();
    for fold in 0..FOLDS {
        let found = folds.without(fold).unwrap();
        let others = table.all().of_fold(dataset::Fold::Outside(fold));
        let wanted = fit(&settings, &all.predictor.design, &table, &others).unwrap();
        let (found, wanted) = (found.expression(), wanted.predictor.expression());
        assert_eq!(found.terms.len(), wanted.terms.len());
        for (found, wanted) in found.terms.iter().zip(&wanted.terms) {
            assert_eq!(found.term, wanted.term);
            let (found, wanted) = (found.coefficient, wanted.coefficient);
            assert!((found - wanted).abs() < 1e-8, "{found} {wanted}");
        }
    }
}
