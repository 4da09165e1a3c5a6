//! The tests that distinguish drift from chance, as a user runs them.

use std::fmt::Write;
use std::process::Command;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::program;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// Rows of an artificial export. `by` is added to the amount, and every `gap`-th region is missing.
fn export(rows: usize, by: f64, gap: usize) -> String {
    let mut text = String::from("corporation,amount,region,p,predicted,exited\n");
    for row in 0..rows {
        let amount = (row as f64 * 12.9898).sin() * 50.0 + by;
        let region = ["north", "south", ""][if row % gap == 0 { 2 } else { row % 2 }];
        let p = 0.05 + 0.1 * (row % 10) as f64;
        let (predicted, left) = (u8::from(p > 0.5), u8::from((row / 10) % 10 < row % 10));
        writeln!(text, "c{row},{amount},{region},{p},{predicted},{left}").expect("text");
    }
    text
}

fn column<'a>(report: &'a Value, name: &str) -> &'a Value {
    let columns = report["columns"].as_array().expect("columns");
    columns
        .iter()
        .find(|column| column["name"] == name)
        .expect("the column")
}

#[test]
fn any_two_files_can_be_compared_and_nothing_is_changed() {
    let workspace = Workspace::empty();
    workspace.write("before.csv", export(2000, 0.0, 1000));
    workspace.write("same.csv", export(400, 0.5, 400));
    workspace.write("moved.csv", export(400, 20.0, 7));
    let files = |name: &str| [workspace.path("before.csv"), workspace.path(name)];
    let compare = |name: &str, more: &[&str]| {
        let mut command = workspace.command("diagnostics");
        command.arg("--compare").args(files(name)).args(more);
        workspace.finish(&mut command)
    };
    let untouched = workspace.snapshot(&[""]);

    let same = compare("same.csv", &["--json"]).json();
    assert_eq!(same["verdict"], "ok", "{same:#}");

    // No configuration is needed.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(program::path("diagnostics"));
    command.env_clear().current_dir(elsewhere.path());
    command
        .args(["--json", "--compare"])
        .args(files("same.csv"));
    let without = workspace.finish(&mut command).json();
    assert_eq!(without["verdict"], "ok", "{without:#}");

    let moved = compare("moved.csv", &["--json"]).json();
    assert_eq!(moved["verdict"], "drift");
    assert_eq!(moved["joint"]["verdict"], "drift");
    let amount = column(&moved, "amount");
    assert_eq!(amount["distribution"]["verdict"], "drift");
    assert!(amount["distribution"]["p_value"].as_f64().expect("p") < 1e-6);
    assert!(
        amount["distribution"]["effect"]
            .as_f64()
            .expect("an effect")
            > 0.4
    );
    assert_eq!(amount["missing"]["verdict"], "ok");
    let region = column(&moved, "region");
    assert_eq!(region["kind"], "category");
    assert_eq!(region["distribution"]["verdict"], "ok");
    assert_eq!(region["missing"]["verdict"], "drift");
    assert!(moved.get("performance").is_none());

    let answers = ["--probability", "p", "--prediction", "predicted"];
    let judged = compare("same.csv", &[&answers[..], &["--json"]].concat()).json();
    let performance = &judged["performance"];
    let f1 = |which: &str| performance[which]["f1"].as_f64().expect(which);
    assert!(
        (f1("estimated") - f1("realised")).abs() < 0.05,
        "{performance:#}"
    );

    let text = compare("moved.csv", &answers);
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(text.stdout.starts_with("drift\n"), "{}", text.stdout);
    assert!(
        text.stdout.contains("blind to concept drift"),
        "{}",
        text.stdout
    );

    compare("absent.csv", &[]).failed(74, "absent.csv");
    compare("same.csv", &["--probability", "q", "--prediction", "p"])
        .failed(65, "the column q is missing");
    compare("same.csv", &["--probability", "p"]).failed(2, "--prediction");
    assert_eq!(workspace.snapshot(&[""]), untouched);
}

/// A pipeline with its first model, ready for more exports in its input folder.
fn watching(trigger: &str) -> Workspace {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("drift.trigger", json!(trigger));
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write("data/exports/readme", "");
    workspace
}

/// Writes another export and runs the pipeline.
fn after_export(workspace: &Workspace, world: World, seed: u64, rows: usize) -> Value {
    let name = format!("data/exports/{seed}.csv");
    workspace.write(&name, to_csv(&clients(world, seed, rows)));
    workspace.fullprocess()
}

fn verdicts(record: &Value) -> &Value {
    &record["evidence"]["verdicts"]
}

/// The tests of the newest run, as the server lists them.
fn listed_tests(workspace: &mut Workspace, record: &Value) -> Vec<Value> {
    let server = Server::start(workspace);
    let newest = server.get("/v1/drift?limit=1").json(200)["runs"][0].clone();
    assert_eq!(newest["run_id"], record["run_id"]);
    newest["verdicts"].as_array().expect("verdicts").clone()
}

fn rows_in_sums(record: &Value) -> Option<u64> {
    verdicts(record)["model"]["cumulative"]["rows"].as_u64()
}

#[test]
fn with_the_evidence_as_trigger_a_model_is_retrained_only_after_model_drift() {
    let mut workspace = watching("evidence");
    let same = after_export(&workspace, World::Before, 20, 400);
    assert_eq!(outcome(&same), "steady", "{same:#}");
    assert_eq!(verdicts(&same)["verdict"], "ok");
    assert_eq!(rows_in_sums(&same), Some(400));
    let reason = same["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("the model still fits 400 new rows with a label (no model drift, p = "),
        "{reason}"
    );

    let more = after_export(&workspace, World::Before, 21, 300);
    assert_eq!(outcome(&more), "steady", "{more:#}");
    assert_eq!(rows_in_sums(&more), Some(700), "batches add up");

    let changed = after_export(&workspace, World::After, 22, 400);
    assert_eq!(outcome(&changed), "redeployed", "{changed:#}");
    assert_eq!(verdicts(&changed)["model"]["verdict"], "drift");
    let moved = &verdicts(&changed)["model"]["moved"]["feature"];
    assert_eq!(moved, "number_of_employees");
    let features = verdicts(&changed)["features"].as_array().expect("features");
    assert!(features.iter().all(|feature| feature["verdict"] == "ok"));

    let tests = listed_tests(&mut workspace, &changed);
    let of = |subject: &str, test: &str| {
        let starts = |found: &Value| found.as_str().is_some_and(|name| name.starts_with(test));
        let is_it = |found: &&Value| found["subject"] == subject && starts(&found["test"]);
        tests.iter().find(is_it).expect("a test")
    };
    let model = of("model", "score_test_of_batch");
    assert_eq!(
        (&model["verdict"], &model["rows"]),
        (&json!("drift"), &json!(400))
    );
    assert_eq!(model["level"], 0.005);
    let single = &verdicts(&changed)["model"]["single"];
    assert_eq!(model["p_value"], single["p_value"]);
    for feature in features {
        let name = feature["name"].as_str().expect("a name");
        let row = of(&format!("feature {name}"), "distribution: ");
        assert_eq!(row["verdict"], "ok");
        assert_eq!(row["effect"], feature["distribution"]["effect"]);
        assert_eq!(row["rows"], feature["distribution"]["rows"][1]);
    }
    assert_eq!(
        tests.len(),
        6 + 3 * features.len(),
        "a row a test, and one for all of the model"
    );
    let segments = &verdicts(&changed)["segments"];
    assert_eq!(segments["verdict"], "drift");
    let worst = &segments["segments"][0];
    assert_eq!(worst["feature"], "number_of_employees");
    let listed = of("segments", "residuals");
    assert_eq!(
        (&listed["verdict"], &listed["rows"]),
        (&json!("drift"), &json!(400))
    );
    assert_eq!(listed["p_value"], worst["corrected_p_value"]);
    let both = of("model", "both");
    assert_eq!(
        (&both["verdict"], &both["rows"]),
        (&json!("drift"), &json!(400))
    );

    let next = after_export(&workspace, World::After, 23, 200);
    assert_eq!(
        rows_in_sums(&next),
        Some(200),
        "another model begins with no sums"
    );
}

#[test]
fn rows_too_few_for_the_evidence_wait_for_more() {
    let workspace = watching("evidence");
    let few = after_export(&workspace, World::Before, 20, 5);
    assert_eq!(outcome(&few), "not_judged", "{few:#}");
    assert_eq!(
        verdicts(&few),
        &Value::Null,
        "rows that wait are not tested"
    );
    let enough = after_export(&workspace, World::Before, 21, 300);
    assert_eq!(outcome(&enough), "steady", "{enough:#}");
    assert_eq!(enough["rows"]["new"], 305);
    assert_eq!(rows_in_sums(&enough), Some(305), "no row counts twice");
}

#[test]
fn with_the_score_as_trigger_it_decides_and_the_verdicts_are_only_shown() {
    let workspace = watching("score");
    workspace.write(
        "data/exports/20.csv",
        to_csv(&clients(World::Before, 20, 300)),
    );
    let text = workspace.run("fullprocess", &[]).stdout;
    assert!(text.contains("  why        F1 is 0."), "{text}");
    assert!(
        text.contains("  model      the model still fits 300 new rows"),
        "{text}"
    );
    assert!(
        text.contains("  features   no feature drift: new clients resemble"),
        "{text}"
    );

    let record = after_export(&workspace, World::After, 21, 400);
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    let reason = record["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("F1 is 0.") && reason.contains(" on the new rows, not higher than "),
        "{reason}"
    );
    assert_eq!(verdicts(&record)["model"]["verdict"], "drift");
}

#[test]
fn the_trigger_and_its_level_are_checked_like_every_setting() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("drift", json!({"trigger": "proof", "alpha": 0.7}));
    let found = workspace.run("fullprocess", &[]);
    assert_eq!(found.code, 78, "{}", found.stderr);
    for problem in [
        "drift.trigger",
        "drift.alpha: must be above 0 and at most 0.5",
    ] {
        assert!(found.stderr.contains(problem), "{}", found.stderr);
    }
}
