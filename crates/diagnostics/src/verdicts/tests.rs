use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

use super::*;
use crate::draws::Draws;

const ALPHA: f64 = 0.005;

/// How clients come about.
#[derive(Clone, Copy)]
struct World {
    /// How far both features have moved.
    by: f64,
    /// What the log-odds of leaving are made of: the intercept, then both features.
    weights: [f64; 3],
}

const SAME: World = World {
    by: 0.0,
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
        let (x, y) = (draws.normal() + world.by, draws.normal() + world.by);
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
    training::train(&config(), &table, DataPosition::default()).unwrap()
}

fn judged(model: &Model, table: &Table, before: &CumulativeScore) -> Verdicts {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, before, ALPHA)
}

fn alone(model: &Model, table: &Table) -> Verdicts {
    judged(model, table, &CumulativeScore::default())
}

fn of_columns(found: &Verdicts) -> Vec<Verdict> {
    found
        .features
        .iter()
        .map(|feature| feature.verdict)
        .collect()
}

#[test]
fn where_nothing_changed_nothing_is_said_to_have() {
    let found = alone(&model(), &clients(SAME, 2, 500));
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert_eq!((found.rows, found.model.rows), (500, 500));
    assert_eq!(of_columns(&found), [Verdict::Ok, Verdict::Ok]);
    let sentence = found.model.to_string();
    assert!(
        sentence.starts_with("the deployed model holds on 500 new labelled rows (score test "),
        "{sentence}"
    );
    assert_eq!(
        found.of_features(),
        ["the features lie where those of the training rows did"]
    );
}

#[test]
fn a_coefficient_that_is_gone_is_found_and_named_while_the_features_stay() {
    let gone = World {
        weights: [-0.5, 0.0, -0.8],
        ..SAME
    };
    let found = alone(&model(), &clients(gone, 3, 300));
    assert_eq!(
        (found.verdict, found.model.verdict),
        (Verdict::Drift, Verdict::Drift)
    );
    assert_eq!(of_columns(&found), [Verdict::Ok, Verdict::Ok]);
    let sentence = found.model.to_string();
    assert!(
        sentence.contains("no longer holds on 300")
            && sentence.ends_with("the coefficient of x has become smaller"),
        "{sentence}"
    );
}

#[test]
fn features_that_move_leave_a_model_that_is_still_right_alone() {
    let moved = World { by: 0.5, ..SAME };
    let found = alone(&model(), &clients(moved, 4, 500));
    assert_eq!(
        (found.verdict, found.model.verdict),
        (Verdict::Drift, Verdict::Ok)
    );
    assert_eq!(found.joint.as_ref().unwrap().verdict, Verdict::Drift);
    let sentences = found.of_features();
    assert!(
        sentences[0].starts_with("x, y together lie elsewhere"),
        "{sentences:?}"
    );
    assert!(
        sentences[1].contains("x is distributed otherwise, by 0."),
        "{sentences:?}"
    );
}

#[test]
fn what_no_batch_shows_alone_the_sums_show() {
    let a_little = World {
        weights: [-0.5, 0.95, -0.8],
        ..SAME
    };
    let model = model_of(24_000);
    let mut sums = CumulativeScore::default();
    let mut first_seen = None;
    for batch in 0..40 {
        let found = judged(&model, &clients(a_little, 100 + batch, 100), &sums);
        let single = found.model.single.as_ref().unwrap();
        assert!(!single.is_drift(), "batch {batch} shows it alone");
        if found.model.verdict == Verdict::Drift {
            first_seen.get_or_insert((batch, found.model.to_string()));
        }
        sums = found.sums;
    }
    assert_eq!((sums.looks, sums.terms.unwrap().rows), (40, 4000));
    let (_, sentence) = first_seen.expect("found by the sums");
    assert!(
        sentence.contains("labelled rows since it went live"),
        "{sentence}"
    );
}

#[test]
fn too_few_rows_leave_it_open_until_there_are_enough() {
    let model = model();
    let few = alone(&model, &clients(SAME, 5, 5));
    assert_eq!(few.model.verdict, Verdict::InsufficientData);
    assert_eq!(
        few.model.to_string(),
        "whether the deployed model holds is open: 5 labelled rows are too few, at least 6 are needed"
    );
    let more = judged(&model, &clients(SAME, 6, 60), &few.sums);
    assert_eq!(more.model.verdict, Verdict::Ok);
    assert_eq!(
        more.model.cumulative, None,
        "65 rows are too few to look at sums"
    );
    let enough = judged(&model, &clients(SAME, 8, 85), &more.sums);
    assert_eq!(enough.model.cumulative.unwrap().rows, 150);
    assert_eq!(enough.sums.looks, 1);
    let mut unlabelled = clients(SAME, 7, 200);
    unlabelled.labels.fill(None);
    let found = judged(&model, &unlabelled, &few.sums);
    assert_eq!(found.model.verdict, Verdict::InsufficientData);
    assert_eq!((found.verdict, found.sums), (Verdict::Ok, few.sums));
}

#[test]
fn a_client_far_out_is_no_drift_of_a_few_rows_alone_or_as_the_first_of_the_sums() {
    let model = model();
    let alike = World {
        weights: [-0.5, 0.0, 0.0],
        ..SAME
    };
    let mut batch = clients(alike, 10, 26);
    for value in batch.features.iter_mut().flatten() {
        *value *= 0.1;
    }
    // The model gives that class a chance of about 3 %.
    for (feature, value) in batch.features.iter_mut().zip([-2.5, 0.0]) {
        feature[0] = value;
    }
    batch.labels[0] = Some(true);
    let found = alone(&model, &batch).model;
    let tests = [found.single.as_ref(), found.cumulative.as_ref()].map(Option::unwrap);
    // χ² with three degrees of freedom is there with a chance of 0.003, the first look's level.
    assert!(tests[0].test.statistic > 13.93, "{found:#?}");
    assert_eq!(found.verdict, Verdict::Ok, "{found}");
    assert_eq!(tests[0].test, tests[1].test);
    assert!(found.to_string().contains(" by simulation; "), "{found}");
    // What so few rows do show is found all the same.
    let mut wrong = clients(SAME, 9, 26);
    for label in wrong.labels.iter_mut().flatten() {
        *label = !*label;
    }
    let found = alone(&model, &wrong).model;
    assert_eq!(found.verdict, Verdict::Drift, "{found}");
}

#[test]
fn a_bad_column_changes_no_other_verdict() {
    let model = model();
    let whole = clients(SAME, 8, 400);
    let x_of = |found: &Verdicts| found.features[0].verdict;
    let good = alone(&model, &whole);
    for (name, value) in [("missing", f64::NAN), ("constant", 0.0), ("far away", 1e9)] {
        let mut table = whole.clone();
        table.features[1].fill(value);
        let found = alone(&model, &table);
        assert_eq!(found.features[1].verdict, Verdict::Drift, "{name}");
        assert_eq!(x_of(&found), x_of(&good), "{name}");
        assert_eq!(
            found.features[0].distribution.effect,
            good.features[0].distribution.effect
        );
        let text = format!("{} {:?}", found.model, found.of_features());
        assert!(!text.contains("NaN"), "{name}: {text}");
    }
    let mut huge = whole.clone();
    huge.features[1].fill(1e300);
    let found = alone(&model, &huge);
    // The model is certain of each row and wrong about many, which drawn labels show.
    assert_eq!(found.model.verdict, Verdict::Drift, "{}", found.model);
    assert!(!found.model.to_string().contains("NaN"), "{}", found.model);
    assert_eq!(
        found.sums,
        CumulativeScore::default(),
        "the sums stay numbers"
    );
    survives_the_history(&found);
}

#[test]
fn verdicts_survive_the_history() {
    survives_the_history(&alone(&model(), &clients(SAME, 9, 100)));
    let mut strange = clients(SAME, 9, 100);
    let table = [f64::MAX, -f64::MAX, 1e154, -1e154, f64::NAN];
    for (row, value) in strange.features[0].iter_mut().enumerate() {
        *value = table[row % table.len()];
    }
    strange.features[1].reverse();
    survives_the_history(&alone(&model(), &strange));
}

/// A number that is none would be lost, and the record with it.
fn survives_the_history(found: &Verdicts) {
    let text = serde_json::to_string(found).unwrap();
    assert_eq!(serde_json::from_str::<Verdicts>(&text).unwrap(), *found);
}

#[test]
fn what_the_rows_cannot_tell_apart_is_named_and_is_not_said_to_hold() {
    let model = model();
    let mut one_constant = clients(SAME, 9, 400);
    one_constant.features[1] = vec![0.2; 400];
    let found = alone(&model, &one_constant).model;
    assert_eq!(found.untested, ["y"]);
    if found.verdict == Verdict::Ok {
        assert!(
            found
                .to_string()
                .ends_with("is open, which these rows cannot tell apart")
        );
    }
    let mut alike = one_constant;
    alike.features[0] = vec![0.1; 400];
    // About as many leave as the model expects of such clients: -0.5 + 0.12 - 0.16.
    alike.labels = (0..400).map(|row| Some(row % 400 < 147)).collect();
    let found = alone(&model, &alike).model;
    assert_eq!(found.verdict, Verdict::InsufficientData, "{found:#?}");
    assert!(found.to_string().contains("too alike"), "{found}");
    alike.labels = vec![Some(true); 400];
    assert_eq!(alone(&model, &alike).model.verdict, Verdict::Drift);
}

#[test]
fn features_of_a_few_rows_are_not_said_to_lie_where_they_did() {
    let found = alone(&model_of(20), &clients(SAME, 10, 2));
    assert_eq!(of_columns(&found), [Verdict::InsufficientData; 2]);
    assert_eq!(
        found.of_features(),
        ["whether the features have moved is open: there are too few values to tell"]
    );
}
