//! Tests of fits to the cells of pairs: the coefficients equal those of scikit-learn.

use dataset::passes::{Grid, Parts, Side, probability, profile};
use model::Form;

use super::curves::{lists, schema};
use super::*;
use crate::uncertainty;

/// A case of `pairs.json`, with the coefficients of scikit-learn.
struct Case(Value);

impl Case {
    fn all() -> Vec<Self> {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../testdata/pairs.json")).unwrap();
        assert_eq!(cases.len(), 2);
        cases.into_iter().map(Self).collect()
    }

    fn settings(&self) -> FitSettings {
        FitSettings {
            c: self.0["c"].as_f64().unwrap(),
        }
    }

    fn table(&self) -> Table {
        let labels: Vec<bool> = of_json(&self.0["classes"])
            .iter()
            .map(|label| *label > 0.5)
            .collect();
        table_of(&lists(&self.0["numbers"]), &labels)
    }

    fn design(&self, table: &Table) -> Design {
        let profile = profile(&schema(), table, &table.all()).unwrap();
        let steps = Design::of_steps(&schema(), &profile).unwrap();
        let mut knots = lists(&self.0["pair_knots"]).into_iter().enumerate();
        let mut side = || {
            let (feature, knots) = knots.next().unwrap();
            Side {
                feature,
                parts: Parts::Knots(knots),
            }
        };
        steps.with_cells(vec![Grid {
            first: side(),
            second: side(),
        }])
    }
}

#[test]
fn coefficients_of_cells_are_those_of_scikit_learn() {
    for case in Case::all() {
        let (name, table) = (&case.0["name"], case.table());
        let fitted = fit(&case.settings(), &case.design(&table), &table, &table.all()).unwrap();
        assert_coefficients_of(&case.0, &fitted.predictor);
        let expression = fitted.predictor.expression();
        for (row, wanted) in of_json(&case.0["probabilities"]).iter().enumerate() {
            let found =
                probability(expression.value(|feature| table.in_memory().features[feature][row]));
            assert!(
                (found - wanted).abs() < 1e-8,
                "{name}: {found} for {wanted}"
            );
        }
    }
}

#[test]
fn a_pair_predicts_what_its_fitted_cells_predict() {
    for case in Case::all() {
        let (table, settings) = (case.table(), case.settings());
        let in_steps = fit(&settings, &case.design(&table), &table, &table.all()).unwrap();
        let in_effects = with_effects(in_steps.clone(), &settings, &table, &table.all()).unwrap();
        assert_eq!(in_effects.predictor.form(), Form::Pairs);
        let in_steps_again = in_effects.predictor.for_fitting();
        let expressions =
            [&in_steps.predictor, &in_effects.predictor, &in_steps_again].map(|it| it.expression());
        for first in [-9.0, 0.0, 2.5, 3.0, 1e9] {
            for second in [-1e9, -1.7, 0.0, 0.3, 4.0] {
                let [in_steps, in_effects, in_steps_again] = [0, 1, 2]
                    .map(|it: usize| expressions[it].value(|feature| [first, second][feature]));
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
        assert_eq!(
            checked(&settings, &table, &in_effects),
            Ok(Check::Confirmed)
        );
        let missing = [0, 1].map(|it: usize| expressions[it].value(|_| f64::NAN));
        assert!((missing[0] - missing[1]).abs() < 1e-9);
        let covariance = uncertainty(&in_effects, &table, &table.all())
            .unwrap()
            .covariance
            .unwrap();
        let n_missing = usize::from(case.0["name"] == "missing cells");
        assert_eq!(covariance.nrows(), 1 + 2 * 2 + n_missing + 1);
    }
}
