//! What the programs say at the edges: previews, files that cannot be written, a model that is live
//! already, and test data that is missing.

use std::fs;

use acceptance::sample_data::{HEADER, World, clients, to_csv};
use serde_json::json;

use crate::workspace::{Finished, Workspace, outcome};

/// The line of a run's text that begins with this word.
#[track_caller]
fn line<'t>(finished: &'t Finished, word: &str) -> &'t str {
    let begins = format!("  {word} ");
    let mut lines = finished.stdout.lines();
    let found = lines.find(|line| line.starts_with(&begins));
    found.unwrap_or_else(|| panic!("no line {word}:\n{}", finished.stdout))
}

#[test]
fn a_dry_run_names_no_release_that_it_does_not_make() {
    let workspace = Workspace::with_sample_data();
    let dry = workspace.run("fullprocess", &["--dry-run"]);
    let done = line(&dry, "done");
    assert!(
        done.ends_with(" the first model would be deployed"),
        "{done}"
    );
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace.copy_sample("sourcedata", "practicedata");
    let dry = workspace.run("fullprocess", &["--dry-run"]);
    let done = line(&dry, "done");
    assert!(
        done.contains(
            " a new model would be deployed; on 3,096 new rows it is significantly better"
        ),
        "{done}"
    );
    assert!(!done.contains("00000"), "{done}");
}

#[test]
fn a_run_whose_metrics_cannot_be_written_prints_its_report_and_names_the_file() {
    let workspace = Workspace::with_sample_data();
    let run = workspace.run("fullprocess", &["--metrics-file", "/nowhere/risk.prom"]);
    assert_eq!(run.code, 74, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("run 1: cold_start"),
        "{}",
        run.stdout
    );
    let says = "the metrics could not be written to /nowhere/risk.prom: ";
    assert!(run.stderr.contains(says), "{}", run.stderr);
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn a_list_of_no_runs_is_a_usage_error() {
    let workspace = Workspace::empty();
    workspace
        .run("fullprocess", &["--history", "--limit", "0"])
        .failed(2, "--limit");
}

#[test]
fn a_model_that_is_live_already_is_not_published_again() {
    let workspace = Workspace::after_cold_start();
    let before = workspace.snapshot(&["production_deployment"]);
    let again = workspace.run("deployment", &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(
        again.stdout,
        "nothing was changed: the candidate is the model of release 000001, which is live\n"
    );
    let report = workspace.run("deployment", &["--json"]).json();
    assert_eq!(report["release"], "000001");
    assert_eq!(report["is_unchanged"], true);
    assert_eq!(workspace.snapshot(&["production_deployment"]), before);
}

#[test]
fn a_candidate_that_is_deployed_by_hand_is_reported_with_the_result_of_its_gate() {
    for (policy, says) in [
        ("ask", "deployed by hand: it passed the gate of run 2\n"),
        (
            "not_worse",
            "deployed by hand: the gate of run 2 had rejected it\n",
        ),
    ] {
        let mut workspace = Workspace::after_cold_start();
        workspace.set("deployment.gate", json!(policy));
        let expected = match policy {
            "ask" => {
                workspace.copy_sample("sourcedata", "practicedata");
                "candidate_waiting"
            }
            _ => {
                let few = to_csv(&clients(World::Before, 31, 30));
                workspace.write("data/few/clients.csv", few);
                workspace.set_input(&["few"]);
                workspace.set("drift.trigger", json!("score"));
                "candidate_refused"
            }
        };
        assert_eq!(outcome(&workspace.fullprocess()), expected);
        let deployed = workspace.run("deployment", &[]);
        assert!(deployed.stdout.ends_with(says), "{}", deployed.stdout);
        // The next run says who made the release live.
        let next = workspace.run("fullprocess", &[]);
        let why = line(&next, "why");
        assert!(
            why.ends_with("; release 000002 was made live by hand"),
            "{why}"
        );
    }
}

#[test]
fn missing_test_data_is_found_before_the_training() {
    let workspace = Workspace::with_sample_data();
    for name in fs::read_dir(workspace.path("data/testdata")).expect("a folder") {
        fs::remove_file(name.expect("an entry").path()).expect("a file");
    }
    let run = workspace.run("fullprocess", &[]);
    run.failed(
        65,
        "has no usable labelled row: the folder holds no CSV file; put a CSV file with known outcomes there",
    );
    let record = workspace.last_record();
    assert_eq!(outcome(&record), "failed", "{record:#}");
    assert!(record["seconds"]["training"].is_null(), "{record:#}");
}

#[test]
fn a_file_without_the_target_is_named_with_its_column() {
    let workspace = Workspace::after_cold_start();
    let header = HEADER.rsplit_once(',').expect("columns").0;
    let rows: String = (0..100).map(|row| format!("n{row},{row},9,3\n")).collect();
    workspace.write(
        "data/practicedata/notarget.csv",
        format!("{header}\n{rows}"),
    );
    let run = workspace.run("fullprocess", &[]);
    assert_eq!(
        line(&run, "why"),
        "  why        no new row has a label: data/practicedata/notarget.csv has no column exited, so its 100 rows have no label"
    );
    assert_eq!(
        line(&run, "next"),
        "  next       wait for labels, or add a file with outcomes; check whether the clients really changed, or the source has a fault"
    );
    assert!(!run.stdout.contains("\n  model "), "{}", run.stdout);
}

#[test]
fn two_thousand_rejected_rows_are_one_line_of_the_report() {
    let workspace = Workspace::after_cold_start();
    let bad = (0..2_000).map(|row| format!("b{row},x{row},9,3,1\n"));
    let good = (0..90).map(|row| format!("g{row},{row},{},30,{}\n", 9 * row, row % 2));
    let rows: String = bad.chain(good).collect();
    workspace.write("data/practicedata/bad2000.csv", format!("{HEADER}\n{rows}"));
    let run = workspace.run("fullprocess", &[]);
    let rejected = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("  rejected "));
    let rejected: Vec<&str> = rejected.collect();
    assert_eq!(
        rejected,
        [
            "  rejected   data/practicedata/bad2000.csv: 2,000 of 2,090 rows; line 2, lastmonth_activity: \"x0\" is not a number; line 3, lastmonth_activity: \"x1\" is not a number; line 4, lastmonth_activity: \"x2\" is not a number; all are in rejectedrows.csv"
        ]
    );
    let next = line(&run, "next");
    assert!(
        next.contains("fix the source: 2,000 of 2,090 rows were rejected (rejectedrows.csv)"),
        "{next}"
    );
}
