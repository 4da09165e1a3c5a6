//! More rows than memory holds: a run works on a sample of the clients, and says so.

use serde_json::{Value, json};

use crate::decisions::{USUAL, World, clients, pipeline, put};
use crate::workspace::{Workspace, outcome};

/// The law of [`USUAL`], with x in the opposite direction.
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
        warns(&second, &["evaluated on a sample of", "of 9,000 rows"]),
        "{second}"
    );
    assert_eq!(evidence["new_rows"], 9_000);
    assert_eq!(evidence["new_labelled_rows"], 9_000);
    let counted = evidence["on_all_rows"]["confusion"].as_object().unwrap();
    let counted: u64 = counted.values().filter_map(Value::as_u64).sum();
    assert_eq!(counted, 21_000, "the confusion matrix is of all rows");
    assert!(evidence["on_new_rows"]["rows"].as_u64() < Some(5_000));
    let reason = second["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("a sample of") && reason.contains("of 9,000 new rows with a label"),
        "{reason}"
    );

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

/// The rows of the evidence, and the action and the reason of the decision.
fn decided(record: &Value) -> Value {
    let rows = &record["evidence"]["on_new_rows"]["rows"];
    json!([
        outcome(record),
        record["reason"],
        rows,
        record["gate"],
        record["windows"]
    ])
}

#[test]
fn new_rows_take_part_however_they_came_in() {
    let decide = |by_hand: bool, name: &str, rows: &str| {
        let workspace = small_memory(40_000);
        workspace.fullprocess();
        put(&workspace, name, rows);
        if by_hand {
            workspace.run("ingestion", &[]);
        }
        decided(&workspace.fullprocess())
    };
    for (name, world, count, wanted) in [
        ("few", USUAL, 30, "steady"),
        ("many", USUAL, 3_000, "steady"),
        ("turned", TURNED, 600, "redeployed"),
    ] {
        let rows = clients(world, name, count);
        let [alone, by_hand] = [false, true].map(|by_hand| decide(by_hand, name, &rows));
        assert_eq!(alone, by_hand);
        assert_eq!(
            (&alone[0], &alone[2]),
            (&json!(wanted), &json!(count)),
            "{alone}"
        );
    }
}

#[test]
fn waiting_rows_are_tested_once_enough_labels_are_there() {
    let workspace = small_memory(40_000);
    workspace.fullprocess();
    for (name, wanted) in [("a", "10 new rows have a label"), ("b", "20 new rows")] {
        put(&workspace, name, &clients(USUAL, name, 10));
        let run = workspace.fullprocess();
        let reason = run["reason"].as_str().expect("a reason");
        assert!(reason.contains(wanted), "{reason}");
        assert_eq!(outcome(&run) == "not_judged", name == "a", "{run}");
    }
}

#[test]
fn labels_among_more_new_rows_than_memory_holds_are_counted_and_used() {
    let workspace = small_memory(12_000);
    workspace.fullprocess();
    let unlabelled: String = clients(USUAL, "u", 30_000)
        .lines()
        .skip(1)
        .map(|row| row[..row.len() - 1].to_owned() + "\n")
        .collect();
    let labelled = clients(USUAL, "l", 75);
    put(&workspace, "mixed", &format!("{labelled}{unlabelled}"));
    let run = workspace.fullprocess();
    let evidence = &run["evidence"];
    assert_eq!(evidence["new_labelled_rows"], 75, "{run}");
    assert_eq!(evidence["on_new_rows"]["rows"], 75);
    let positives = labelled.lines().filter(|row| row.ends_with(",1")).count();
    assert_eq!(evidence["new_positive_rows"], positives);
    assert_eq!(outcome(&run), "steady", "{run}");
}

#[test]
fn one_client_with_nearly_all_rows_leaves_room_for_the_others() {
    let mut workspace = pipeline(USUAL, "evidence", &clients(USUAL, "t", 800));
    workspace.set("training.memory_limit_mib", json!(1));
    for huge in ["h", "i", "j"] {
        let rows = clients(USUAL, "many", 20_000);
        let rows = rows.lines().skip(1);
        let rows = rows.map(|row| format!("{huge},{}\n", row.split_once(',').expect("a cell").1));
        put(
            &workspace,
            huge,
            &format!("client,x,left\n{}", rows.collect::<String>()),
        );
    }
    put(&workspace, "first", &clients(USUAL, "p", 3_000));
    let first = workspace.fullprocess();
    assert_eq!(outcome(&first), "cold_start", "{first}");
    assert!(warns(&first, &["trained on a sample of"]), "{first}");
    let trained = workspace.run("training", &["--json"]).json();
    assert!(trained["rows"].as_u64() > Some(2_900), "{trained}");
}

#[test]
fn the_interval_of_all_rows_is_known_again_once_memory_has_room() {
    let mut workspace = small_memory(12_000);
    workspace.fullprocess();
    put(&workspace, "second", &clients(USUAL, "q", 200));
    let interval = |run: &Value| run["evidence"]["on_all_rows"]["f1_interval"].clone();
    let sampled = workspace.fullprocess();
    assert_eq!(interval(&sampled), Value::Null, "{sampled}");
    workspace.set("training.memory_limit_mib", json!(512));
    put(&workspace, "third", &clients(USUAL, "r", 200));
    let all = workspace.fullprocess();
    assert!(interval(&all).is_array(), "{all}");
}
