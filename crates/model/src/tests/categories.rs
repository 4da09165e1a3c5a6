//! Tests of models with a category.

use super::*;

#[test]
fn a_stored_model_with_a_category_is_loaded_again_and_names_its_levels() {
    let model = model_with_category();
    let bytes = model.encode().unwrap();
    let back = Model::decode(&bytes).unwrap();
    assert_eq!(format!("{back:?}"), format!("{model:?}"));
    let names: Vec<String> = model.coefficients().map(|it| it.name()).collect();
    assert_eq!(
        names,
        ["x", "plan = basic", "plan = gold\\x07", "plan (any other)"]
    );
    let row = [2.0, level_code("rare")];
    let writer = model.row_writer();
    let written = writer.written(&row).unwrap();
    assert_eq!(written[1], Some(SampleCell::Level("rare".into())));
    assert_eq!(model.read_row(&written).unwrap(), row);
    assert_eq!(writer.written(&[2.0, level_code("never seen")]), None);
    assert_eq!(model.read_row(&written[..1]), None);
    assert_eq!(model.read_row(&[written[1].clone(), None]), None);
    assert_eq!(
        model.scorer().log_odds(&[2.0, level_code("never seen")]),
        model.scorer().log_odds(&row)
    );
}

#[test]
fn a_design_or_profile_of_other_columns_is_refused() {
    let decoding_error = |change: &dyn Fn(&mut Model)| {
        let mut changed = model_with_category();
        change(&mut changed);
        Model::decode(&changed.encode().unwrap())
            .unwrap_err()
            .to_string()
    };
    let numbers = decoding_error(&|model| linear(model).design = Design::default());
    assert!(numbers.contains("its design does not match"), "{numbers}");
    let short = decoding_error(&|model| linear(model).coefficients.truncate(1));
    assert!(short.contains("one coefficient per column"), "{short}");
    let kind = decoding_error(&|model| model.profile.columns.swap(0, 1));
    assert!(kind.contains("another kind"), "{kind}");
    let counts = decoding_error(&|model| model.profile.columns[1].missing = u64::MAX);
    assert!(counts.contains("do not add up"), "{counts}");
    let schema = decoding_error(&|model| model.schema.features[1] = "plan".into());
    assert!(schema.contains("its design does not match"), "{schema}");
}

#[test]
fn missing_cells_of_a_category_have_a_coefficient_and_a_contribution() {
    let mut model = model_with_category();
    let mut table = Table::new(&model.schema);
    for row in 0..40_u32 {
        let level = match row % 4 {
            0 => f64::NAN,
            _ => table.add_level(1, "basic"),
        };
        table.push(b"client", &[f64::from(row % 9), level], Some(row % 3 == 0));
    }
    let profile = profile(&model.schema, &table, &table.labelled()).unwrap();
    let design = Design::choose(&model.schema, &profile);
    model.predictor = Predictor::Linear(LinearPredictor {
        intercept: -1.0,
        coefficients: vec![0.5, 0.75, 0.25, 2.0],
        imputed: vec![4.0, 0.75, 0.0, 0.25],
        design,
    });
    (model.profile, model.covariance) = (profile, None);
    (model.rows, model.positives) = (40, 14);
    let back = Model::decode(&model.encode().unwrap()).unwrap();
    let names: Vec<String> = back.coefficients().map(|it| it.name()).collect();
    assert_eq!(
        names,
        ["x", "plan = basic", "plan (any other)", "plan (missing)"]
    );
    let scorer = back.scorer();
    let missing = [4.0, f64::NAN];
    assert_eq!(scorer.log_odds(&missing), -1.0 + 2.0 + 2.0);
    assert_eq!(scorer.base(), -1.0 + 2.0 + 0.75 * 0.75 + 0.5);
    let own = -0.75 * 0.75 + 2.0 * 0.75;
    assert_eq!(scorer.contributions(&missing), [0.0, own]);
    assert_eq!(scorer.unseen_levels(&missing), 0);
    let written = serde_json::to_value(&back.predictor).unwrap();
    assert_eq!(
        written["design"],
        json!([{"feature": 1, "levels": ["basic"], "missing": true}])
    );
}

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_category_is_frozen() {
    let model = model_with_category();
    let column = serde_json::to_value(&model.profile.columns[1]).unwrap();
    assert_eq!(
        column,
        json!({"name": "plan", "missing": 9, "levels": {
            "levels": [
                {"level": "basic", "rows": 62},
                {"level": "gold\u{7}", "rows": 44},
                {"level": "rare", "rows": 5},
            ],
            "others": 0,
        }})
    );
    let predictor = serde_json::to_value(&model.predictor).unwrap();
    assert_eq!(
        predictor["design"],
        json!([{"feature": 1, "levels": ["basic", "gold\u{7}"]}])
    );
    let schema = serde_json::to_value(&model.schema).unwrap();
    assert_eq!(
        schema["features"],
        json!(["x", {"name": "plan", "kind": "category"}])
    );
    // A predictor without categories is written as before categories were introduced.
    let numbers = serde_json::to_value(&self::model().predictor).unwrap();
    assert_eq!(numbers.get("design"), None);
}
