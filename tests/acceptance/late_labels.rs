//! Late labels: unlabelled rows are predicted, their performance is estimated, and the predictions
//! are compared with the labels when these arrive.

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::workspace::{Workspace, outcome};

/// A pipeline with its first model, ready for exports in its input folder.
fn watching() -> Workspace {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("drift.trigger", json!("evidence"));
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write("data/exports/readme", "");
    workspace
}

/// Labelled clients of the world that the model was fitted to.
fn export(seed: u64, rows: usize) -> String {
    String::from_utf8(to_csv(&clients(World::Before, seed, rows))).expect("UTF-8")
}

/// An export whose rows have no label yet.
fn unlabelled(text: &str) -> String {
    let line = |line: &str| line.rsplit_once(',').map(|(before, _)| before.to_owned());
    let lines: Vec<String> = text.lines().filter_map(line).collect();
    lines.join("\n") + "\n"
}

/// Writes an export and runs the pipeline.
fn after(workspace: &Workspace, name: &str, text: &str) -> Value {
    workspace.write(&format!("data/exports/{name}.csv"), text);
    workspace.fullprocess()
}

fn expectation(record: &Value) -> &Value {
    &record["evidence"]["expectation"]
}

fn realised(record: &Value) -> Vec<&Value> {
    let realised = record["evidence"]["realised"].as_array();
    realised.into_iter().flatten().collect()
}

/// The predictions of a run, as the history has them.
fn kept(workspace: &Workspace, run: i64) -> Option<Value> {
    workspace.history().estimate_of(run).expect("readable")
}

#[test]
fn a_file_without_labels_is_predicted_and_compared_with_its_late_labels() {
    let workspace = watching();
    let rows = workspace.final_rows().len();
    let labelled = export(30, 400);
    let predicted = after(&workspace, "march", &unlabelled(&labelled));
    assert_eq!(outcome(&predicted), "not_judged", "{predicted:#}");
    let reason = predicted["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("no new row has a label"), "{reason}");
    let expected = expectation(&predicted);
    assert_eq!(expected["kind"], "estimate; blind to concept drift");
    assert_eq!(expected["rows"], 400);
    let verdicts = &predicted["evidence"]["verdicts"];
    assert_eq!(verdicts["model"]["verdict"], "insufficient_data");
    let features = verdicts["features"].as_array().expect("features");
    assert!(features.iter().all(|feature| feature["verdict"] == "ok"));
    let report = workspace.text("data/state/runs/000002/report.txt");
    assert!(
        report.contains("estimated F1 on 400 rows without a label: ")
            && report.contains("; the estimate does not show changed reasons for leaving"),
        "{report}"
    );
    assert_eq!(
        workspace.final_rows().len(),
        rows + 400,
        "they stay in the data"
    );
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    // A labelled row that comes later is an ordinary new row.
    let came = after(&workspace, "april", &labelled);
    assert_eq!(outcome(&came), "steady", "{came:#}");
    assert_eq!(
        (&came["rows"]["kept"], &came["rows"]["new"]),
        (&json!(400), &json!(400))
    );
    assert_eq!(expectation(&came), &Value::Null);
    let performance = realised(&came);
    assert_eq!(performance.len(), 1, "{came:#}");
    assert_eq!(
        (&performance[0]["run"], &performance[0]["rows"]),
        (&json!(2), &json!(400))
    );
    assert_eq!(performance[0]["release"], "000001");
    // The same rows under the same model.
    assert_eq!(
        performance[0]["realised_f1"],
        came["evidence"]["on_new_rows"]["f1"]
    );
    let (estimated, all) = (&performance[0]["estimated_f1"], &expected["f1"]);
    let close = |a: &Value, b: &Value| (a.as_f64().expect("F1") - b.as_f64().expect("F1")).abs();
    assert!(close(estimated, all) < 1e-9, "{estimated} {all}");
    assert!(
        close(estimated, &performance[0]["realised_f1"]) < 0.1,
        "{:#}",
        performance[0]
    );
    let kept = kept(&workspace, 2).expect("an estimate");
    assert_eq!(
        (&kept["labelled"]["rows"], &kept["f1"]),
        (&json!(400), &Value::Null)
    );
    assert_eq!(kept["estimated_performance"]["rows"], 400);
    let report = workspace.text("data/state/runs/000004/report.txt");
    assert!(
        report.contains("on 400 rows of run 2 whose labels have arrived (0."),
        "{report}"
    );

    // A prediction whose label has arrived no longer waits.
    let again = after(&workspace, "may", &export(30, 401));
    assert_eq!(realised(&again), Vec::<&Value>::new());
}

#[test]
fn labels_may_arrive_in_parts_and_with_other_values() {
    let workspace = watching();
    let labelled = export(31, 300);
    let mut lines = labelled.lines();
    let header = lines.next().expect("a header");
    let rows: Vec<&str> = lines.collect();
    // The target column exists and is empty.
    let empty: String = rows
        .iter()
        .map(|row| format!("{},\n", row.rsplit_once(',').expect("a label").0))
        .collect();
    let predicted = after(&workspace, "march", &format!("{header}\n{empty}"));
    assert_eq!(expectation(&predicted)["rows"], 300);

    let part = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    let first = after(&workspace, "april", &part(&rows[..100]));
    assert_eq!(realised(&first)[0]["rows"], 100, "{first:#}");
    let second = after(&workspace, "may", &part(&rows[100..200]));
    assert_eq!(realised(&second)[0]["rows"], 200, "the parts add up");

    // Among the other rows, one client has a changed value, and one client is unknown.
    let known = rows[250].rsplit_once(',').expect("a label");
    let id = known.0.rsplitn(4, ',').last().expect("an id");
    let other = format!("{}{id},1,2,3,1\nNobody Ever,1,2,3,0\n", export(32, 60));
    let third = after(&workspace, "june", &other);
    assert_eq!(realised(&third)[0]["rows"], 201, "{third:#}");
}

#[test]
fn an_estimate_has_no_interval_where_clients_have_several_rows() {
    let workspace = watching();
    let text = unlabelled(&export(34, 200));
    let estimated = after(&workspace, "march", &text);
    assert!(
        expectation(&estimated)["f1_interval"].is_array(),
        "{estimated:#}"
    );
    let (header, rows) = text.split_once('\n').expect("a header");
    // Two more rows of each client, with the values of other clients.
    let (ids, values): (Vec<&str>, Vec<&str>) =
        rows.lines().filter_map(|row| row.split_once(',')).unzip();
    let swapped: String = ids
        .iter()
        .zip(values.iter().cycle().skip(2))
        .zip(values.iter().cycle().skip(3))
        .map(|((id, one), other)| format!("{id},{one}\n{id},{other}\n"))
        .collect();
    let several = after(&workspace, "april", &format!("{header}\n{swapped}"));
    let found = expectation(&several);
    assert_eq!(found["has_repeated_clients"], true, "{several:#}");
    assert_eq!(found["f1_interval"], Value::Null);
    assert!(found["f1"].is_number());
    let report = workspace.text("data/state/runs/000003/report.txt");
    let said = "no interval, because clients have several rows;";
    assert!(report.contains(said), "{report}");
}

#[test]
fn where_values_are_unlike_the_training_rows_no_score_is_expected_now_or_later() {
    let workspace = watching();
    let far = |text: &str| -> String {
        let far = |(place, row): (usize, &str)| match (place, row.split_once(',')) {
            (1.., Some((id, rest))) => format!("{id},9000000{rest}\n"),
            _ => format!("{row}\n"),
        };
        text.lines().enumerate().map(far).collect()
    };
    let labelled = far(&export(36, 300));
    let predicted = after(&workspace, "march", &unlabelled(&labelled));
    let found = expectation(&predicted);
    assert!(found["left_reference"].is_array(), "{predicted:#}");
    for score in ["f1", "f1_interval", "precision", "recall", "roc_auc"] {
        assert_eq!(found[score], Value::Null, "{score}: {found:#}");
    }
    let came = after(&workspace, "april", &labelled);
    let performance = realised(&came);
    assert_eq!(
        (&performance[0]["run"], &performance[0]["rows"]),
        (&json!(2), &json!(300))
    );
    assert_eq!(performance[0]["estimated_f1"], Value::Null, "{came:#}");
    let report = workspace.text("data/state/runs/000003/report.txt");
    assert!(!report.contains("was expected)"), "{report}");
}

#[test]
fn a_row_counts_in_the_summary_until_its_label_arrives() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set_input(&["practicedata", "exports"]);
    let summary_after = |name: &str, text: &str| {
        workspace.write(&format!("data/exports/{name}.csv"), text);
        workspace.run("ingestion", &["--json"]).json();
        let shown = workspace.run("diagnostics", &["--json"]).json();
        shown["summary"].clone()
    };
    let labelled = export(42, 300);
    let alone = summary_after("april", &labelled);
    assert_eq!(alone["superseded"], 0, "{alone:#}");
    std::fs::remove_file(workspace.path("data/exports/april.csv")).expect("the export");

    // The labels of a third of the rows arrive first; those of the others do not arrive.
    let (some, _) = labelled.split_at(labelled.match_indices('\n').nth(100).expect("rows").0 + 1);
    let waiting = summary_after("march", &unlabelled(&labelled));
    assert_eq!(waiting["rows"], alone["rows"]);
    assert_eq!(waiting["superseded"], 0);
    let target = |summary: &Value| summary["columns"][3]["missing"].as_u64().expect("a target");
    assert_eq!(target(&waiting), target(&alone) + 300);
    let some = summary_after("april", some);
    assert_eq!(some["rows"], alone["rows"]);
    assert_eq!(some["superseded"], 100);
    assert_eq!(target(&some), target(&alone) + 200);

    // After all labels have arrived, the summary equals the summary of rows that had labels at once.
    let mut came = summary_after("may", &labelled);
    assert_eq!(came["superseded"], 300);
    came["superseded"] = json!(0);
    assert_eq!(came, alone);
    let text = workspace.run("diagnostics", &[]).stdout;
    assert!(
        text.contains(" rows, without 300 unlabelled rows whose label came in a later row\n"),
        "{text}"
    );
}

#[test]
fn labelled_and_unlabelled_rows_of_one_file_are_evaluated_and_predicted() {
    let workspace = watching();
    let labelled = export(32, 400);
    let other = unlabelled(&export(33, 150));
    let without: String = other
        .lines()
        .skip(1)
        .map(|line| format!("{line},\n"))
        .collect();
    let both = after(&workspace, "march", &format!("{labelled}{without}"));
    assert_eq!(outcome(&both), "steady", "{both:#}");
    assert_eq!(expectation(&both)["rows"], 150);
    assert_eq!(both["evidence"]["new_labelled_rows"], 400);
    let kept = kept(&workspace, 2).expect("an estimate");
    assert_eq!(kept["labelled"]["rows"], 0);
}

/// The labelled row of the last period, followed by the unlabelled row of this period.
#[test]
fn a_label_in_an_earlier_row_is_not_the_label_of_a_row() {
    let workspace = watching();
    let header = export(36, 1);
    let header = header.lines().next().expect("a header");
    let other = export(37, 300);
    let both = format!("{header}\nClient X,10,5,3,1\nClient X,12,6,3,\n");
    let record = after(
        &workspace,
        "march",
        &format!("{other}{}", &both[header.len() + 1..]),
    );
    assert_eq!(outcome(&record), "steady", "{record:#}");
    assert_eq!(expectation(&record)["rows"], 1);
    assert_eq!(realised(&record), Vec::<&Value>::new());

    let later = format!("{}Client X,13,7,3,0\n", export(38, 60));
    let record = after(&workspace, "april", &later);
    assert_eq!(realised(&record)[0]["rows"], 1, "{record:#}");
}

#[test]
fn rows_that_wait_with_too_few_labelled_rows_are_reported_by_the_run_that_keeps_them() {
    let workspace = watching();
    let labelled = export(38, 4);
    let empty = unlabelled(&export(39, 20));
    let without: String = empty
        .lines()
        .skip(1)
        .map(|row| format!("{row},\n"))
        .collect();
    let record = after(&workspace, "march", &format!("{labelled}{without}"));
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["rows"]["new"], 24);
    assert_eq!(expectation(&record), &Value::Null);
    assert_eq!(kept(&workspace, 2), None);

    let record = after(&workspace, "april", &export(40, 400));
    assert_eq!(outcome(&record), "steady", "{record:#}");
    assert_eq!(expectation(&record)["rows"], 20);
}

#[test]
fn an_estimate_that_is_damaged_fails_no_run() {
    let workspace = watching();
    let labelled = export(41, 300);
    after(&workspace, "march", &unlabelled(&labelled));
    let history = workspace.open_history();
    history.save_estimate(2, &"no estimate").expect("saved");
    drop(history);
    let record = after(&workspace, "april", &labelled);
    assert_eq!(outcome(&record), "steady", "{record:#}");
    assert_eq!(realised(&record), Vec::<&Value>::new());
}

#[test]
fn a_lost_or_damaged_file_of_predictions_fails_no_run_and_a_dry_run_leaves_it() {
    let workspace = watching();
    let labelled = export(34, 200);
    after(&workspace, "march", &unlabelled(&labelled));
    workspace.write("data/exports/april.csv", &labelled);
    let before = workspace.snapshot(&[""]);
    let would = workspace
        .run("fullprocess", &["--dry-run", "--json"])
        .json();
    assert_eq!(realised(&would)[0]["rows"], 200, "{would:#}");
    assert_eq!(workspace.snapshot(&[""]), before);

    let file = workspace.path("data/state/predictions.db");
    let content = std::fs::read(&file).expect("the file");
    for damage in ["gone", "cut", "overwritten"] {
        let workspace = workspace.copy();
        let file = workspace.path("data/state/predictions.db");
        match damage {
            "gone" => std::fs::remove_file(&file).expect("the file"),
            "cut" => workspace.write("data/state/predictions.db", &content[..content.len() / 2]),
            _ => workspace.write("data/state/predictions.db", [7; 9000]),
        }
        let run = workspace.run("fullprocess", &["--json"]);
        assert!(run.stderr.contains("are lost"), "{}", run.stderr);
        let record = run.json();
        assert_eq!(outcome(&record), "steady", "{record:#}");
        assert_eq!(realised(&record), Vec::<&Value>::new());
        // The rows that waited are found again in the data.
        assert_eq!(superseded(&workspace), 200);
    }
}

/// Unlabelled rows that the summary leaves out, because their label has arrived.
fn superseded(workspace: &Workspace) -> u64 {
    let shown = workspace.run("diagnostics", &["--json"]).json();
    shown["summary"]["superseded"].as_u64().expect("a number")
}

/// Rows of a run's predictions that have a label.
fn with_label(workspace: &Workspace, run: i64) -> u64 {
    let kept = kept(workspace, run).expect("an estimate");
    kept["labelled"]["rows"].as_u64().expect("a number")
}

/// Rows of a few clients, added to enough other rows for a run to evaluate them.
fn with_others(seed: u64, rows: &[&str]) -> String {
    export(seed, 60) + &rows.join("\n") + "\n"
}

/// A name, the lines of the unlabelled file, and the later files with labels. Each of these has its lines,
/// and the number of unlabelled rows that have a label after it.
type Story = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static [&'static str], u64)],
);

#[test]
fn the_summary_and_the_realised_score_pair_a_label_with_the_same_row() {
    // The number of each file counts the labels that have found their row so far.
    let stories: [Story; 6] = [
        ("one row", &["X,10,5,3"], &[(&["X,10,5,3,1"], 1)]),
        (
            "a client with several rows, in any order",
            &["X,10,5,3", "X,11,5,3", "X,12,5,3"],
            &[
                (&["X,11,5,3,1"], 1),
                (&["X,10,5,3,0", "X,12,5,3,0", "X,12,5,3,1"], 3),
            ],
        ),
        (
            "other values, twice in one file",
            &["X,10,5,3", "X,11,5,3"],
            &[(&["X,20,5,3,1", "X,21,5,3,0"], 2)],
        ),
        (
            "the latest row is taken, then the label with its values",
            &["X,10,5,3", "X,11,5,3"],
            &[(&["X,20,5,3,1", "X,11,5,3,0"], 2)],
        ),
        (
            "a label that changes finds no second row",
            &["X,10,5,3"],
            &[(&["X,10,5,3,1"], 1), (&["X,10,5,3,0"], 1)],
        ),
        (
            "labels of others only",
            &["X,10,5,3"],
            &[(&["Y,10,5,3,1"], 0)],
        ),
    ];
    for (name, waiting, labels) in stories {
        let workspace = watching();
        let header = "corporation,lastmonth_activity,lastyear_activity,number_of_employees";
        let march = format!("{header}\n{}\n", waiting.join("\n"));
        let predicted = after(&workspace, "march", &march);
        assert_eq!(expectation(&predicted)["rows"], waiting.len(), "{name}");
        for (number, (rows, expected)) in labels.iter().enumerate() {
            let labels = with_others(70 + number as u64, rows);
            after(&workspace, &format!("labels {number}"), &labels);
            let found = (with_label(&workspace, 2), superseded(&workspace));
            assert_eq!(found, (*expected, *expected), "{name}, file {number}");
        }
    }
}

#[test]
fn a_label_finds_its_prediction_though_the_file_of_the_row_was_removed() {
    let workspace = watching();
    let labelled = export(50, 200);
    after(&workspace, "march", &unlabelled(&labelled));
    std::fs::remove_file(workspace.path("data/exports/march.csv")).expect("the export");
    let came = after(&workspace, "april", &labelled);
    assert_eq!(realised(&came)[0]["rows"], 200, "{came:#}");
    assert_eq!(superseded(&workspace), 0, "the rows are not in the data");
    // The file comes back. Its rows were predicted before, and their labels have arrived.
    let back = after(&workspace, "march", &unlabelled(&labelled));
    assert_eq!(realised(&back), Vec::<&Value>::new(), "{back:#}");
    assert_eq!(with_label(&workspace, 2), 200);
}

#[test]
fn labels_find_their_predictions_before_and_after_a_rollback_and_another_release() {
    let mut workspace = watching();
    let labelled = export(51, 200);
    let lines: Vec<&str> = labelled.lines().collect();
    let part = |rows: &[&str]| format!("{}\n{}\n", lines[0], rows.join("\n"));
    after(&workspace, "march", &unlabelled(&labelled));
    after(&workspace, "april", &part(&lines[1..81]));
    assert_eq!(with_label(&workspace, 2), 80);
    workspace.set("drift.trigger", json!("score"));
    workspace.set("deployment.gate", json!("always"));
    let moved = to_csv(&clients(World::After, 52, 400));
    let redeployed = after(&workspace, "may", &String::from_utf8(moved).expect("UTF-8"));
    assert_eq!(outcome(&redeployed), "redeployed", "{redeployed:#}");
    workspace.set("drift.trigger", json!("evidence"));
    after(&workspace, "june", &part(&lines[81..141]));
    assert_eq!(with_label(&workspace, 2), 140);
    workspace.run("deployment", &["--rollback", "000001"]);
    let last = after(&workspace, "july", &part(&lines[141..]));
    assert_eq!(realised(&last)[0]["release"], "000001", "{last:#}");
    assert_eq!(
        (with_label(&workspace, 2), superseded(&workspace)),
        (200, 200)
    );
}

#[test]
fn without_a_model_rows_without_a_label_wait() {
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    let labelled = export(35, 50);
    workspace.write("data/practicedata/a.csv", unlabelled(&labelled));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(expectation(&record), &Value::Null);
}
