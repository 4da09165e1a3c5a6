//! Tests of models with a curve.

use super::*;

/// A model of the form `curves`, whose only number has a curve and missing cells.
fn model_with_curve() -> Model {
    let mut table = Table::new(&schema_of_x());
    for row in 0..60_u32 {
        let x = match row % 5 {
            0 => f64::NAN,
            _ => f64::from(row % 7),
        };
        table.push(b"client", &[x], Some(row % 3 == 0));
    }
    let profile = profile(&schema_of_x(), &table, &table.labelled()).unwrap();
    let steps = Design::of_steps(&schema_of_x(), &profile).unwrap();
    let hill = |knots: &[f64]| {
        let hill = knots.iter().map(|knot| 2.0 - (knot - 3.0).abs());
        (Curve::new(knots.to_vec(), hill.collect()), false)
    };
    let design = steps.with_effects(hill, |_| unreachable!("there are no pairs"));
    let predictor = LinearPredictor {
        intercept: -1.0,
        coefficients: vec![0.0, 1.0, 0.75],
        imputed: vec![0.5, 0.0, 0.2],
        design,
    };
    let mut model = model_of(schema_of_x(), profile, predictor);
    (model.rows, model.positives) = (60, 20);
    model
}

#[test]
fn a_stored_model_with_a_curve_is_loaded_again_and_its_contributions_add_up() {
    let back = Model::decode(&model_with_curve().encode().unwrap()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", model_with_curve()));
    let names: Vec<String> = back.coefficients().map(|it| it.name()).collect();
    assert_eq!(names, ["x (trend)", "x (curve)", "x (missing)"]);
    assert_eq!(back.predictor.form(), Form::Curves);
    let watched = [Watch::BothWays, Watch::Never, Watch::BothWays];
    assert_eq!(back.predictor.watched(), watched);
    let scorer = back.scorer();
    for (x, log_odds) in [(3.0, 1.0), (3.5, 0.5), (-9.0, -2.0), (99.0, -2.0)] {
        assert_eq!(scorer.log_odds(&[x]), log_odds);
        let sum = scorer.base() + scorer.contributions(&[x])[0];
        assert!((sum - log_odds).abs() < 1e-12, "{x}");
    }
    assert_eq!(scorer.log_odds(&[f64::NAN]), -0.25);
    let sum = scorer.base() + scorer.contributions(&[f64::NAN])[0];
    assert!((sum + 0.25).abs() < 1e-12);
}

#[test]
fn an_invalid_curve_is_rejected() {
    let flaw_after = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut written = serde_json::to_value(model_with_curve().predictor).unwrap();
        change(&mut written["design"][0]);
        let mut model = model_with_curve();
        model.predictor = serde_json::from_value(written).unwrap();
        model.flaw()
    };
    assert_eq!(flaw_after(&|_| {}), None);
    let flaw = Some("its design has an invalid curve");
    assert_eq!(
        flaw_after(&|it| it["effect"]["knots"][0] = json!(9.0)),
        flaw
    );
    assert_eq!(flaw_after(&|it| it["trend"]["knots"] = json!([])), flaw);
    assert_eq!(
        flaw_after(&|it| it["effect"]["values"] = json!([1.0])),
        flaw
    );
    let place = flaw_after(&|it| it["feature"] = json!(1));
    assert_eq!(place, Some("its design does not match its columns"));
}

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_curve_is_frozen() {
    let written = serde_json::to_value(model_with_curve().predictor).unwrap();
    let knots = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let shares = knots.map(|knot| knot / 6.0);
    assert_eq!(
        written["design"],
        json!([{
            "feature": 0,
            "trend": {"knots": knots, "values": shares},
            "effect": {"knots": knots, "values": [-1.0, 0.0, 1.0, 2.0, 1.0, 0.0, -1.0]},
            "is_watched": false,
            "missing": true,
        }])
    );
}
