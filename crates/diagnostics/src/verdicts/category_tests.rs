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

/// Name of each plan, its share of the clients, and its effect on the log-odds of leaving.
type Plans = [(&'static str, f64, f64)];

const PLANS: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.148, -1.5),
    ("rare one", 0.001, 0.3),
    ("rare two", 0.001, 0.3),
];

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "schema":{"features":["x",{"name":"plan","kind":"category"}]}}"#;
    Config::parse(&std::env::temp_dir().join("config.json"), text).unwrap()
}

/// Draws clients with these plans. The remaining share has no plan.
fn clients(plans: &Plans, seed: u64, rows: usize) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config().schema);
    for row in 0..rows {
        let x = draws.normal();
        let mut position = draws.uniform();
        let plan = plans.iter().find(|(_, share, _)| {
            position -= share;
            position < 0.0
        });
        let level = plan.map_or(f64::NAN, |(plan, ..)| table.add_level(PLAN, plan));
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
    training::train(&config(), &table, 0..table.rows(), DataPosition::default()).unwrap()
}

fn verdicts_on(model: &Model, table: &Table) -> Verdicts {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, &CumulativeScore::default(), ALPHA).unwrap()
}

/// Names of the untested levels.
fn untested_names(found: &ModelVerdict) -> Vec<&str> {
    let levels = found.untested_levels.iter();
    levels.filter_map(|it| it.coefficient.as_deref()).collect()
}

#[test]
fn without_drift_the_category_is_ok() {
    let found = verdicts_on(&model(), &clients(PLANS, 2, 500));
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    let plan = &found.features[PLAN];
    assert_eq!((plan.kind, plan.verdict), (Kind::Category, Verdict::Ok));
    assert_eq!(plan.distribution.unit, Unit::TotalVariation);
    let joint = found.joint.as_ref().unwrap();
    assert_eq!(
        (&joint.columns[..], joint.degrees),
        (&["x".to_owned(), "plan".to_owned()][..], 1)
    );
    assert!(
        !found.model.to_string().contains("not tested"),
        "{}",
        found.model
    );
}

#[test]
fn levels_with_too_few_rows_are_named_as_untested() {
    let mut table = clients(PLANS, 2, 500);
    table.in_memory_mut().features[PLAN][0] = table.add_level(PLAN, "platinum");
    let found = verdicts_on(&model(), &table).model;
    assert_eq!(untested_names(&found), ["plan (any other)"]);
    let sentence = found.to_string();
    let untested = "; not tested: plan (any other) (rare in these rows, or all other levels are)";
    assert!(sentence.ends_with(untested), "{sentence}");
}

#[test]
fn changed_shares_and_new_levels_are_drift_of_their_column_only() {
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
        let found = verdicts_on(&model, &clients(plans, 3, 400));
        let plan = &found.features[PLAN];
        assert_eq!(plan.verdict, Verdict::Drift, "{plan:#?}");
        let drifted = [&plan.distribution, &plan.missing]
            .into_iter()
            .find(|check| check.verdict == Verdict::Drift)
            .unwrap();
        assert_eq!(drifted.unit, unit);
        assert_eq!(found.features[X].verdict, Verdict::Ok);
        let sentences = found.feature_sentences();
        let text = sentences.join("\n");
        assert!(text.contains("plan") && !text.contains("NaN"), "{text}");
        // One change has one line: the levels with their shares, and the missing values.
        let of_levels = sentences.iter().filter(|it| !it.contains("are missing"));
        assert!(of_levels.count() <= 1, "{text}");
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Verdicts>(&json).unwrap(), found);
    }
}

#[test]
fn levels_in_another_spelling_are_drift_and_an_alert_names_none() {
    let upper: &Plans = &[
        ("BASIC", 0.6, 0.8),
        ("Plus", 0.25, 0.0),
        ("gold", 0.148, -1.5),
    ];
    let found = verdicts_on(&model(), &clients(upper, 3, 400));
    let plan = &found.features[PLAN];
    assert_eq!(plan.verdict, Verdict::Drift);
    assert_eq!(plan.respelled.levels, 2);
    let text = found.feature_sentences().join("\n");
    assert!(
        text.contains("plan has a new level \"BASIC\": ")
            && text.contains("\"BASIC\" looks like \"basic\" in another spelling; so does 1 more"),
        "{text}"
    );
    let text = found.feature_sentences_without_values().join("\n");
    assert!(
        text.contains("plan has a new level: ")
            && text.contains("; 2 new levels look like known ones in another spelling"),
        "{text}"
    );
    for level in ["BASIC", "basic", "Plus", "gold"] {
        assert!(!text.contains(level), "{text}");
    }
}

#[test]
fn a_broken_category_changes_no_other_verdict() {
    let model = model();
    let whole = clients(PLANS, 4, 400);
    let good = verdicts_on(&model, &whole);
    let mut broken = whole.clone();
    for row in 0..400 {
        broken.in_memory_mut().features[PLAN][row] = broken.add_level(PLAN, &format!("row {row}"));
    }
    let found = verdicts_on(&model, &broken);
    assert_eq!(found.features[PLAN].verdict, Verdict::Drift);
    assert_eq!(found.features[X].verdict, good.features[X].verdict);
    assert_eq!(
        found.features[X].distribution.effect,
        good.features[X].distribution.effect
    );
}

#[test]
fn a_changed_coefficient_of_a_level_is_found_and_named() {
    let turned: &Plans = &[
        ("basic", 0.6, 0.8),
        ("plus", 0.25, 0.0),
        ("gold", 0.12, 1.5),
    ];
    let found = verdicts_on(&model(), &clients(turned, 5, 500));
    assert_eq!(found.model.verdict, Verdict::Drift);
    let sentence = found.model.to_string();
    assert!(
        sentence.ends_with("clients with plan = gold now have a higher risk than the model says"),
        "{sentence}"
    );
    let sentence = found.model.text_without_levels();
    assert!(
        sentence.ends_with(
            "clients with one of the levels of plan now have a higher risk than the model says"
        ),
        "{sentence}"
    );
}

#[test]
fn a_change_of_the_base_level_is_named_with_the_intercept() {
    let turned: &Plans = &[
        ("basic", 0.6, -0.8),
        ("plus", 0.25, 0.0),
        ("gold", 0.15, -1.5),
    ];
    let found = verdicts_on(&model(), &clients(turned, 6, 500)).model;
    assert_eq!(found.verdict, Verdict::Drift);
    let sentence = found.to_string();
    let named =
        "all clients, or those with plan = basic, now have a lower risk than the model says";
    assert!(sentence.ends_with(named), "{sentence}");
    let sentence = found.text_without_levels();
    let named =
        "all clients, or those with a level of plan, now have a lower risk than the model says";
    assert!(sentence.ends_with(named), "{sentence}");
}

/// Thirty plans with equal shares.
fn thirty_plans() -> Vec<(&'static str, f64, f64)> {
    let names = (0..30).map(|level| format!("level {level}"));
    let plans = names.enumerate().map(|(level, name)| {
        let name: &'static str = name.leak();
        (name, 1.0 / 30.0, f64::from(level as u32 % 7) - 4.0)
    });
    plans.collect()
}

/// The false alarms stay below the level even when many levels have few rows each.
#[test]
fn rare_levels_cause_no_false_alarms() {
    let many = thirty_plans();
    let model = model_of(&many, 6000);
    let batches = 300;
    let alarms = (0..batches)
        .filter(|run| {
            let found = verdicts_on(&model, &clients(&many, 1000 + run, 100));
            found.model.verdict == Verdict::Drift
        })
        .count();
    assert!(alarms <= 3, "{alarms} of {batches} batches");
}

/// Frequent plans; every client has one.
const CLOSED: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.16, -1.5),
];

/// The same plans, with another one that few training rows have.
const NEARLY_CLOSED: &Plans = &[
    ("basic", 0.6, 0.8),
    ("plus", 0.25, 0.0),
    ("gold", 0.147, -1.5),
    ("rare one", 0.004, 0.3),
];

/// Change of a batch's statistic when a client who was almost certain to stay has left.
fn gain_of_an_unlikely_label(model: &Model, table: &Table, row: usize) -> f64 {
    let mut table = table.clone();
    let plan = table.in_memory().features[PLAN][row];
    let [none, one] = [0.0, 1.0].map(|x| model.scorer().log_odds(&[x, plan]));
    // A probability of 1 %.
    table.in_memory_mut().features[X][row] = (-4.6 - none) / (one - none);
    let [stays, leaves] = [false, true].map(|left| {
        table.in_memory_mut().labels[row] = Some(left);
        verdicts_on(model, &table)
            .model
            .single
            .unwrap()
            .test
            .statistic
    });
    leaves - stays
}

#[test]
fn a_single_row_with_its_own_level_decides_nothing() {
    // A level that the training rows do not have, and the only row without a level.
    for (known, plan) in [
        (CLOSED, "platinum"),
        (NEARLY_CLOSED, "platinum"),
        (NEARLY_CLOSED, ""),
    ] {
        let model = model_of(known, 4000);
        let mut table = clients(CLOSED, 7, 500);
        table.in_memory_mut().features[PLAN][3] = match plan {
            "" => f64::NAN,
            plan => table.add_level(PLAN, plan),
        };
        let gain = gain_of_an_unlikely_label(&model, &table, 3);
        assert!(gain < 5.0, "{plan:?} beside {known:?}: {gain}");
    }
}

#[test]
fn missing_plans_leave_rare_levels_untested() {
    let model = model();
    let mut table = clients(PLANS, 8, 600);
    table.in_memory_mut().features[PLAN].fill(f64::NAN);
    for (row, plan) in ["gold", "basic", "basic", "basic", "basic"]
        .into_iter()
        .enumerate()
    {
        table.in_memory_mut().features[PLAN][row] = table.add_level(PLAN, plan);
    }
    let gain = gain_of_an_unlikely_label(&model, &table, 0);
    assert!(gain < 5.0, "{gain}");
    let found = verdicts_on(&model, &table).model;
    assert_eq!(untested_names(&found), ["plan = basic", "plan = gold"]);
    // Without any plan the whole category is untested.
    table.in_memory_mut().features[PLAN].fill(f64::NAN);
    let found = verdicts_on(&model, &table).model;
    assert_eq!(found.untested, ["plan"]);
    assert_eq!(untested_names(&found), [""; 0]);
}

#[test]
fn untested_levels_need_no_rows() {
    let model = model_of(&thirty_plans(), 6000);
    let found = verdicts_on(&model, &clients(&thirty_plans(), 9, 40)).model;
    // Intercept and x remain.
    let single = found.single.as_ref();
    assert_eq!(single.map(|held| held.test.degrees), Some(2), "{found:#?}");
}

#[test]
fn all_levels_of_a_closed_set_are_tested() {
    let found = verdicts_on(&model_of(CLOSED, 4000), &clients(CLOSED, 10, 500)).model;
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert!(!found.to_string().contains("not tested"), "{found}");
}

#[test]
fn without_level_names_no_level_is_shown() {
    let few: &Plans = &[
        ("basic", 0.7, 0.8),
        ("plus", 0.294, 0.0),
        ("gold", 0.006, -1.5),
    ];
    let found = verdicts_on(&model_of(CLOSED, 4000), &clients(few, 11, 500)).model;
    let shown = |found: &ModelVerdict| format!("{found} {}", serde_json::to_string(found).unwrap());
    assert!(shown(&found).contains("gold"), "{found}");
    let without = shown(&found.clone().without_level_names());
    assert!(!without.contains("gold"), "{without}");
    assert!(
        without.contains("; not tested: levels of plan ("),
        "{without}"
    );
}

#[test]
fn clients_without_a_plan_that_begin_to_leave_are_drift() {
    let some: &Plans = &[("basic", 0.6, 0.8), ("plus", 0.25, 0.0)];
    let model = model_of(some, 4000);
    let table = clients(some, 12, 2000);
    assert_eq!(verdicts_on(&model, &table).model.verdict, Verdict::Ok);
    let mut leaving = table.clone();
    let positions = 0..leaving.rows();
    for row in positions.filter(|row| row % 2 == 0) {
        if leaving.in_memory().features[PLAN][row].is_nan() {
            leaving.in_memory_mut().labels[row] = Some(true);
        }
    }
    let found = verdicts_on(&model, &leaving).model;
    assert_eq!(found.verdict, Verdict::Drift, "{found}");
    assert!(found.to_string().contains("plan (missing)"), "{found}");
}

#[test]
fn features_leave_the_training_rows_by_levels_and_numbers_that_these_do_not_have() {
    let model = model();
    let left = |change: &dyn Fn(&mut Table)| {
        let mut table = clients(PLANS, 2, 500);
        change(&mut table);
        verdicts_on(&model, &table).left_reference()
    };
    assert_eq!(left(&|_| {}), Vec::<String>::new());
    let far =
        |rows: usize| move |table: &mut Table| table.in_memory_mut().features[X][..rows].fill(40.0);
    assert_eq!(left(&far(60)), ["x"]);
    // Drift, but few rows.
    assert_eq!(left(&far(20)), Vec::<String>::new());
    let renamed = |table: &mut Table| {
        let level = table.add_level(PLAN, "PLUS");
        table.in_memory_mut().features[PLAN][..60].fill(level);
    };
    assert_eq!(left(&renamed), ["plan"]);
    // All values unlike the training rows count, not only the part that changed most.
    let mixed = |table: &mut Table| {
        let cells = table.in_memory_mut().features[X].iter_mut().enumerate();
        cells.for_each(|(row, it)| match row % 4 {
            0 | 1 => *it = 0.0,
            2 => *it *= 1000.0,
            _ => {}
        });
    };
    assert_eq!(left(&mixed), ["x"]);
    // No training row lacks a value of x.
    let missing = |table: &mut Table| table.in_memory_mut().features[X][..60].fill(f64::NAN);
    assert_eq!(left(&missing), ["x"]);
    let newly_missing = |change: &dyn Fn(&mut Table)| {
        let mut table = clients(PLANS, 2, 500);
        change(&mut table);
        verdicts_on(&model, &table).newly_missing()
    };
    assert_eq!(newly_missing(&missing), [("x".to_owned(), 0.12)].into());
    assert!(newly_missing(&far(60)).is_empty() && newly_missing(&renamed).is_empty());
    // Moved within the range: the estimate follows.
    let moved = |table: &mut Table| {
        table.in_memory_mut().features[X]
            .iter_mut()
            .for_each(|it| *it *= 0.5)
    };
    assert_eq!(left(&moved), Vec::<String>::new());
}

#[test]
fn all_levels_written_in_another_way_leave_the_training_rows_together() {
    const CITIES: usize = 60;
    let names: Vec<String> = (0..CITIES).map(|it| format!("city {it}")).collect();
    let cities = |written: &dyn Fn(&str) -> String, seed: u64, rows: usize| {
        let mut table = clients(&[], seed, rows);
        let mut draws = Draws(seed + 100);
        for row in 0..rows {
            let place = (draws.uniform() * CITIES as f64) as usize;
            let level = table.add_level(PLAN, &written(&names[place]));
            table.in_memory_mut().features[PLAN][row] = level;
        }
        table
    };
    let table = cities(&str::to_owned, 21, 4000);
    let model =
        training::train(&config(), &table, 0..table.rows(), DataPosition::default()).unwrap();
    let left = |table: &Table| verdicts_on(&model, table).left_reference();
    assert_eq!(left(&cities(&str::to_owned, 22, 500)), [""; 0]);
    // Each single level has less than one in twenty values.
    assert_eq!(left(&cities(&str::to_uppercase, 22, 500)), ["plan"]);
}
