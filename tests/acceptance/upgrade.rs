//! Pipelines of older versions can be read and continued.

use std::fs;

use serde_json::{Value, json};

use crate::program;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

#[test]
fn a_pipeline_of_version_1_goes_on_where_it_was() {
    goes_on("v1", 0.514_285_714_285_714_2);
}

#[test]
fn a_pipeline_of_version_2_goes_on_where_it_was() {
    goes_on("v2", 0.514_285_714_285_714_2);
}

#[test]
fn a_pipeline_of_version_3_goes_on_where_it_was() {
    goes_on("v3", 0.514_285_714_285_714_2);
}

#[test]
fn a_pipeline_of_version_4_goes_on_where_it_was() {
    goes_on("v4", 0.514_285_714_285_714_2);
}

#[test]
fn a_pipeline_of_version_5_goes_on_where_it_was() {
    // Its model has a threshold of its own.
    goes_on("v5", 0.655_172_413_793_103_4);
}

#[test]
fn a_pipeline_of_version_6_goes_on_where_it_was() {
    goes_on("v6", 0.655_172_413_793_103_4);
}

#[test]
fn a_history_that_no_run_has_brought_up_to_date_is_shown_as_it_is() {
    for (version, tests) in [
        ("v1", 0),
        ("v2", 0),
        ("v3", 9),
        ("v4", 9),
        ("v5", 9),
        ("v6", 13),
    ] {
        let mut workspace = Workspace::from_frozen(version);
        let history = workspace.path("data/state/history.db");
        let before = fs::read(&history).expect("a history");
        let server = Server::start(&mut workspace);
        let runs = server.get("/v1/runs").json(200)["runs"].clone();
        let outcomes: Vec<&str> = runs.as_array().expect("runs").iter().map(outcome).collect();
        assert_eq!(outcomes, ["steady", "nothing_new", "cold_start"]);
        let drift = server.get("/v1/drift").json(200)["runs"].clone();
        assert_eq!(drift.as_array().expect("runs").len(), 2, "{version}");
        assert_eq!(drift[0]["evidence"]["new_labelled_rows"], 1);
        let shown = drift[0]["verdicts"].as_array().expect("verdicts");
        assert_eq!(shown.len(), tests, "{version}: {shown:#?}");
        let one = server.get("/v1/runs/3").json(200);
        assert_eq!(one["evidence"], drift[0]["evidence"]);
        let after = fs::read(&history).expect("a history");
        assert!(after == before, "reading writes nothing");
    }
}

#[test]
fn the_verdicts_that_version_3_kept_in_a_table_are_those_of_its_records() {
    let mut workspace = Workspace::from_frozen("v3");
    let server = Server::start(&mut workspace);
    let drift = server.get("/v1/drift?limit=1").json(200);
    let shown = &drift["runs"][0]["verdicts"];
    // The rows of the table in the frozen history. It had no line for both tests of the model.
    let of_model = |test: &str| {
        json!({
            "subject": "model", "test": test, "verdict": "insufficient_data", "rows": 1,
            "statistic": null, "p_value": null, "level": null, "effect": null,
        })
    };
    let of_feature = |name: &str, test: &str, statistic: Option<f64>, p_value: f64, effect: f64| {
        json!({
            "subject": format!("feature {name}"), "test": test, "verdict": "ok", "rows": 1,
            "statistic": statistic, "p_value": p_value, "level": 0.005, "effect": effect,
        })
    };
    let distribution = |name: &str, statistic: f64, p_value: f64, effect: f64| {
        let test = "distribution: kolmogorov_smirnov";
        of_feature(name, test, Some(statistic), p_value, effect)
    };
    let missing = |name: &str| of_feature(name, "missing: fisher", None, 1.0, 0.0);
    let [month, year, size] = [
        "lastmonth_activity",
        "lastyear_activity",
        "number_of_employees",
    ];
    let expected = json!([
        of_model("both"),
        of_model("score_test_of_batch"),
        of_model("score_test_since_live"),
        distribution(month, 0.975, 0.444_444_444_444_444_3, 0.920_502_016_857_517),
        missing(month),
        distribution(year, 0.85, 1.0, 1.018_210_297_003_610_2),
        missing(year),
        distribution(size, 0.95, 0.617_283_950_617_283_9, 1.147_635_596_914_988),
        missing(size),
    ]);
    assert_eq!(*shown, expected);
}

#[test]
fn every_version_of_the_history_is_frozen() {
    let workspace = Workspace::empty();
    workspace.run("fullprocess", &[]);
    let (_, newest) = workspace.history().versions().expect("versions");
    let frozen = fs::read_dir(program::repository().join("tests/frozen")).expect("frozen");
    let folders = frozen.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), newest, "each new version adds a folder");
}

fn goes_on(version: &str, score: f64) {
    let workspace = Workspace::from_frozen(version);
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let outcomes: Vec<&str> = runs.as_array().expect("runs").iter().map(outcome).collect();
    assert_eq!(outcomes, ["steady", "nothing_new", "cold_start"]);
    let listed = workspace.run("deployment", &["--list", "--json"]).json();
    assert_eq!(listed["releases"][0]["score"], score);

    let shown = workspace.run("diagnostics", &["--json"]).json();
    assert_eq!(shown["problems"], Value::Array(Vec::new()));
    assert_eq!(
        shown["deployed"]["current_score"],
        shown["deployed"]["deployed_score"]
    );
    assert_eq!(shown["summary"]["rows"], 81);

    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    // The rows evaluated then are still recognised by their fingerprints.
    let text = workspace.text("data/practicedata/clients.csv");
    let (header, rows) = text.split_once('\n').expect("a header");
    workspace.write(
        "data/practicedata/again.csv",
        format!("{header}\n{rows}New Co,1,500,9,1\n"),
    );
    let record = workspace.fullprocess();
    assert_eq!(record["rows"]["duplicate"], 80, "{record:#}");
    assert_eq!(record["rows"]["new"], 1);
}
