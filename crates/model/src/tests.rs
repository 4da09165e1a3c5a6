use common::artifact::LoadError;
use common::ledger::{DataPosition, FileReference};
use common::manifest::SampleCell;
use common::schema::{CategoryRules, Feature, Kind, Labels, NumberRules, ValueRange};
use common::{Schema, digest, files};
use dataset::passes::{Curve, Grid, Profile, Side, profile};
use dataset::{Table, level_code};
use serde_json::json;

use super::*;

/// A model with this predictor, made without a fit. Its profile has 80 rows.
fn of(schema: Schema, profile: Profile, predictor: LinearPredictor) -> Model {
    let size = 1 + predictor.coefficients.len();
    let covariance = |row, column| if row == column { 0.5 } else { 0.125 };
    Model {
        program: "0.1.0".into(),
        schema,
        predictor: Predictor::Linear(predictor),
        client_agreement: None,
        covariance: Some(
            (0..size)
                .map(|row| (0..size).map(|column| covariance(row, column)).collect())
                .collect(),
        ),
        data: DataPosition {
            rows: 80,
            committed_bytes: 1000,
            digest: "ab".into(),
            files: vec![FileReference {
                folder: "in".into(),
                name: "a.csv".into(),
                sha256: "cd".into(),
            }],
        },
        rows: profile.rows,
        positives: profile.rows / 3,
        profile,
        c: 1.0,
        convergence: Convergence {
            iterations: 5,
            gradient_norm: 1e-12,
            loss: 30.5,
        },
        check: Check::Confirmed,
        threshold: Threshold::HALF,
        recalibration: None,
        forms: Vec::new(),
        windows: Vec::new(),
    }
}

/// A model whose features are two numbers.
fn model() -> Model {
    let schema = Schema {
        features: vec!["x".into(), "y".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..80_u32 {
        let label = row % 9 + row % 4 > 5;
        let values = [f64::from(row % 9), f64::from(row % 7)];
        table.push(b"client", &values, Some(label));
    }
    let predictor = LinearPredictor {
        intercept: -1.5,
        coefficients: vec![0.75, -0.1],
        imputed: vec![3.9, 2.9],
        design: Design::default(),
    };
    let profile = profile(&schema, &table, &table.labelled());
    of(schema, profile, predictor)
}

/// The linear predictor of a model.
fn linear(model: &mut Model) -> &mut LinearPredictor {
    let Predictor::Linear(linear) = &mut model.predictor;
    linear
}

fn covariance_of(model: &mut Model) -> &mut Vec<Vec<f64>> {
    model.covariance.as_mut().unwrap()
}

/// The error of decoding a model after `change` was applied to it.
fn refusal(change: impl FnOnce(&mut Model)) -> String {
    let mut changed = model();
    change(&mut changed);
    let bytes = changed.encode().unwrap();
    Model::decode(&bytes).unwrap_err().to_string()
}

#[test]
fn a_model_comes_back_as_it_was_written() {
    let model = model();
    let bytes = model.encode().unwrap();
    assert_eq!(Model::decode(&bytes).unwrap(), model);
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    assert_eq!(model().encode().unwrap(), model().encode().unwrap());
}

#[test]
fn a_truncated_or_changed_file_is_refused() {
    let bytes = model().encode().unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Model::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut changed = bytes.clone();
    let middle = bytes.len() / 2;
    changed[middle] ^= 1;
    assert!(matches!(
        Model::decode(&changed).unwrap_err(),
        LoadError::Damaged
    ));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for text in [
        refusal(|model| linear(model).intercept = f64::NAN),
        refusal(|model| linear(model).coefficients[1] = f64::INFINITY),
        refusal(|model| linear(model).imputed[0] = f64::NAN),
        refusal(|model| covariance_of(model)[2][1] = f64::NEG_INFINITY),
        refusal(|model| model.convergence.loss = f64::NAN),
        refusal(|model| model.profile.sample.columns[0][0] = f64::INFINITY),
    ] {
        assert!(text.contains("not finite"), "{text}");
    }
}

#[test]
fn parts_of_different_sizes_are_refused() {
    let coefficients = refusal(|model| {
        linear(model).coefficients.pop();
    });
    assert!(coefficients.contains("one per column"), "{coefficients}");
    let covariance = refusal(|model| {
        covariance_of(model)[1].pop();
    });
    assert!(covariance.contains("covariance"), "{covariance}");
    let profile = refusal(|model| {
        model.profile.sample.columns[1].pop();
    });
    assert!(profile.contains("profile"), "{profile}");
    let rows = refusal(|model| model.positives = 81);
    assert!(rows.contains("rows"), "{rows}");
}

#[test]
fn a_variance_below_zero_is_refused() {
    let text = refusal(|model| covariance_of(model)[2][2] = -1e-300);
    assert!(text.contains("variance below 0"), "{text}");
}

#[test]
fn a_model_without_covariance_is_whole() {
    let model = Model {
        covariance: None,
        ..model()
    };
    let bytes = model.encode().unwrap();
    assert_eq!(Model::decode(&bytes).unwrap(), model);
}

#[test]
fn a_missing_value_in_the_sample_is_no_flaw() {
    let mut model = model();
    model.profile.sample.columns[0][5] = f64::NAN;
    assert!(Model::decode(&model.encode().unwrap()).is_ok());
}

#[test]
fn an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trainedmodel.msgpack");
    let absent = Model::load(&path).unwrap_err();
    assert!(absent.to_string().contains("trainedmodel.msgpack"));
    files::replace(&path, b"no model").unwrap();
    let foreign = Model::load(&path).unwrap_err();
    assert!(foreign.to_string().contains("trainedmodel.msgpack"));
    for error in [absent, foreign] {
        assert_eq!(
            common::exit::classify(&error),
            common::exit::Exit::InputOutput
        );
    }
    let bytes = model().encode().unwrap();
    files::replace(&path, &bytes).unwrap();
    let (loaded, digest) = Model::load(&path).unwrap();
    assert_eq!((loaded, digest), (model(), digest::of_bytes(&bytes)));
}

#[test]
fn predictions_follow_the_coefficients_by_name() {
    let mut model = model();
    let LinearPredictor {
        intercept, imputed, ..
    } = linear(&mut model).clone();
    let named: Vec<(String, f64)> = model
        .coefficients()
        .map(|coefficient| (coefficient.name(), coefficient.value))
        .collect();
    let scorer = model.scorer();
    let log_odds = intercept + 2.0 * named[0].1 + 3.0 * named[1].1;
    assert_eq!((named[0].0.as_str(), named[1].0.as_str()), ("x", "y"));
    assert!((scorer.log_odds(&[2.0, 3.0]) - log_odds).abs() < 1e-14);
    assert!((scorer.probability(&[2.0, 3.0]) - 1.0 / (1.0 + (-log_odds).exp())).abs() < 1e-15);
    let (first, second) = ([f64::NAN, imputed[1]], [imputed[0], f64::NAN]);
    assert_eq!(scorer.log_odds(&first), scorer.log_odds(&second));
}

#[test]
fn base_and_contributions_add_up_to_the_log_odds() {
    let model = of_a_category();
    let scorer = model.scorer();
    for row in [
        [2.0, level_code("basic")],
        [-4.0, level_code("never seen")],
        [f64::NAN, f64::NAN],
    ] {
        let contributions = scorer.contributions(&row);
        assert_eq!(contributions.len(), 2);
        let sum = scorer.base() + contributions.iter().sum::<f64>();
        assert!((sum - scorer.log_odds(&row)).abs() < 1e-12, "{row:?}");
    }
    assert_eq!(scorer.contributions(&[f64::NAN; 2]), [0.0, 0.0]);
}

#[test]
fn rows_together_have_the_probabilities_of_each() {
    let model = of_a_category();
    let scorer = model.scorer();
    let levels = [level_code("basic"), level_code("never seen"), f64::NAN];
    for n_rows in [0, 1, 64, 65, 200] {
        let row = |row: usize| [row as f64 * 0.37 - 30.0, levels[row % 3]];
        let rows: Vec<[f64; 2]> = (0..n_rows).map(row).collect();
        let found: Vec<f64> = scorer.probabilities(rows.as_flattened()).collect();
        let wanted: Vec<f64> = rows.iter().map(|row| scorer.probability(row)).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn levels_without_a_coefficient_are_counted_and_missing_ones_are_not() {
    let model = of_a_category();
    let scorer = model.scorer();
    let counts = [level_code("basic"), level_code("rare"), f64::NAN]
        .map(|cell| scorer.unseen_levels(&[1.0, cell]));
    assert_eq!(counts, [0, 1, 0]);
}

#[test]
fn only_features_and_target_have_to_fit() {
    let model = model();
    let mut schema = model.schema.clone();
    schema.id = Some("client".into());
    schema.features[0].kind = Kind::Number(NumberRules {
        range: ValueRange::new(Some(0.0), None).unwrap(),
        ..NumberRules::default()
    });
    assert!(model.fits_schema(&schema));
    let mut of_categories = schema.clone();
    of_categories.features[0].kind = Kind::Category(CategoryRules::default());
    assert!(!model.fits_schema(&of_categories));
    let labels = |positive: &str, negative: &str| {
        Labels::new(vec![positive.into()], vec![negative.into()]).unwrap()
    };
    let mut of_texts = model.clone();
    of_texts.schema.labels = labels("Yes", "No");
    schema.labels = labels("Gone", "No");
    assert!(of_texts.fits_schema(&schema));
    schema.labels = labels("No", "Yes");
    assert!(!of_texts.fits_schema(&schema), "the labels are swapped");
    schema.features.reverse();
    assert!(!model.fits_schema(&schema));
}

/// A model whose features are a number and a category.
fn of_a_category() -> Model {
    let plan = Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    };
    let schema = Schema {
        features: vec!["x".into(), plan],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..120_u32 {
        let level = match row % 11 {
            0 if row < 99 => f64::NAN,
            1..6 => table.add_level(1, "basic"),
            6..10 => table.add_level(1, "gold\u{7}"),
            _ if row < 60 => table.add_level(1, "rare"),
            _ => table.add_level(1, "basic"),
        };
        let label = row % 9 + row % 4 > 5;
        table.push(b"client", &[f64::from(row % 9), level], Some(label));
    }
    let profile = profile(&schema, &table, &table.labelled());
    let predictor = LinearPredictor {
        intercept: -1.25,
        coefficients: vec![0.5, 0.75, -0.5, -0.125],
        imputed: vec![4.0, 0.5, 0.375, 0.125],
        design: Design::choose(&schema, &profile),
    };
    of(schema, profile, predictor)
}

#[test]
fn a_model_of_a_category_comes_back_and_names_its_levels() {
    let model = of_a_category();
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
    let refusal = |change: &dyn Fn(&mut Model)| {
        let mut changed = of_a_category();
        change(&mut changed);
        Model::decode(&changed.encode().unwrap())
            .unwrap_err()
            .to_string()
    };
    let numbers = refusal(&|model| linear(model).design = Design::default());
    assert!(numbers.contains("its design is not"), "{numbers}");
    let short = refusal(&|model| linear(model).coefficients.truncate(1));
    assert!(short.contains("coefficients"), "{short}");
    let kind = refusal(&|model| model.profile.columns.swap(0, 1));
    assert!(kind.contains("another kind"), "{kind}");
    let counts = refusal(&|model| model.profile.columns[1].missing = u64::MAX);
    assert!(counts.contains("contradict"), "{counts}");
    let schema = refusal(&|model| model.schema.features[1] = "plan".into());
    assert!(schema.contains("its design is not"), "{schema}");
}

#[test]
fn missing_cells_of_a_category_have_a_coefficient_and_a_contribution() {
    let mut model = of_a_category();
    let mut table = Table::new(&model.schema);
    for row in 0..40_u32 {
        let level = match row % 4 {
            0 => f64::NAN,
            _ => table.add_level(1, "basic"),
        };
        table.push(b"client", &[f64::from(row % 9), level], Some(row % 3 == 0));
    }
    let profile = profile(&model.schema, &table, &table.labelled());
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

/// A model of the form `curves`, whose only number has a curve and missing cells.
fn of_a_curve() -> Model {
    let mut table = Table::new(&schema_of_x());
    for row in 0..60_u32 {
        let x = match row % 5 {
            0 => f64::NAN,
            _ => f64::from(row % 7),
        };
        table.push(b"client", &[x], Some(row % 3 == 0));
    }
    let profile = profile(&schema_of_x(), &table, &table.labelled());
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
    let mut model = of(schema_of_x(), profile, predictor);
    (model.rows, model.positives) = (60, 20);
    model
}

fn schema_of_x() -> Schema {
    Schema {
        features: vec!["x".into()],
        ..Schema::default()
    }
}

#[test]
fn a_model_of_a_curve_comes_back_and_its_contributions_add_up() {
    let back = Model::decode(&of_a_curve().encode().unwrap()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", of_a_curve()));
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
fn a_curve_that_is_none_is_refused() {
    let refusal = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut written = serde_json::to_value(of_a_curve().predictor).unwrap();
        change(&mut written["design"][0]);
        let mut model = of_a_curve();
        model.predictor = serde_json::from_value(written).unwrap();
        model.flaw()
    };
    assert_eq!(refusal(&|_| {}), None);
    let flaw = Some("its design has an invalid curve");
    assert_eq!(refusal(&|it| it["effect"]["knots"][0] = json!(9.0)), flaw);
    assert_eq!(refusal(&|it| it["trend"]["knots"] = json!([])), flaw);
    assert_eq!(refusal(&|it| it["effect"]["values"] = json!([1.0])), flaw);
    let place = refusal(&|it| it["feature"] = json!(1));
    assert_eq!(place, Some("its design is not that of its columns"));
}

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_curve_is_frozen() {
    let written = serde_json::to_value(of_a_curve().predictor).unwrap();
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

/// A model of the form `pairs`: a number with a curve, a category, and both together.
fn of_a_pair() -> Model {
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
    let profile = profile(&schema, &table, &table.labelled());
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
    let mut model = of(schema, profile, predictor);
    (model.rows, model.positives) = (60, 20);
    model
}

#[test]
fn a_model_of_a_pair_comes_back_and_its_contributions_add_up() {
    let back = Model::decode(&of_a_pair().encode().unwrap()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", of_a_pair()));
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
    // Knots are at 0, 2, 4 and 6, and each has a cell for each of three levels.
    let of_pair = |x: f64, plan: &str| scorer.contributions(&[x, dataset::level_code(plan)])[2];
    assert_eq!(of_pair(2.0, "gold"), 4.0 / 8.0 - 0.625);
    assert_eq!(of_pair(3.0, "gold"), 5.5 / 8.0 - 0.625);
    assert_eq!(of_pair(3.0, "new"), -0.625);
    assert_eq!(of_pair(f64::NAN, "gold"), 0.0);
}

#[test]
fn a_pair_that_is_none_is_refused() {
    let refusal = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut written = serde_json::to_value(of_a_pair().predictor).unwrap();
        change(&mut written["design"][2]["surface"]);
        let mut model = of_a_pair();
        model.predictor = serde_json::from_value(written).unwrap();
        model.flaw()
    };
    assert_eq!(refusal(&|_| {}), None);
    let flaw = Some("its design has an invalid pair");
    assert_eq!(refusal(&|it| it["values"] = json!([1.0])), flaw);
    assert_eq!(
        refusal(&|it| it["grid"]["first"]["feature"] = json!(1)),
        flaw
    );
    assert_eq!(
        refusal(&|it| it["grid"]["second"]["feature"] = json!(7)),
        flaw
    );
    let knots = json!({"knots": [1.0, 1.0]});
    assert_eq!(
        refusal(&|it| it["grid"]["first"]["parts"] = knots.clone()),
        flaw
    );
}

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_pair_is_frozen() {
    let written = serde_json::to_value(of_a_pair().predictor).unwrap();
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

/// Programs of other versions must be able to read this form.
#[test]
fn the_written_form_of_a_category_is_frozen() {
    let model = of_a_category();
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
