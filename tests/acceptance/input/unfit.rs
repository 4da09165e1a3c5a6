//! Rows on which no model can be fitted or scored: an error before anything is deployed.

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::Value;

use super::{HEADER, IN};
use crate::workspace::{Workspace, outcome};

#[test]
fn s20_one_label_is_refused_before_the_first_model_and_waits_after_it() {
    let one_label = |first: u32| -> String {
        let rows = (first..first + 30).map(|row| format!("c{row},{row},9,3,1\n"));
        std::iter::once(format!("{HEADER}\n")).chain(rows).collect()
    };
    let cold = Workspace::empty();
    cold.copy_sample("testdata", "testdata");
    cold.write(&format!("{IN}/a.csv"), one_label(0));
    let run = cold.run("fullprocess", &["--json"]);
    assert_eq!(run.code, 65, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(outcome(&record), "training_refused");
    assert!(
        record["reason"]
            .as_str()
            .expect("a reason")
            .contains("have label 1"),
        "{record:#}"
    );
    assert!(!cold.path("production_deployment/current").exists());
    assert!(!cold.path("data/models/trainedmodel.msgpack").exists());

    let mut warm = Workspace::after_cold_start();
    let production = warm.snapshot(&["production_deployment"]);
    warm.write("data/one/a.csv", one_label(500));
    warm.set_input(&["one"]);
    let record = warm.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(warm.snapshot(&["production_deployment"]), production);
    assert_eq!(outcome(&warm.fullprocess()), "nothing_new");
}

#[test]
fn s27_test_data_that_cannot_serve_stops_before_anything_is_deployed() {
    let whole = to_csv(&clients(World::Before, 42, 50));
    let stayed: String = String::from_utf8(whole.clone())
        .expect("UTF-8")
        .lines()
        .filter(|line| !line.ends_with(",1"))
        .flat_map(|line| [line.replace("exited", "left"), "\n".into()])
        .collect();
    let none_positive = stayed.replacen("left", "exited", 1);
    for (content, says) in [
        (format!("{HEADER}\n"), "no usable labelled row"),
        ("corporation,exited\na,1\n".to_owned(), "lastmonth_activity"),
        (stayed, "no usable labelled row"),
    ] {
        let workspace = Workspace::with_sample_data();
        workspace.write("data/testdata/clients_held_back.csv", content);
        workspace.run("fullprocess", &[]).failed(65, says);
        assert!(
            !workspace.path("production_deployment/current").exists(),
            "{says}"
        );
    }
    // There is no positive label, and the model predicts none.
    let mut workspace = Workspace::with_sample_data();
    workspace.set("training.c", Value::from(1e-12));
    workspace.set("training.form", "linear".into());
    workspace.set("scoring.threshold", Value::from(0.5));
    workspace.write("data/testdata/clients_held_back.csv", none_positive);
    workspace
        .run("fullprocess", &[])
        .failed(65, "F1 is undefined");
    assert!(!workspace.path("production_deployment/current").exists());

    let workspace = Workspace::with_sample_data();
    let practice = workspace.text(&format!("{IN}/clients_2025_h1.csv"));
    let shared: Vec<&str> = practice.lines().skip(1).take(10).collect();
    let test = workspace.text("data/testdata/clients_held_back.csv");
    workspace.write(
        "data/testdata/clients_held_back.csv",
        format!("{test}{}\n", shared.join("\n")),
    );
    let record = workspace.fullprocess();
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("10 rows of the test data"), "{warnings}");
}
