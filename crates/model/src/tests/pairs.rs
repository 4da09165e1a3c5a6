//! Tests of models with a pair of features.

use super::*;

/// A model of the form `pairs`: a number with a curve, a category, and the pair of these two features.
fn model_with_pair() -> Model {
    let mut schema = schema_of_x();
    schema.features.push(Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    });
    let mut table = Table::new(&schema);
    for row in 0..60_u32 {
        let x = match row % 5 {
            0 => f64::NAN,
            _ => f64::from(row % 7),
        };
        let plan = table.add_level(1, ["basic", "gold", "rare"][row as usize % 3]);
        table.push(b"client", &[x, plan], Some(row % 3 == 0));
    }
    let profile = profile(&schema, &table, &table.labelled()).unwrap();
    let steps = Design::of_steps(&schema, &profile).unwrap();
    let mut sides = Design::parts(&schema, &profile).into_iter().enumerate();
    let mut side = || {
        let (feature, parts) = sides.next().unwrap();
        Side {
            feature,
            parts: parts.unwrap(),
        }
    };
    let wide = steps.with_cells(vec![Grid {
        first: side(),
        second: side(),
    }]);
    let flat = |knots: &[f64]| (Curve::new(knots.to_vec(), vec![0.0; knots.len()]), false);
    let cells = |grid: &Grid| {
        (
            (0..grid.len()).map(|cell| cell as f64 / 8.0).collect(),
            true,
        )
    };
    let predictor = LinearPredictor {
        intercept: -1.0,
        coefficients: vec![0.0, 1.0, 0.75, 0.5, 0.25, -0.25, 0.0, 1.0],
        imputed: vec![0.5, 0.0, 0.2, 0.3, 0.3, 0.3, 0.0, 0.625],
        design: wide.with_effects(flat, cells),
    };
    let mut model = model_of(schema, profile, predictor);
    (model.rows, model.positives) = (60, 20);
    model
}

#[test]
fn a_stored_model_with_a_pair_is_loaded_again_and_its_contributions_add_up() {
    let back = Model::decode(&model_with_pair().encode().unwrap()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", model_with_pair()));
    assert_eq!(back.predictor.form(), Form::Pairs);
    assert_eq!(back.pair_names(), ["x × plan"]);
    assert_eq!(back.predictor.watched().last(), Some(&Watch::BothWays));
    let scorer = back.scorer();
    let rows = [
        (3.0, "gold"),
        (2.5, "basic"),
        (-9.0, "rare"),
        (f64::NAN, "gold"),
        (3.0, "new"),
    ];
    for (x, plan) in rows {
        let row = [x, dataset::level_code(plan)];
        let contributions = scorer.contributions(&row);
        assert_eq!(contributions.len(), 3);
        let sum = scorer.base() + contributions.iter().sum::<f64>();
        assert!((sum - scorer.log_odds(&row)).abs() < 1e-12, "{x} {plan}");
    }
    // The knots of x are 0, 2, 4 and 6. There is a cell for each knot and each of the three levels.
    let of_pair = |x: f64, plan: &str| scorer.contributions(&[x, dataset::level_code(plan)])[2];
    assert_eq!(of_pair(2.0, "gold"), 4.0 / 8.0 - 0.625);
    assert_eq!(of_pair(3.0, "gold"), 5.5 / 8.0 - 0.625);
    assert_eq!(of_pair(3.0, "new"), -0.625);
    assert_eq!(of_pair(f64::NAN, "gold"), 0.0);
}

#[test]
fn an_invalid_pair_is_rejected() {
    let flaw_after = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut written = serde_json::to_value(model_with_pair().predictor).unwrap();
        change(&mut written["design"][2]["surface"]);
        let mut model = model_with_pair();
        model.predictor = serde_json::from_value(written).unwrap();
        model.flaw()
    };
    assert_eq!(flaw_after(&|_| {}), None);
    let flaw = Some("its design has an invalid pair");
    assert_eq!(flaw_after(&|it| it["values"] = json!([1.0])), flaw);
    assert_eq!(
        flaw_after(&|it| it["grid"]["first"]["feature"] = json!(1)),
        flaw
    );
    assert_eq!(
        flaw_after(&|it| it["grid"]["second"]["feature"] = json!(7)),
        flaw
    );
    let knots = json!({"knots": [1.0, 1.0]});
    assert_eq!(
        flaw_after(&|it| it["grid"]["first"]["parts"] = knots.clone()),
        flaw
    );
}

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_pair_is_frozen() {
    let written = serde_json::to_value(model_with_pair().predictor).unwrap();
    let cells: Vec<f64> = (0..12).map(|cell| f64::from(cell) / 8.0).collect();
    assert_eq!(
        written["design"][2],
        json!({
            "surface": {
                "grid": {
                    "first": {"feature": 0, "parts": {"knots": [0.0, 2.0, 4.0, 6.0]}},
                    "second": {"feature": 1, "parts": {"levels": ["basic", "gold", "rare"]}},
                },
                "values": cells,
            },
            "is_watched": true,
        })
    );
}
