//! More rows than memory holds: a run works on a sample of the clients, and says so.

use serde_json::{Value, json};

use crate::decisions::{USUAL, World, clients, pipeline, put};
use crate::workspace::{Workspace, outcome};

/// The law of [`USUAL`] turned round.
const TURNED: World = World {
    at_zero: 0,
    slope: -1500,
};

/// True if a warning of the run says all of this.
fn warns(record: &Value, parts: &[&str]) -> bool {
    let warnings = record["warnings"].as_array().expect("warnings");
    let texts = warnings.iter().filter_map(Value::as_str);
    let mut texts = texts.filter(|text| parts.iter().all(|part| text.contains(part)));
    texts.next().is_some()
}

/// A pipeline that may have about 4,000 rows in memory.
fn small_memory(first_rows: usize) -> Workspace {
    let mut workspace = pipeline(USUAL, "evidence", &clients(USUAL, "t", 800));
    workspace.set("training.memory_limit_mib", json!(1));
    put(&workspace, "first", &clients(USUAL, "p", first_rows));
    workspace
}

#[test]
fn a_run_beyond_its_memory_uses_a_sample_and_says_so() {
    let workspace = small_memory(12_000);
    let first = workspace.fullprocess();
    assert_eq!(outcome(&first), "cold_start");
    let of_first = "of 12,000 rows, as training.memory_limit_mib is 1";
    assert!(
        warns(&first, &["trained on a sample of", of_first]),
        "{first}"
    );
    assert_eq!(first["evidence"]["labelled_rows"], 12_000);
    assert_eq!(first["evidence"]["new_rows"], 12_000);
    let release = workspace.text("production_deployment/current/report.html");
    assert!(release.contains(of_first), "the report of the release");

    put(&workspace, "second", &clients(USUAL, "q", 9_000));
    let second = workspace.fullprocess();
    assert_eq!(outcome(&second), "steady", "{second}");
    let evidence = &second["evidence"];
    assert!(
        warns(&second, &["evaluated on", "of 21,000 rows"]),
        "{second}"
    );
    assert_eq!(evidence["new_rows"], 9_000);
    assert_eq!(evidence["new_labelled_rows"], 9_000);
    let counted = evidence["on_all_rows"]["confusion"].as_object().unwrap();
    let counted: u64 = counted.values().filter_map(Value::as_u64).sum();
    assert_eq!(counted, 21_000, "the confusion matrix is of all rows");
    assert!(evidence["on_new_rows"]["rows"].as_u64() < Some(4_000));

    // Few new rows are in memory as a whole, and nothing has to be said.
    put(&workspace, "third", &clients(USUAL, "r", 500));
    let third = workspace.fullprocess();
    assert_eq!(third["evidence"]["on_new_rows"]["rows"], 500, "{third}");
    assert!(!warns(&third, &["sample"]), "{third}");

    put(&workspace, "fourth", &clients(TURNED, "s", 1_000));
    let fourth = workspace.fullprocess();
    assert_eq!(outcome(&fourth), "redeployed", "{fourth}");
    assert!(
        warns(&fourth, &["trained on a sample of", "of 22,500 rows"]),
        "{fourth}"
    );
    let windows = fourth["windows"].as_array().expect("windows");
    let first_rows: Vec<u64> = windows
        .iter()
        .filter_map(|window| window["first_row"].as_u64())
        .collect();
    assert_eq!(first_rows, [0, 21_500, 21_000], "numbers of finaldata.csv");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn training_by_hand_beyond_its_memory_says_so() {
    let workspace = small_memory(12_000);
    workspace.run("ingestion", &[]);
    let trained = workspace.run("training", &["--json"]).json();
    assert!(trained["rows"].as_u64() < Some(4_100), "{trained}");
    let notes = trained["notes"].to_string();
    assert!(notes.contains("trained on a sample of"), "{notes}");
    let again = workspace.run("training", &["--json"]).json();
    assert_eq!(again["digest"], trained["digest"], "the same sample");
}

#[test]
fn the_call_list_is_of_all_rows_whatever_the_memory() {
    let workspace = small_memory(12_000);
    workspace.fullprocess();
    let unlabelled = clients(USUAL, "u", 6_000)
        .lines()
        .skip(1)
        .map(|row| row[..row.len() - 1].to_owned() + "\n")
        .collect::<String>();
    put(
        &workspace,
        "unlabelled",
        &format!("client,x,left\n{unlabelled}"),
    );
    let run = workspace.fullprocess();
    assert_eq!(run["call_list"]["clients"], 6_000, "{run}");
    let listed = workspace
        .text("data/models/riskranking.csv")
        .lines()
        .count();
    assert_eq!(listed, 6_001);
}
