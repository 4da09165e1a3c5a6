//! Tests of verdicts about a category.

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

use super::*;
use crate::compare::{Kind, Unit};
use crate::draws::Draws;

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
    model_of(PLANS, 4000)
}

fn model_of(plans: &Plans, rows: usize) -> Model {
    let table = clients(plans, 1, rows);
    training::train(&config(), &table, DataPosition::default()).unwrap()
}

fn judged(model: &Model, table: &Table) -> Verdicts {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, &CumulativeScore::default(), ALPHA)
}

/// The levels that the test says nothing about.
fn open_levels(found: &ModelVerdict) -> Vec<&str> {
    let levels = found.untested_levels.iter();
    levels.filter_map(|it| it.coefficient.as_deref()).collect()
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
    assert!(!found.model.to_string().contains("open"), "{}", found.model);
}

#[test]
fn what_too_few_rows_have_is_open() {
    let mut table = clients(PLANS, 2, 500);
    table.features[PLAN][0] = table.levels.add(PLAN, "platinum");
    let found = judged(&model(), &table).model;
    assert_eq!(open_levels(&found), ["plan (any other)"]);
    let sentence = found.to_string();
    let open = "for plan (any other) is open, which too few of these rows have or lack";
    assert!(sentence.ends_with(open), "{sentence}");
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

#[test]
fn what_moved_in_the_level_that_others_are_held_against_is_named_beside_the_intercept() {
    let turned: &Plans = &[
        ("basic", 0.6, -0.8),
        ("plus", 0.25, 0.0),
        ("gold", 0.15, -1.5),
    ];
    let found = judged(&model(), &clients(turned, 6, 500)).model;
    assert_eq!(found.verdict, Verdict::Drift);
    let sentence = found.to_string();
    let named = "the intercept, or what plan = basic adds to it, has become smaller";
    assert!(sentence.ends_with(named), "{sentence}");
    let sentence = found.without_levels().to_string();
    let named = "the intercept, or what a level of plan adds to it, has become smaller";
    assert!(sentence.ends_with(named), "{sentence}");
}

/// Plans as frequent as each other.
fn thirty_plans() -> Vec<(&'static str, f64, f64)> {
    let names = (0..30).map(|level| format!("level {level}"));
    let plans = names.enumerate().map(|(level, name)| {
        let name: &'static str = name.leak();
        (name, 1.0 / 30.0, f64::from(level as u32 % 7) - 4.0)
    });
    plans.collect()
}

/// The level of the test is kept also where many levels have few rows each.
#[test]
fn rare_levels_make_no_drift_of_chance() {
    let many = thirty_plans();
    let model = model_of(&many, 6000);
    let batches = 300;
    let alarms = (0..batches)
        .filter(|run| {
            let found = judged(&model, &clients(&many, 1000 + run, 100));
            found.model.verdict == Verdict::Drift
        })
        .count();
    assert!(alarms <= 3, "{alarms} of {batches} batches");
}

/// Plans of which each is frequent; everybody has one.
const CLOSED: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.16, -1.5),
];

/// The same, and one of which a few training rows are.
const NEARLY_CLOSED: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.147, -1.5),
    ("rare one", 0.004, 0.3),
];

/// How much more the statistic of a batch is where a client who was held to stay for sure has left.
fn gain_of_a_surprise(model: &Model, table: &Table, row: usize) -> f64 {
    let mut table = table.clone();
    let plan = table.features[PLAN][row];
    let [none, one] = [0.0, 1.0].map(|x| model.scorer().log_odds(&[x, plan]));
    // A chance of 1 %.
    table.features[X][row] = (-4.6 - none) / (one - none);
    let [stays, leaves] = [false, true].map(|left| {
        table.labels[row] = Some(left);
        judged(model, &table).model.single.unwrap().test.statistic
    });
    leaves - stays
}

#[test]
fn one_row_of_its_own_decides_nothing() {
    // A text that was never seen, and the only row without any.
    for (known, plan) in [
        (CLOSED, "platinum"),
        (NEARLY_CLOSED, "platinum"),
        (NEARLY_CLOSED, ""),
    ] {
        let model = model_of(known, 4000);
        let mut table = clients(CLOSED, 7, 500);
        table.features[PLAN][3] = match plan {
            "" => f64::NAN,
            plan => table.levels.add(PLAN, plan),
        };
        let gain = gain_of_a_surprise(&model, &table, 3);
        assert!(gain < 5.0, "{plan:?} beside {known:?}: {gain}");
    }
}

#[test]
fn rows_without_a_plan_have_none_of_its_levels() {
    let model = model();
    let mut table = clients(PLANS, 8, 600);
    table.features[PLAN].fill(f64::NAN);
    for (row, plan) in ["gold", "basic", "basic", "basic", "basic"]
        .into_iter()
        .enumerate()
    {
        table.features[PLAN][row] = table.levels.add(PLAN, plan);
    }
    let gain = gain_of_a_surprise(&model, &table, 0);
    assert!(gain < 5.0, "{gain}");
    let found = judged(&model, &table).model;
    assert_eq!(open_levels(&found), ["plan = basic", "plan = gold"]);
    // Without any the whole category is open.
    table.features[PLAN].fill(f64::NAN);
    let found = judged(&model, &table).model;
    assert_eq!(found.untested, ["plan"]);
    assert_eq!(open_levels(&found), [""; 0]);
}

#[test]
fn levels_that_are_not_tested_ask_for_no_rows() {
    let model = model_of(&thirty_plans(), 6000);
    let found = judged(&model, &clients(&thirty_plans(), 9, 40)).model;
    // Intercept and x are left.
    let single = found.single.as_ref();
    assert_eq!(single.map(|held| held.test.degrees), Some(2), "{found:#?}");
}

#[test]
fn of_a_closed_set_nothing_is_open() {
    let found = judged(&model_of(CLOSED, 4000), &clients(CLOSED, 10, 500)).model;
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert!(!found.to_string().contains("open"), "{found}");
}

#[test]
fn what_leaves_the_machine_names_no_level() {
    let few: &Plans = &[
        ("basic", 0.7, 0.8),
        ("plus", 0.294, 0.0),
        ("gold", 0.006, -1.5),
    ];
    let found = judged(&model_of(CLOSED, 4000), &clients(few, 11, 500)).model;
    let shown = |found: &ModelVerdict| format!("{found} {}", serde_json::to_string(found).unwrap());
    assert!(shown(&found).contains("gold"), "{found}");
    let without = shown(&found.clone().without_levels());
    assert!(!without.contains("gold"), "{without}");
    assert!(without.contains("for levels of plan is open"), "{without}");
}
