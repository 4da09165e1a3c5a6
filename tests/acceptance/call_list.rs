//! The call list: whom to call, in which order, and why; by runs and by hand.

use std::collections::HashMap;

use acceptance::sample_data::{World, clients, to_csv};
use dataset::RecordReader;
use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// The list of the last run, in `output_model_path`.
pub(crate) const LIST: &str = "data/models/riskranking.csv";

/// Labelled clients of the world that the first model was fitted to.
fn export(seed: u64, rows: usize) -> String {
    String::from_utf8(to_csv(&clients(World::Before, seed, rows))).expect("UTF-8")
}

/// An export whose rows have no label yet.
fn unlabelled(text: &str) -> String {
    let rows = text.lines().filter_map(|line| line.rsplit_once(','));
    rows.map(|(row, _)| format!("{row}\n")).collect()
}

/// A line of the list: each cell by the name of its column.
type Line = HashMap<String, String>;

fn lines(workspace: &Workspace, path: &str) -> Vec<Line> {
    let text = workspace.text(path);
    let mut reader = RecordReader::open(text.as_bytes()).expect("a header");
    let cell = |cell: &[u8]| String::from_utf8(cell.to_vec()).expect("UTF-8");
    let names: Vec<String> = reader.header().iter().map(|name| cell(name)).collect();
    let mut lines = Vec::new();
    while let Some(cells) = reader.next_record().expect("a line") {
        assert_eq!(cells.len(), names.len());
        let cells = cells.into_iter().map(cell);
        lines.push(names.iter().cloned().zip(cells).collect());
    }
    lines
}

/// The probabilities that the server predicts for the rows of a CSV text, by id.
fn asked(server: &Server, rows: &str) -> HashMap<String, f64> {
    let answer = server.post("/prediction", "text/csv", rows).json(200);
    let list = |name: &str| answer[name].as_array().expect("a list").clone();
    let ids = list("ids").into_iter();
    ids.zip(list("probabilities"))
        .map(|(id, probability)| {
            let id = id.as_str().expect("an id").to_owned();
            (id, probability.as_f64().expect("a probability"))
        })
        .collect()
}

#[test]
fn each_run_with_clients_without_a_label_lists_them_as_the_server_predicts_them() {
    let mut workspace = Workspace::after_cold_start();
    assert!(!workspace.path(LIST).exists(), "every client has its label");
    let labelled = export(30, 300);
    let waiting = unlabelled(&labelled);
    workspace.write("data/practicedata/march.csv", &waiting);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged");
    assert_eq!(record["call_list"]["clients"], 300);
    assert_eq!(record["call_list"]["model_version"], "000001");
    let of_run = "data/state/runs/000002/riskranking.csv";
    assert_eq!(workspace.text(of_run), workspace.text(LIST));
    let report = workspace.text("data/state/runs/000002/report.txt");
    assert!(
        report.contains("call list  300 clients without a label: "),
        "{report}"
    );

    let server = Server::start(&mut workspace);
    let predicted = asked(&server, &waiting);
    assert_eq!(server.stop(), 0);
    let listed = lines(&workspace, LIST);
    assert_eq!(listed.len(), 300);
    let mut before = f64::INFINITY;
    for (place, line) in listed.iter().enumerate() {
        assert_eq!(line["rank"], (place + 1).to_string());
        let probability: f64 = line["probability"].parse().expect("a number");
        assert_eq!(probability, predicted[&line["id"]], "{line:?}");
        assert!(probability <= before, "{line:?}");
        before = probability;
        assert_eq!(line["model_version"], "000001");
        let reason = &line["reason_1"];
        assert!(reason.contains("_activity ") || reason.contains("number_of_employees "));
        assert!(reason.contains(": +") || reason.contains(": -"), "{reason}");
    }

    // Labels of some clients arrive. The others stay on the list, also after a run without new input.
    let known: String = labelled
        .lines()
        .take(201)
        .map(|line| format!("{line}\n"))
        .collect();
    workspace.write("data/practicedata/april.csv", &known);
    assert_eq!(workspace.fullprocess()["call_list"]["clients"], 100);
    assert_eq!(lines(&workspace, LIST).len(), 100);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert_eq!(lines(&workspace, LIST).len(), 100);

    // After the last labels the list is empty: it does not keep clients that need no call.
    workspace.write("data/practicedata/may.csv", &labelled);
    let record = workspace.fullprocess();
    assert_eq!(record["call_list"], Value::Null);
    assert_eq!(lines(&workspace, LIST).len(), 0);
}

#[test]
fn a_first_run_and_rows_that_wait_for_labels_are_listed_too() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("drift.min_rows", json!(200));
    workspace.write("data/practicedata/march.csv", unlabelled(&export(30, 50)));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(record["call_list"]["clients"], 50);
    // Too few labels for a decision: all new rows wait, the client without a label is listed.
    let few = export(31, 20) + "Quiet Co,1,9000,3,\n";
    workspace.write("data/practicedata/april.csv", few);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged");
    assert_eq!(record["call_list"]["clients"], 51);
}

#[test]
fn clients_are_ranked_by_hand() {
    let workspace = Workspace::after_redeployment();
    let file = "new clients.csv";
    workspace.write(file, unlabelled(&export(40, 25)));
    let path = workspace.path(file);
    let ranked = workspace.run(
        "scoring",
        &["--rank", path.to_str().expect("UTF-8"), "--json"],
    );
    let report = ranked.json();
    assert_eq!(report["list"]["clients"], 25);
    assert_eq!(report["list"]["model_version"], "000002");
    assert_eq!(report["rows"]["labelled"], 0);
    assert_eq!(lines(&workspace, LIST).len(), 25);
    // Every ingested row has its label.
    let none = workspace.run("scoring", &["--rank"]);
    assert_eq!(none.code, 0, "{}", none.stderr);
    assert!(
        none.stdout.contains("clients        0 without a label\n"),
        "{}",
        none.stdout
    );
    assert_eq!(lines(&workspace, LIST).len(), 0);
    let text = workspace.text(LIST);
    assert!(text.starts_with("rank,id,probability,band,"), "{text}");
}

#[test]
fn what_cannot_be_ranked_ends_with_the_exit_code_of_its_kind() {
    let workspace = Workspace::with_sample_data();
    let rank = |file: &str| workspace.run("scoring", &["--rank", file]);
    workspace
        .run("scoring", &["--rank"])
        .failed(74, "no model is deployed: run `fullprocess`");
    let workspace = Workspace::after_cold_start();
    rank("/nowhere/clients.csv").failed(74, "no model");
    let rank = |file: &str| {
        let path = workspace.path(file);
        workspace.run("scoring", &["--rank", path.to_str().expect("UTF-8")])
    };
    rank("none.csv").failed(74, "none.csv");
    workspace.write("short.csv", "corporation,lastmonth_activity\na,1\n");
    rank("short.csv").failed(65, "short.csv");
    assert!(!workspace.path(LIST).exists());
}

#[test]
fn the_threshold_follows_from_the_costs_and_from_the_capacity() {
    let served = |scoring: Value| {
        let mut workspace = Workspace::with_sample_data();
        workspace.set("scoring", scoring);
        assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
        let server = Server::start(&mut workspace);
        let model = server.get("/v1/model").json(200);
        let held_back = workspace.text("data/testdata/clients_held_back.csv");
        let predictions = server.post("/prediction", "text/csv", &held_back).json(200);
        assert_eq!(server.stop(), 0);
        let labels = predictions["predictions"]
            .as_array()
            .expect("a list")
            .clone();
        let flagged = labels.iter().filter(|label| **label == 1).count();
        (
            model["threshold"].as_f64().expect("a number"),
            flagged as f64 / labels.len() as f64,
        )
    };
    let costs = json!({"false_negative": 300, "false_positive": 100});
    let (threshold, _) = served(json!({"threshold": "cost", "actions": costs}));
    assert!((threshold - 0.25).abs() < 1e-12, "{threshold}");
    // A tenth of the 4,895 clients of the training rows.
    let (threshold, flagged) =
        served(json!({"threshold": "capacity", "actions": {"capacity": 490}}));
    assert!(threshold > 0.5, "{threshold}");
    assert!((0.05..0.15).contains(&flagged), "{flagged}");
}

#[test]
fn each_label_of_a_called_or_held_out_client_counts_once() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set(
        "scoring",
        json!({"actions": {"capacity": 100, "holdout": 0.3}}),
    );
    let labelled = export(30, 300);
    workspace.write("data/practicedata/march.csv", unlabelled(&labelled));
    let record = workspace.fullprocess();
    assert_eq!(record["call_outcomes"], Value::Null, "no label has arrived");
    assert_eq!(record["call_list"]["in_capacity"], 100);
    let of_list = lines(&workspace, LIST);
    let ids = |column: &str| -> Vec<&str> {
        let of_group = of_list.iter().filter(|line| line[column] == "true");
        of_group.map(|line| line["id"].as_str()).collect()
    };
    let (called, held_out) = (ids("in_capacity"), ids("hold_out"));
    assert_eq!(called.len(), 100);
    assert_eq!(record["call_list"]["held_out"], held_out.len());

    // All labels arrive in one file: each listed client counts, the others do not.
    workspace.write("data/practicedata/april.csv", &labelled);
    let record = workspace.fullprocess();
    let outcomes = record["call_outcomes"].clone();
    assert_eq!(outcomes["called"]["clients"], 100);
    assert_eq!(outcomes["held_out"]["clients"], held_out.len());
    let leavers = |group: &[&str]| {
        let rows = labelled.lines().filter(|row| row.ends_with(",1"));
        let id = |row: &str| {
            row.rsplitn(5, ',')
                .last()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned()
        };
        rows.filter(|row| group.contains(&id(row).as_str())).count()
    };
    assert_eq!(outcomes["called"]["left"], leavers(&called));
    assert_eq!(outcomes["held_out"]["left"], leavers(&held_out));
    assert!(outcomes["effect"]["save_rate_interval"][0].is_number());
    let calibration = &outcomes["calibration"];
    assert_eq!(calibration["model_version"], of_list[0]["model_version"]);
    for (group, column) in [("called", "in_capacity"), ("held_out", "hold_out")] {
        let of_group = of_list.iter().filter(|line| line[column] == "true");
        let probability = |line: &Line| -> f64 { line["probability"].parse().expect("a number") };
        let wanted: f64 = of_group.map(probability).sum();
        let expected = calibration[group]["expected"].as_f64().expect("a number");
        assert!(
            (expected - wanted).abs() < 1e-9,
            "{expected} is not {wanted}"
        );
        for count in ["clients", "left"] {
            assert_eq!(calibration[group][count], outcomes[group][count]);
        }
        assert!(calibration[group]["verdict"].is_string());
    }
    let report = workspace.text("data/state/runs/000003/report.txt");
    assert!(
        report.contains("calls      leavers among called clients: "),
        "{report}"
    );
    assert!(
        report.contains("calls      predictions of release "),
        "{report}"
    );

    // Neither a run without news nor one with other rows counts them again.
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    workspace.write("data/practicedata/may.csv", export(32, 100));
    let record = workspace.fullprocess();
    let again = &record["call_outcomes"];
    assert!(again.is_null() || *again == outcomes, "{record:#}");
}
