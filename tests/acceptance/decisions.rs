//! Decisions of a run with few labels, with rare positive labels, or with old test data.

use std::fmt::Write;

use acceptance::draws::Draws;
use serde_json::{Value, json};

use crate::workspace::{Workspace, outcome};

const HEADER: &str = "client,x,left\n";

/// The law by which clients leave: log-odds in thousandths, at x = 0 and for each unit of x.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) at_zero: i64,
    pub(crate) slope: i64,
}

pub(crate) const USUAL: World = World {
    at_zero: 0,
    slope: 1500,
};

/// Clients of a world, with x from −3 to 3.
pub(crate) fn clients(world: World, name: &str, count: usize) -> String {
    let seed = name
        .bytes()
        .fold(7, |seed, byte| seed * 31 + u64::from(byte));
    let mut draws = Draws { state: seed };
    let mut text = HEADER.to_owned();
    for client in 0..count {
        let x = i64::from(draws.below(6001)) - 3000;
        let log_odds = (world.at_zero as f64 + world.slope as f64 * x as f64 / 1000.0) / 1000.0;
        let leaves = 1.0 / (1.0 + (-log_odds).exp());
        let left = u8::from(f64::from(draws.below(1_000_000)) < leaves * 1e6);
        writeln!(text, "{name}{client},{x}e-3,{left}").expect("a string takes all");
    }
    text
}

/// A file with the same header, and only the rows that have this label.
fn with_label(file: &str, label: u8) -> String {
    let rows = file.lines().skip(1);
    let rows = rows.filter(|row| row.ends_with(&format!(",{label}")));
    rows.fold(HEADER.to_owned(), |text, row| text + row + "\n")
}

/// A pipeline before its first run.
pub(crate) fn pipeline(world: World, trigger: &str, test: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.set(
        "schema",
        json!({"id": "client", "features": ["x"], "target": "left"}),
    );
    workspace.set("drift.trigger", json!(trigger));
    // The threshold of most programs, under which a model may flag nobody.
    workspace.set("scoring.threshold", json!(0.5));
    put(&workspace, "first", &clients(world, "p", 2000));
    workspace.write("data/testdata/t.csv", test);
    workspace
}

/// A pipeline with its first model.
pub(crate) fn started(world: World, trigger: &str) -> Workspace {
    let workspace = pipeline(world, trigger, &clients(world, "t", 800));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace
}

pub(crate) fn put(workspace: &Workspace, name: &str, text: &str) {
    workspace.write(&format!("data/practicedata/{name}.csv"), text);
}

#[track_caller]
fn says(record: &Value, part: &str, text: &str) {
    let found = record[part].to_string();
    assert!(found.contains(text), "{text:?} is not in {found}");
}

#[test]
fn one_row_decides_nothing_and_waits_for_others() {
    for trigger in ["score", "evidence"] {
        let workspace = started(USUAL, trigger);
        put(&workspace, "odd", &format!("{HEADER}odd,-9,1\n"));
        let record = workspace.fullprocess();
        assert_eq!(outcome(&record), "not_judged", "{record:#}");
        says(&record, "reason", "19 are missing, 4 with label 1");
        assert_eq!(workspace.live(), "000001");
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

        put(&workspace, "more", &clients(USUAL, "m", 60));
        let record = workspace.fullprocess();
        assert_ne!(outcome(&record), "not_judged", "{record:#}");
        assert_eq!(record["rows"]["new"], 61, "the row that waited counts once");
    }
}

#[test]
fn new_rows_of_one_label_wait() {
    let workspace = started(USUAL, "evidence");
    let stayed = with_label(&clients(USUAL, "s", 300), 0);
    put(&workspace, "stayed", &stayed);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    says(&record, "reason", "5 are missing, 5 with label 1");
}

#[test]
fn the_needed_labels_are_settings() {
    let mut workspace = started(USUAL, "score");
    workspace.set("drift.min_rows", json!(1));
    workspace.set("drift.min_of_each_label", json!(0));
    put(&workspace, "odd", &format!("{HEADER}odd,-9,1\n"));
    let record = workspace.fullprocess();
    // F1 is 0 on that row, which is not a usable score. One row is no evidence of drift.
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    put(&workspace, "hit", &format!("{HEADER}hit,3,1\n"));
    let record = workspace.fullprocess();
    assert_ne!(outcome(&record), "not_judged", "{record:#}");
}

#[test]
fn rows_that_wait_are_evaluated_once_fewer_labels_are_asked_for() {
    let mut workspace = started(USUAL, "score");
    put(&workspace, "few", &clients(USUAL, "w", 12));
    assert_eq!(outcome(&workspace.fullprocess()), "not_judged");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    workspace.set("drift.min_rows", json!(8));
    workspace.set("drift.min_of_each_label", json!(2));
    let record = workspace.fullprocess();
    assert_eq!(record["rows"]["new"], 12, "{record:#}");
    assert!(!["not_judged", "nothing_new"].contains(&outcome(&record)));
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_first_model_of_few_rows_is_deployed_with_a_warning() {
    let workspace = pipeline(USUAL, "evidence", &clients(USUAL, "t", 800));
    put(&workspace, "first", &clients(USUAL, "p", 12));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    says(&record, "warnings", "8 are missing");
}

#[test]
fn if_leavers_are_rare_an_f1_of_zero_replaces_no_model() {
    let rare = World {
        at_zero: -4500,
        slope: 700,
    };
    for trigger in ["score", "evidence"] {
        let workspace = started(rare, trigger);
        let cold = workspace.run("fullprocess", &["--doctor", "--json"]).json();
        says(&cold, "findings", "flags nobody");
        for batch in 0..6 {
            let name = format!("b{batch}_");
            put(&workspace, &name, &clients(rare, &name, 500));
            let record = workspace.fullprocess();
            assert_eq!(outcome(&record), "steady", "{trigger}: {record:#}");
            says(&record, "warnings", "flags nobody");
        }
        assert_eq!(workspace.live(), "000001");
    }
}

#[test]
fn many_leavers_under_a_model_that_expects_hardly_any_are_drift_at_once() {
    let rare = World {
        at_zero: -4200,
        slope: 500,
    };
    let many = World { at_zero: 0, ..rare };
    for trigger in ["score", "evidence"] {
        let workspace = started(rare, trigger);
        put(&workspace, "later", &clients(many, "l", 60));
        let record = workspace.fullprocess();
        assert_eq!(outcome(&record), "redeployed", "{trigger}: {record:#}");
    }
}

#[test]
fn rows_that_wait_open_no_alert_and_are_reported_as_waiting() {
    let workspace = started(USUAL, "evidence");
    let left = with_label(&clients(USUAL, "l", 120), 1);
    put(&workspace, "left", &left);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["evidence"]["verdicts"], Value::Null);
    let next = workspace.fullprocess();
    assert_eq!(outcome(&next), "nothing_new");
    says(&next, "reason", "new rows wait for more labels");
}

#[test]
fn test_data_of_one_label_is_a_warning_and_does_not_hide_a_reversed_world() {
    let before = World {
        at_zero: -1000,
        slope: 1500,
    };
    let reversed = World {
        slope: -1500,
        ..before
    };
    for trigger in ["score", "evidence"] {
        let test = with_label(&clients(before, "t", 900), 0);
        let workspace = pipeline(before, trigger, &test);
        let record = workspace.fullprocess();
        assert_eq!(outcome(&record), "cold_start", "{record:#}");
        says(&record, "warnings", "on the test data all ");
        put(&workspace, "later", &clients(reversed, "l", 600));
        let record = workspace.fullprocess();
        let model = &record["evidence"]["verdicts"]["model"]["verdict"];
        assert_eq!(model, "drift", "{record:#}");
        assert_ne!(outcome(&record), "steady", "{record:#}");
    }
}

#[test]
fn drift_that_the_score_does_not_see_is_noted() {
    let workspace = started(USUAL, "score");
    // The same clients leave with less noise: F1 is higher, but the probabilities are wrong.
    let surer = World {
        slope: 6000,
        ..USUAL
    };
    put(&workspace, "later", &clients(surer, "l", 600));
    let dry = workspace
        .run("fullprocess", &["--dry-run", "--json"])
        .json();
    assert_eq!(outcome(&dry), "drift_noted", "{dry:#}");
    let quiet = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!(quiet.code, 0, "{}", quiet.stderr);
    assert!(quiet.stdout.contains(": drift_noted\n"), "{}", quiet.stdout);
    assert_eq!(workspace.live(), "000001");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn old_test_data_and_f1_stop_no_candidate_after_model_drift() {
    let workspace = started(USUAL, "evidence");
    let reversed = World {
        slope: -1500,
        ..USUAL
    };
    // As many rows as before, so that the candidate is right about the new ones.
    put(&workspace, "later", &clients(reversed, "l", 3000));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    let [candidate, deployed] = ["candidate_log_loss", "incumbent_log_loss"]
        .map(|which| record["comparison"]["guard"][which].as_f64().expect(which));
    assert!(candidate > deployed, "the test data is of the former world");
    says(
        &record,
        "verdict",
        "after model drift older test data decides nothing",
    );
    assert_eq!(workspace.live(), "000002");
}

#[test]
fn without_model_drift_a_candidate_must_be_better_beyond_chance() {
    let workspace = started(USUAL, "score");
    // The test clients under other names. The score equals the deployed one, so it is a tie.
    let same = clients(USUAL, "t", 800).replace("\nt", "\nu");
    put(&workspace, "later", &same);
    let record = workspace.fullprocess();
    assert_eq!(record["comparison"]["model_drift"], false, "{record:#}");
    says(
        &record,
        "verdict",
        "not significantly better, which it must be without model drift",
    );
    assert_eq!(outcome(&record), "candidate_refused", "{record:#}");
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn f1_stands_with_its_interval_where_it_decides_and_is_shown() {
    let workspace = started(USUAL, "score");
    put(&workspace, "later", &clients(USUAL, "l", 300));
    let record = workspace.fullprocess();
    for score in ["new_score", "deployed_score"] {
        let value = record[score].as_f64().expect(score);
        let interval = &record[format!("{score}_interval")];
        let [lower, upper] = [0, 1].map(|end| interval[end].as_f64().expect("an end"));
        assert!(lower < value && value < upper, "{record:#}");
    }
    says(&record, "reason", "(95 % interval 0.");
    let manifest: Value =
        serde_json::from_str(&workspace.text("production_deployment/current/manifest.json"))
            .expect("a manifest");
    assert_eq!(
        manifest["score_interval"],
        record["deployed_score_interval"]
    );
    for (program, arguments) in [
        ("scoring", &[][..]),
        ("diagnostics", &[]),
        ("reporting", &[]),
    ] {
        let shown = workspace.run(program, arguments);
        let text = shown.stdout.as_str();
        assert!(text.contains("(95 % interval 0."), "{program}: {text}");
    }
}
