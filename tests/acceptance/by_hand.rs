//! The stages, run one by one, and the sample data that they run on.

use std::fs;

use serde_json::Value;

use crate::workspace::Workspace;

#[test]
fn s07_the_stages_by_hand_give_the_same_files_as_the_run() {
    let by_run = Workspace::after_cold_start();
    let by_hand = Workspace::with_sample_data();
    for stage in [
        "ingestion",
        "training",
        "scoring",
        "deployment",
        "reporting",
    ] {
        let done = by_hand.run(stage, &[]);
        assert_eq!(done.code, 0, "{stage}: {}", done.stderr);
        assert!(!done.stdout.is_empty(), "{stage} says nothing");
    }
    for name in [
        "data/ingesteddata/finaldata.csv",
        "data/ingesteddata/ingestedfiles.txt",
        "data/ingesteddata/rejectedrows.csv",
        "data/models/trainedmodel.msgpack",
        "data/models/latestscore.txt",
        "data/models/confusionmatrix.png",
        "production_deployment/trainedmodel.msgpack",
        "production_deployment/latestscore.txt",
        "production_deployment/ingestedfiles.txt",
        "production_deployment/confusionmatrix.png",
        "production_deployment/scorecard.csv",
    ] {
        let read = |workspace: &Workspace| fs::read(workspace.path(name)).expect(name);
        assert_eq!(read(&by_run), read(&by_hand), "{name}");
    }
}

#[test]
fn every_file_accounts_for_its_rows() {
    let workspace = Workspace::with_sample_data();
    let report = workspace.run("ingestion", &["--json"]).json();
    let files = report["files"].as_array().expect("files");
    assert_eq!(files.len(), 2);
    for file in files {
        let count = |name: &str| file["rows"][name].as_u64().expect("a count");
        assert!(count("read") > 0);
        assert_eq!(
            count("read"),
            count("kept") + count("duplicate") + count("rejected")
        );
    }
}

#[test]
fn training_prints_raw_coefficients_by_feature_name() {
    let workspace = Workspace::with_sample_data();
    workspace.run("ingestion", &[]);
    let report = workspace.run("training", &["--json"]).json();
    for (name, expected) in [
        ("lastmonth_activity", -0.010_336_78),
        ("lastyear_activity", 0.000_353_33),
        ("number_of_employees", -0.002_909_91),
    ] {
        let found = report["coefficients"][name].as_f64().expect(name);
        // The values of scikit-learn on the same rows, rounded as shown.
        assert!((found - expected).abs() < 1e-7, "{name}: {found}");
    }
    assert!((report["intercept"].as_f64().expect("a number") - 1.125_795_93).abs() < 1e-7);
    assert_eq!(report["rows"], 4895);
    assert_eq!(report["check"], "confirmed");
    assert!(report["iterations"].is_number() && report["gradient_norm"].is_number());
}

#[test]
fn the_stages_say_what_to_run_first() {
    let workspace = Workspace::with_sample_data();
    workspace.run("training", &[]).failed(65, "`ingestion`");
    workspace.run("deployment", &[]).failed(65, "`training`");
    assert_eq!(
        workspace.run("deployment", &["--list"]).stdout,
        "nothing is deployed\n"
    );
}

#[test]
fn diagnostics_shows_the_state_and_changes_nothing() {
    let workspace = Workspace::after_cold_start();
    let before = workspace.snapshot(&["data", "production_deployment"]);
    let shown: Value = workspace
        .run("diagnostics", &["--json", "--measure"])
        .json();
    assert_eq!(
        workspace.snapshot(&["data", "production_deployment"]),
        before
    );
    assert_eq!(
        shown["deployed"]["predictions"].as_array().map(Vec::len),
        Some(2000)
    );
    assert_eq!(
        shown["deployed"]["deployed_score"],
        shown["deployed"]["current_score"]
    );
    assert_eq!(shown["summary"]["rows"], 4895);
    assert_eq!(shown["missing"][0]["column"], "lastmonth_activity");
    assert!(shown["missing"][0]["missing"].as_u64() > Some(0));
    let stages: Vec<&str> = shown["timings"]
        .as_array()
        .expect("timings")
        .iter()
        .filter_map(|timing| timing["stage"].as_str())
        .collect();
    assert!(
        stages.contains(&"training") && stages.contains(&"ingestion"),
        "{stages:?}"
    );
    assert!(shown["measured"]["training_seconds"].as_f64() > Some(0.0));
    assert_eq!(shown["last_run"]["outcome"], "cold_start");
}

#[test]
fn the_history_forgets_old_runs_that_found_nothing_and_no_others() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("history.keep_runs", serde_json::json!(2));
    for _ in 0..5 {
        workspace.fullprocess();
    }
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let ids: Vec<i64> = runs
        .as_array()
        .expect("runs")
        .iter()
        .filter_map(|run| run["run_id"].as_i64())
        .collect();
    assert_eq!(ids, [5, 4, 1]);
}

#[test]
fn the_history_lists_the_runs_newest_first() {
    let workspace = Workspace::after_cold_start();
    workspace.fullprocess();
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let outcomes: Vec<&str> = runs
        .as_array()
        .expect("runs")
        .iter()
        .filter_map(|run| run["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["nothing_new", "cold_start"]);
    let limited = workspace.run("fullprocess", &["--history", "--limit", "1"]);
    assert_eq!(limited.stdout.lines().count(), 2, "{}", limited.stdout);
}
