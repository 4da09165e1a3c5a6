//! Tests of fits to the steps of curves: the coefficients equal those of scikit-learn.

use dataset::passes::{LinearExpression, probability, profile};
use model::Form;

use super::*;
use crate::uncertainty;

/// A case of `curves.json`, with the coefficients of scikit-learn.
struct Case(Value);

impl Case {
    fn all() -> Vec<Self> {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../testdata/curves.json")).unwrap();
        assert_eq!(cases.len(), 3);
        cases.into_iter().map(Self).collect()
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        of_json(&self.0[key])
    }

    fn settings(&self) -> FitSettings {
        FitSettings {
            c: self.0["c"].as_f64().unwrap(),
        }
    }

    fn table(&self) -> Table {
        let columns: Vec<Vec<f64>> = lists(&self.0["numbers"]);
        let labels: Vec<bool> = self.numbers("classes").iter().map(|it| *it > 0.5).collect();
        table_of(&columns, &labels)
    }
}

pub(super) fn lists(json: &Value) -> Vec<Vec<f64>> {
    json.as_array().unwrap().iter().map(of_json).collect()
}

pub(super) fn of_json(list: &Value) -> Vec<f64> {
    let cells = list.as_array().unwrap().iter();
    cells
        .map(|cell| cell.as_f64().unwrap_or(f64::NAN))
        .collect()
}

pub(super) fn schema() -> Schema {
    Schema {
        features: vec!["x0".into(), "x1".into()],
        ..Schema::default()
    }
}

fn steps(table: &Table) -> Design {
    let profile = profile(&schema(), table, &table.all()).unwrap();
    Design::of_steps(&schema(), &profile).expect("numbers with more than two values")
}

fn value(expression: &LinearExpression<'_>, row: [f64; 2]) -> f64 {
    expression.value(|feature| row[feature])
}

#[test]
fn coefficients_of_steps_are_those_of_scikit_learn() {
    for case in Case::all() {
        let (name, table) = (&case.0["name"], case.table());
        let fitted = fit(&case.settings(), &steps(&table), &table, &table.all()).unwrap();
        assert_coefficients_of(&case.0, &fitted.predictor);
        let expression = fitted.predictor.expression();
        for (row, wanted) in case.numbers("probabilities").iter().enumerate() {
            let cells = [0, 1].map(|feature: usize| table.in_memory().features[feature][row]);
            let found = probability(value(&expression, cells));
            assert!(
                (found - wanted).abs() < 1e-8,
                "{name}: {found} for {wanted}"
            );
        }
    }
}

#[test]
fn effects_predict_what_the_fitted_steps_predict() {
    for case in Case::all() {
        let (table, settings) = (case.table(), case.settings());
        let in_steps = fit(&settings, &steps(&table), &table, &table.all()).unwrap();
        let in_effects = with_effects(in_steps.clone(), &settings, &table, &table.all()).unwrap();
        assert_eq!(in_effects.predictor.form(), Form::Curves);
        let in_steps_again = in_effects.predictor.for_fitting();
        let expressions = [
            in_steps.predictor.expression(),
            in_effects.predictor.expression(),
            in_steps_again.expression(),
        ];
        for first in [-9.0, 0.0, 2.5, 3.0, 1e9] {
            for second in [-1e9, -1.7, 0.0, 0.3, 4.0] {
                let [in_steps, in_effects, in_steps_again] =
                    [0, 1, 2].map(|it: usize| value(&expressions[it], [first, second]));
                assert!(
                    (in_steps - in_effects).abs() < 1e-9,
                    "{first} {second}: {in_steps} {in_effects}"
                );
                assert!(
                    (in_steps - in_steps_again).abs() < 1e-9,
                    "{first} {second}: {in_steps} {in_steps_again}"
                );
            }
        }
        let missing = |it: usize| value(&expressions[it], [f64::NAN, f64::NAN]);
        assert!((missing(0) - missing(1)).abs() < 1e-9);
        for (effect, column) in in_effects
            .predictor
            .design
            .effects()
            .zip(table.in_memory().features)
        {
            let present = column.iter().filter(|cell| !cell.is_nan());
            let values: Vec<f64> = present.map(|cell| effect.effect.value(*cell)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 1e-9, "{mean}");
        }
    }
}

#[test]
fn curves_are_checked_and_have_a_covariance_of_trends_and_effects() {
    for case in Case::all() {
        let (table, settings) = (case.table(), case.settings());
        let in_steps = fit(&settings, &steps(&table), &table, &table.all()).unwrap();
        let in_effects = with_effects(in_steps, &settings, &table, &table.all()).unwrap();
        assert_eq!(
            checked(&settings, &table, &in_effects),
            Ok(Check::Confirmed)
        );
        let covariance = uncertainty(&in_effects, &table, &table.all())
            .unwrap()
            .covariance
            .unwrap();
        let n_missing = usize::from(case.0["name"] != "few and many values");
        assert_eq!(covariance.nrows(), 1 + 2 * 2 + n_missing);
    }
}
