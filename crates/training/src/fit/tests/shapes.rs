//! Tests of fits whose curves and lines may go only one way: the coefficients equal those of SciPy.

use common::schema::{EffectShape, NumberRules};
use dataset::passes::profile;
use model::{Form, Predictor, Watch};

use super::curves::lists;
use super::*;

/// A case of `shapes.json`, with the coefficients of SciPy.
struct Case(Value);

impl Case {
    fn all() -> Vec<Self> {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../testdata/shapes.json")).unwrap();
        assert_eq!(cases.len(), 8);
        cases.into_iter().map(Self).collect()
    }

    fn settings(&self) -> FitSettings {
        FitSettings {
            c: self.0["c"].as_f64().unwrap(),
        }
    }

    fn schema(&self) -> Schema {
        let shapes = self.0["shapes"].as_array().unwrap().iter();
        let features = shapes.enumerate().map(|(place, shape)| {
            let effect: EffectShape = serde_json::from_value(shape.clone()).unwrap();
            shaped(&format!("x{place}"), effect)
        });
        Schema {
            features: features.collect(),
            ..Schema::default()
        }
    }

    fn table(&self) -> Table {
        let labels = of_json(&self.0["classes"]);
        let labels: Vec<bool> = labels.iter().map(|label| *label > 0.5).collect();
        table_of(&lists(&self.0["numbers"]), &labels)
    }

    fn design(&self, table: &Table) -> Design {
        let (schema, profile) = (
            self.schema(),
            profile(&self.schema(), table, &table.all()).unwrap(),
        );
        match self.0["form"].as_str() {
            Some("curves") => Design::of_steps(&schema, &profile).unwrap(),
            _ => Design::choose(&schema, &profile),
        }
    }
}

/// A number whose effect has a shape.
pub(crate) fn shaped(name: &str, effect: EffectShape) -> Feature {
    Feature {
        name: name.into(),
        kind: Kind::Number(NumberRules {
            effect,
            ..NumberRules::default()
        }),
    }
}

#[test]
fn coefficients_that_may_have_one_sign_are_those_of_scipy() {
    for case in Case::all() {
        let table = case.table();
        let design = case.design(&table);
        let fitted = fit(&case.settings(), &design, &table, &table.all()).unwrap();
        assert_coefficients_of(&case.0, &fitted.predictor);
        assert!(fitted.gradient_norm < 1e-6, "{}", fitted.gradient_norm);
    }
}

#[test]
fn kept_curves_go_one_way_and_are_confirmed() {
    for case in Case::all() {
        let (name, table) = (&case.0["name"], case.table());
        let settings = case.settings();
        let in_steps = fit(&settings, &case.design(&table), &table, &table.all()).unwrap();
        let in_effects = with_effects(in_steps, &settings, &table, &table.all()).unwrap();
        let checked = checked(&settings, &table, &in_effects);
        assert_eq!(checked, Ok(Check::Confirmed), "{name}");
        let shapes: Vec<EffectShape> = serde_json::from_value(case.0["shapes"].clone()).unwrap();
        for effect in in_effects.predictor.design.effects() {
            let shape = shapes[effect.feature];
            assert_eq!(effect.shape, shape);
            let mut steps = effect.effect.values().windows(2);
            assert!(steps.all(|pair| shape.allows(pair[1] - pair[0])), "{name}");
        }
        let in_steps_again = in_effects.predictor.for_fitting();
        let again = fit_starting_at(&settings, &in_steps_again, &table, &table.all()).unwrap();
        let expressions = [
            in_effects.predictor.expression(),
            again.predictor.expression(),
        ];
        for row in 0..50 {
            let cells = [0, 1].map(|feature: usize| table.in_memory().features[feature][row]);
            let [in_effects, again] = expressions
                .each_ref()
                .map(|it| it.value(|feature| cells[feature]));
            assert!(
                (in_effects - again).abs() < 1e-6,
                "{name}: {in_effects} {again}"
            );
        }
        let is_curved = in_effects.predictor.form() == Form::Curves;
        assert_eq!(is_curved, case.0["form"] == "curves");
    }
}

#[test]
fn what_a_shape_holds_at_zero_is_watched_one_way() {
    let watched = |case: &Case| {
        let (table, settings) = (case.table(), case.settings());
        let in_steps = fit(&settings, &case.design(&table), &table, &table.all()).unwrap();
        with_effects(in_steps, &settings, &table, &table.all())
            .unwrap()
            .predictor
    };
    let all = Case::all();
    let mut lines = all.iter().filter(|case| case.0["form"] == "linear");
    let [free, held] = [0, 0].map(|_| Predictor::Linear(watched(lines.next().unwrap())).watched());
    assert_eq!(free, [Watch::BothWays; 2]);
    assert_eq!(held, [Watch::IfLarger, Watch::IfSmaller]);
    let curves = all.iter().find(|case| case.0["form"] == "curves").unwrap();
    let watched = Predictor::Linear(watched(curves)).watched();
    // A trend and an effect for each number. Both curves are flat in a part.
    let one_way = [watched[0], watched[2]];
    assert_eq!(one_way, [Watch::IfLarger, Watch::IfSmaller]);
    assert_eq!([watched[1], watched[3]], [Watch::BothWays; 2]);
}

#[test]
fn a_wrong_zero_is_found_by_the_check() {
    let all = Case::all();
    let case = all.iter().find(|case| case.0["form"] == "linear").unwrap();
    let (table, settings) = (case.table(), case.settings());
    let fitted = fit(&settings, &case.design(&table), &table, &table.all()).unwrap();
    let mut wrong = with_effects(fitted, &settings, &table, &table.all()).unwrap();
    // The shape allows the fitted sign, so 0 is not the optimum.
    wrong.predictor.coefficients[1] = 0.0;
    assert!(checked(&settings, &table, &wrong).is_err());
}
