//! Tests of verdicts about a category.

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use training::Model;

use super::tests::Draws;
use super::*;
use crate::compare::{Kind, Unit};

const ALPHA: f64 = 0.005;
const X: usize = 0;
const PLAN: usize = 1;

/// Shares of the plans, and what each adds to the log-odds of leaving.
type Plans = [(&'static str, f64, f64)];

const PLANS: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.12, -1.5),
    ("rare one", 0.001, 0.3),
    ("rare two", 0.001, 0.3),
];

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "schema":{"features":["x",{"name":"plan","kind":"category"}]}}"#;
    Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
}

/// Clients of these plans; the rest of the shares is without one.
fn clients(plans: &Plans, seed: u64, rows: usize) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config().schema);
    for row in 0..rows {
        let x = draws.normal();
        let mut place = draws.uniform();
        let plan = plans.iter().find(|(_, share, _)| {
            place -= share;
            place < 0.0
        });
        let level = plan.map_or(f64::NAN, |(plan, ..)| table.levels.add(PLAN, plan));
        let log_odds = 0.7 * x + plan.map_or(0.0, |(_, _, effect)| *effect) - 0.4;
        let left = draws.uniform() < 1.0 / (1.0 + (-log_odds).exp());
        table.push(row.to_string().as_bytes(), &[x, level], Some(left));
    }
    table
}

fn model() -> Model {
    let table = clients(PLANS, 1, 4000);
    training::train(&config(), &table, DataPosition::default()).unwrap()
}

fn judged(model: &Model, table: &Table) -> Verdicts {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, &CumulativeScore::default(), ALPHA)
}

#[test]
fn where_nothing_changed_the_category_is_as_it_was() {
    let found = judged(&model(), &clients(PLANS, 2, 500));
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    let plan = &found.features[PLAN];
    assert_eq!((plan.kind, plan.verdict), (Kind::Category, Verdict::Ok));
    assert_eq!(plan.distribution.unit, Unit::TotalVariation);
    let joint = found.joint.as_ref().unwrap();
    assert_eq!(joint.columns, ["x"], "a category has no location");
    // Only what so few rows cannot tell is open, and not the level that the others tell.
    assert_eq!(found.model.untested, ["plan (any other)"]);
}

#[test]
fn shares_that_moved_and_levels_that_are_new_are_drift_of_that_column_alone() {
    let model = model();
    let moved: &Plans = &[
        ("basic", 0.4, 0.8),
        ("plus", 0.45, 0.0),
        ("gold", 0.12, -1.5),
    ];
    let new: &Plans = &[
        ("basic", 0.5, 0.8),
        ("plus", 0.2, 0.0),
        ("gold", 0.1, -1.5),
        ("platinum", 0.17, 0.1),
    ];
    let gone: &Plans = &[];
    for (plans, unit) in [
        (moved, Unit::TotalVariation),
        (new, Unit::TotalVariation),
        (gone, Unit::MissingShare),
    ] {
        let found = judged(&model, &clients(plans, 3, 400));
        let plan = &found.features[PLAN];
        assert_eq!(plan.verdict, Verdict::Drift, "{plan:#?}");
        let drifted = [&plan.distribution, &plan.missing]
            .into_iter()
            .find(|check| check.verdict == Verdict::Drift)
            .unwrap();
        assert_eq!(drifted.unit, unit);
        assert_eq!(found.features[X].verdict, Verdict::Ok);
        let text = found.of_features().join("\n");
        assert!(text.contains("plan is") && !text.contains("NaN"), "{text}");
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Verdicts>(&json).unwrap(), found);
    }
}

#[test]
fn a_broken_category_changes_no_other_verdict() {
    let model = model();
    let whole = clients(PLANS, 4, 400);
    let good = judged(&model, &whole);
    let mut broken = whole.clone();
    for row in 0..400 {
        broken.features[PLAN][row] = broken.levels.add(PLAN, &format!("row {row}"));
    }
    let found = judged(&model, &broken);
    assert_eq!(found.features[PLAN].verdict, Verdict::Drift);
    assert_eq!(found.features[X].verdict, good.features[X].verdict);
    assert_eq!(
        found.features[X].distribution.effect,
        good.features[X].distribution.effect
    );
}

#[test]
fn a_level_whose_coefficient_is_gone_is_found_and_named() {
    let turned: &Plans = &[
        ("basic", 0.6, 0.8),
        ("plus", 0.25, 0.0),
        ("gold", 0.12, 1.5),
    ];
    let found = judged(&model(), &clients(turned, 5, 500));
    assert_eq!(found.model.verdict, Verdict::Drift);
    let sentence = found.model.to_string();
    assert!(
        sentence.ends_with("the coefficient of plan = gold has become larger"),
        "{sentence}"
    );
    let sentence = found.model.without_levels().to_string();
    assert!(
        sentence.ends_with("the coefficient of plan has become larger"),
        "{sentence}"
    );
}

/// The level of the test is kept also where many levels have few rows each.
#[test]
fn rare_levels_make_no_drift_of_chance() {
    let names: Vec<String> = (0..30).map(|level| format!("level {level}")).collect();
    let many: Vec<(&'static str, f64, f64)> = names
        .into_iter()
        .enumerate()
        .map(|(level, name)| {
            let name: &'static str = name.leak();
            (name, 1.0 / 30.0, f64::from(level as u32 % 7) - 4.0)
        })
        .collect();
    let table = clients(&many, 6, 6000);
    let model = training::train(&config(), &table, DataPosition::default()).unwrap();
    let batches = 300;
    let alarms = (0..batches)
        .filter(|run| {
            let found = judged(&model, &clients(&many, 1000 + run, 100));
            found.model.verdict == Verdict::Drift
        })
        .count();
    assert!(alarms <= 3, "{alarms} of {batches} batches");
}
