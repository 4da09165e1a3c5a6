use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

use super::*;
use crate::draws::Draws;
use crate::statistics::ScoreTestMethod;

const ALPHA: f64 = 0.005;

/// Distribution of the generated clients.
#[derive(Clone, Copy)]
struct World {
    /// Shift of both features.
    shift: f64,
    /// Coefficients of the log-odds of leaving: the intercept, then both features.
    weights: [f64; 3],
}

const SAME: World = World {
    shift: 0.0,
    weights: [-0.5, 1.2, -0.8],
};

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "schema":{"features":["x","y"]}}"#;
    Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
}

fn clients(world: World, seed: u64, rows: usize) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config().schema);
    for row in 0..rows {
        let (x, y) = (draws.normal() + world.shift, draws.normal() + world.shift);
        let [intercept, first, second] = world.weights;
        let log_odds = intercept + first * x + second * y;
        let left = draws.uniform() < 1.0 / (1.0 + (-log_odds).exp());
        table.push(row.to_string().as_bytes(), &[x, y], Some(left));
    }
    table
}

fn model() -> Model {
    model_of(3000)
}

fn model_of(rows: usize) -> Model {
    let table = clients(SAME, 1, rows);
    training::train(&config(), &table, 0..table.rows(), DataPosition::default()).unwrap()
}

fn verdicts_on(model: &Model, table: &Table, before: &CumulativeScore) -> Verdicts {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, before, ALPHA).unwrap()
}

fn verdicts_alone(model: &Model, table: &Table) -> Verdicts {
    verdicts_on(model, table, &CumulativeScore::default())
}

fn feature_verdicts(found: &Verdicts) -> Vec<Verdict> {
    found
        .features
        .iter()
        .map(|feature| feature.verdict)
        .collect()
}

#[test]
fn without_drift_all_verdicts_are_ok() {
    let found = verdicts_alone(&model(), &clients(SAME, 2, 500));
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert_eq!((found.rows, found.model.rows), (500, 500));
    assert_eq!(feature_verdicts(&found), [Verdict::Ok, Verdict::Ok]);
    let sentence = found.model.to_string();
    assert!(
        sentence
            .starts_with("the model still fits 500 new rows with a label (no model drift, p = "),
        "{sentence}"
    );
    assert_eq!(
        found.feature_sentences(),
        ["no feature drift: new clients resemble the training clients"]
    );
}

#[test]
fn a_changed_coefficient_is_model_drift_without_feature_drift() {
    let gone = World {
        weights: [-0.5, 0.0, -0.8],
        ..SAME
    };
    let found = verdicts_alone(&model(), &clients(gone, 3, 300));
    assert_eq!(
        (found.verdict, found.model.verdict),
        (Verdict::Drift, Verdict::Drift)
    );
    assert_eq!(feature_verdicts(&found), [Verdict::Ok, Verdict::Ok]);
    let sentence = found.model.to_string();
    assert!(
        sentence.starts_with("the model no longer fits 300 new rows with a label (model drift, p")
            && sentence.ends_with("): more x now means a lower risk than the model says"),
        "{sentence}"
    );
}

#[test]
fn feature_drift_alone_is_no_model_drift() {
    let moved = World { shift: 0.5, ..SAME };
    let found = verdicts_alone(&model(), &clients(moved, 4, 500));
    assert_eq!(
        (found.verdict, found.model.verdict),
        (Verdict::Drift, Verdict::Ok)
    );
    assert_eq!(found.joint.as_ref().unwrap().verdict, Verdict::Drift);
    // Each change is said once: the joint test found the same changes of location.
    let joint = found.joint.as_ref().unwrap().changes_in_words(true);
    assert_eq!(joint, ["the location of x, y"]);
    let sentences = found.feature_sentences();
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    for (sentence, name) in sentences.iter().zip(["x", "y"]) {
        let begins = format!("the distribution of {name} has moved by 0.");
        assert!(sentence.starts_with(&begins), "{sentences:?}");
    }
}

#[test]
fn what_no_feature_shows_by_itself_is_reported_for_all_together() {
    let moved = World { shift: 0.5, ..SAME };
    let mut found = verdicts_alone(&model(), &clients(moved, 4, 500));
    found.features[1].distribution.verdict = Verdict::Ok;
    let sentences = found.feature_sentences();
    assert!(
        sentences[0].starts_with("joint feature drift: the location of y (p = 0.000"),
        "{sentences:?}"
    );
    assert!(
        sentences[1].starts_with("the distribution of x has moved by 0."),
        "{sentences:?}"
    );
    assert_eq!(sentences.len(), 2, "{sentences:?}");
}

#[test]
fn a_spread_and_a_relation_are_reported_once() {
    let mut table = clients(SAME, 4, 1_000);
    for value in &mut table.in_memory_mut().features[0] {
        *value *= 1.6;
    }
    let found = verdicts_alone(&model(), &table);
    let joint = found.joint.as_ref().unwrap();
    assert!(
        joint.changes_in_words(true)[0].starts_with("the spread of x"),
        "{joint:#?}"
    );
    let sentences = found.feature_sentences();
    let of_spread: Vec<&String> = sentences
        .iter()
        .filter(|it| it.starts_with("the distribution of x") || it.contains("the spread of x"))
        .collect();
    assert_eq!(of_spread.len(), 1, "{sentences:?}");
    assert!(
        of_spread[0].starts_with("the distribution of x has moved: its spread is about 1."),
        "{sentences:?}"
    );
    let of_page = found.sentences_of_feature("x");
    assert_eq!(&of_page[0], of_spread[0]);
}

#[test]
fn a_change_that_is_too_small_to_matter_is_mentioned() {
    let little = World {
        shift: 0.06,
        ..SAME
    };
    let found = verdicts_alone(&model(), &clients(little, 4, 20_000));
    let joint = found.joint.as_ref().unwrap();
    assert!(joint.is_significant_but_small(), "{joint:#?}");
    let sentences = found.feature_sentences();
    assert!(
        sentences[0].starts_with("no feature drift: ")
            && sentences[0].ends_with(" moved, but too little to matter"),
        "{sentences:?}"
    );
}

#[test]
fn the_sums_find_drift_that_no_single_batch_shows() {
    let a_little = World {
        weights: [-0.5, 0.95, -0.8],
        ..SAME
    };
    let model = model_of(24_000);
    let mut sums = CumulativeScore::default();
    let mut is_found = false;
    for batch in 0..40 {
        let found = verdicts_on(&model, &clients(a_little, 100 + batch, 100), &sums);
        let single = found.model.single.as_ref().unwrap();
        assert!(!single.is_drift(), "batch {batch} shows the drift alone");
        let cumulative = found.model.cumulative.as_ref().unwrap();
        is_found |= cumulative.is_drift();
        found.add_to(&mut sums).unwrap();
    }
    assert_eq!((sums.looks, sums.terms.unwrap().rows), (40, 4000));
    assert!(is_found);
}

#[test]
fn too_few_rows_are_insufficient_data_until_more_come() {
    let model = model();
    let mut sums = CumulativeScore::default();
    let mut verdicts_after = |table: &Table| {
        let found = verdicts_on(&model, table, &sums);
        found.add_to(&mut sums).unwrap();
        (found, sums.clone())
    };
    let (few, _) = verdicts_after(&clients(SAME, 5, 5));
    assert_eq!(few.model.verdict, Verdict::InsufficientData);
    assert_eq!(
        few.model.to_string(),
        "cannot test for model drift yet: 5 labelled rows, at least 6 are needed"
    );
    let (more, _) = verdicts_after(&clients(SAME, 6, 60));
    assert_eq!(more.model.verdict, Verdict::Ok);
    assert_eq!(
        (more.model.cumulative, more.model.recent),
        (None, None),
        "65 rows are too few to look at sums"
    );
    let (enough, sums) = verdicts_after(&clients(SAME, 8, 85));
    assert_eq!(enough.model.cumulative.unwrap().rows, 150);
    assert_eq!(sums.looks, 1);
    let mut unlabelled = clients(SAME, 7, 200);
    unlabelled.in_memory_mut().labels.fill(None);
    let (found, after) = verdicts_after(&unlabelled);
    assert_eq!(found.model.verdict, Verdict::InsufficientData);
    assert_eq!((found.verdict, after), (Verdict::Ok, sums));
}

#[test]
fn the_last_batches_find_drift_that_the_sums_since_the_deployment_dilute() {
    let changed = World {
        weights: [-0.5, 0.7, -0.8],
        ..SAME
    };
    let model = model_of(24_000);
    let mut sums = CumulativeScore::default();
    for batch in 0..30 {
        let found = verdicts_on(&model, &clients(SAME, 200 + batch, 150), &sums);
        found.add_to(&mut sums).unwrap();
    }
    let found = (0..12).find_map(|batch| {
        let found = verdicts_on(&model, &clients(changed, 300 + batch, 150), &sums);
        found.add_to(&mut sums).unwrap();
        (found.model.verdict == Verdict::Drift).then_some(found.model)
    });
    let found = found.expect("found by the last batches");
    assert!(!found.single.as_ref().unwrap().is_drift());
    assert!(!found.cumulative.as_ref().unwrap().is_drift());
    let recent = found.recent.as_ref().unwrap();
    assert_eq!(recent.result.rows, 150 * u64::from(recent.batches));
    let named = format!("rows with a label of the last {} batches", recent.batches);
    assert!(found.to_string().contains(&named), "{found}");
    assert!(
        found
            .to_string()
            .ends_with("more x now means a lower risk than the model says"),
        "{found}"
    );
}

#[test]
fn one_outlier_in_few_rows_is_no_drift() {
    let model = model();
    let alike = World {
        weights: [-0.5, 0.0, 0.0],
        ..SAME
    };
    let mut batch = clients(alike, 10, 26);
    for value in batch.in_memory_mut().features.iter_mut().flatten() {
        *value *= 0.1;
    }
    // The model gives this label a probability of about 3 %.
    for (feature, value) in batch.in_memory_mut().features.iter_mut().zip([-2.5, 0.0]) {
        feature[0] = value;
    }
    batch.in_memory_mut().labels[0] = Some(true);
    let found = verdicts_alone(&model, &batch).model;
    let tests = [found.single.as_ref(), found.cumulative.as_ref()].map(Option::unwrap);
    // χ² with three degrees of freedom exceeds this with probability 0.003, the level of the first
    // test of the sums.
    assert!(tests[0].test.statistic > 13.93, "{found:#?}");
    assert_eq!(found.verdict, Verdict::Ok, "{found}");
    assert_eq!(tests[0].test, tests[1].test);
    assert_eq!(tests[0].test.method, ScoreTestMethod::Simulated);
    // Real drift in so few rows is still found.
    let mut wrong = clients(SAME, 9, 26);
    for label in wrong.in_memory_mut().labels.iter_mut().flatten() {
        *label = !*label;
    }
    let found = verdicts_alone(&model, &wrong).model;
    assert_eq!(found.verdict, Verdict::Drift, "{found}");
}

#[test]
fn a_bad_column_changes_no_other_verdict() {
    let model = model();
    let whole = clients(SAME, 8, 400);
    let x_of = |found: &Verdicts| found.features[0].verdict;
    let good = verdicts_alone(&model, &whole);
    for (name, value) in [("missing", f64::NAN), ("constant", 0.0), ("far away", 1e9)] {
        let mut table = whole.clone();
        table.in_memory_mut().features[1].fill(value);
        let found = verdicts_alone(&model, &table);
        assert_eq!(found.features[1].verdict, Verdict::Drift, "{name}");
        assert_eq!(x_of(&found), x_of(&good), "{name}");
        assert_eq!(
            found.features[0].distribution.effect,
            good.features[0].distribution.effect
        );
        let text = format!("{} {:?}", found.model, found.feature_sentences());
        assert!(!text.contains("NaN"), "{name}: {text}");
    }
    let mut huge = whole.clone();
    huge.in_memory_mut().features[1].fill(1e300);
    let found = verdicts_alone(&model, &huge);
    // The model is certain of each row and wrong about many. Simulated labels show that.
    assert_eq!(found.model.verdict, Verdict::Drift, "{}", found.model);
    assert!(!found.model.to_string().contains("NaN"), "{}", found.model);
    assert_eq!(found.terms, None, "the sums stay numbers");
    assert_round_trip(&found);
}

#[test]
fn verdicts_survive_serialisation() {
    assert_round_trip(&verdicts_alone(&model(), &clients(SAME, 9, 100)));
    let mut strange = clients(SAME, 9, 100);
    let table = [f64::MAX, -f64::MAX, 1e154, -1e154, f64::NAN];
    for (row, value) in strange.in_memory_mut().features[0].iter_mut().enumerate() {
        *value = table[row % table.len()];
    }
    strange.in_memory_mut().features[1].reverse();
    assert_round_trip(&verdicts_alone(&model(), &strange));
}

/// JSON would lose a number that is not finite, and with it the whole record.
fn assert_round_trip(found: &Verdicts) {
    let text = serde_json::to_string(found).unwrap();
    assert_eq!(serde_json::from_str::<Verdicts>(&text).unwrap(), *found);
}

#[test]
fn collinear_features_are_named_as_untested() {
    let model = model();
    let mut one_constant = clients(SAME, 9, 400);
    one_constant.in_memory_mut().features[1] = vec![0.2; 400];
    let found = verdicts_alone(&model, &one_constant).model;
    assert_eq!(found.untested, ["y"]);
    if found.verdict == Verdict::Ok {
        assert!(
            found
                .to_string()
                .ends_with("; not tested: y (constant, missing or collinear in these rows)")
        );
    }
    let mut alike = one_constant;
    alike.in_memory_mut().features[0] = vec![0.1; 400];
    // About as many leave as the model expects of such clients: -0.5 + 0.12 - 0.16.
    *alike.in_memory_mut().labels = (0..400).map(|row| Some(row % 400 < 147)).collect();
    let found = verdicts_alone(&model, &alike).model;
    assert_eq!(found.verdict, Verdict::InsufficientData, "{found:#?}");
    assert!(found.to_string().contains("collinear"), "{found}");
    *alike.in_memory_mut().labels = vec![Some(true); 400];
    assert_eq!(verdicts_alone(&model, &alike).model.verdict, Verdict::Drift);
}

#[test]
fn features_of_few_rows_are_insufficient_data() {
    let found = verdicts_alone(&model_of(20), &clients(SAME, 10, 2));
    assert_eq!(feature_verdicts(&found), [Verdict::InsufficientData; 2]);
    assert_eq!(
        found.feature_sentences(),
        ["cannot test for feature drift yet: too few values"]
    );
}

#[test]
fn an_alert_names_no_value_of_a_constant() {
    let change = "it was always 5 and is always 7 now";
    let table = clients(SAME, 2, 400);
    let mut found = verdicts_alone(&model(), &table);
    let feature = &mut found.features[0];
    feature.was_constant = Some(change.into());
    feature.distribution.verdict = Verdict::Drift;
    let of_report = found.feature_sentences().join("\n");
    assert!(of_report.contains(change), "{of_report}");
    let of_alert = found.feature_sentences_without_values().join("\n");
    assert!(
        of_alert.contains("it was constant") && !of_alert.contains("always"),
        "{of_alert}"
    );
}
