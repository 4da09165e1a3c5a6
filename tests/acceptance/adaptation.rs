//! What follows drift: the window of the next model, further fits, a gate that asks, the threshold.

use serde_json::{Value, json};

use crate::decisions::{USUAL, World, clients, pipeline, put, started};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// The reverse of the usual world.
const REVERSED: World = World {
    at_zero: 0,
    slope: -1500,
};

/// Puts a batch of clients and runs.
fn batch(workspace: &Workspace, world: World, name: &str, rows: usize) -> Value {
    put(workspace, name, &clients(world, name, rows));
    workspace.fullprocess()
}

fn chosen(record: &Value) -> &Value {
    let windows = record["windows"].as_array().expect("windows");
    let mut chosen = windows.iter().filter(|window| window["is_chosen"] == true);
    let first = chosen.next().expect("a chosen window");
    assert_eq!(chosen.next(), None);
    first
}

#[test]
fn after_a_drift_the_next_model_knows_the_new_world() {
    let workspace = started(USUAL, "evidence");
    let record = batch(&workspace, REVERSED, "a", 300);
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    let window = chosen(&record);
    assert_eq!(window["window"], "since_drift", "{window:#}");
    assert_eq!(window["first_row"], 2000);
    assert_eq!(window["labelled_rows"], 300);
    assert_eq!(record["windows"][0]["window"], "all_rows");
    assert_eq!(record["windows"][0]["labelled_rows"], 2300);
    // There are nearly seven times as many rows from before the drift. They no longer have any influence.
    let record = batch(&workspace, REVERSED, "b", 200);
    assert_eq!(outcome(&record), "steady", "{record:#}");
    let f1 = record["new_score"].as_f64().expect("a score");
    assert!(f1 > 0.7, "{f1}");
}

/// The rows contradict what the schema says of x, and later they agree.
#[test]
fn an_effect_that_is_held_flat_is_no_drift_until_the_rows_agree_with_it() {
    for form in ["linear", "curves"] {
        let mut workspace = pipeline(REVERSED, "evidence", &clients(REVERSED, "t", 800));
        let x = json!({"name": "x", "effect": "increasing"});
        workspace.set("schema.features", json!([x]));
        workspace.set("training.form", json!(form));
        assert_eq!(outcome(&workspace.fullprocess()), "cold_start", "{form}");
        for name in ["a", "b", "c"] {
            let record = batch(&workspace, REVERSED, name, 300);
            assert_eq!(outcome(&record), "steady", "{form}: {record:#}");
            assert!(!record.to_string().contains("collinear"), "{record:#}");
        }
        let record = batch(&workspace, USUAL, "d", 400);
        assert_eq!(outcome(&record), "redeployed", "{form}: {record:#}");
        let record = batch(&workspace, USUAL, "e", 400);
        assert!(
            record["new_score"].as_f64() > Some(0.7),
            "{form}: {record:#}"
        );
    }
}

/// The README's story: later files land in the folder of the first ones.
#[test]
fn the_former_rows_do_not_change_what_is_learned_from_the_new_ones() {
    let switched = Workspace::after_redeployment();
    let workspace = Workspace::after_cold_start();
    workspace.copy_sample("sourcedata", "practicedata");
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    assert_eq!(chosen(&record)["window"], "since_drift");
    assert_eq!(record["rows"]["total"], 7991);
    let alone = switched.last_record();
    assert_eq!(alone["rows"]["total"], 3096);
    for figure in ["candidate_score", "new_score"] {
        assert_eq!(record[figure], alone[figure], "{figure}");
    }
}

/// What most readers ask is answered before any detail.
#[test]
fn the_first_lines_say_what_was_done_how_good_the_model_is_and_what_to_do() {
    let beginning = |workspace: &Workspace| -> Vec<String> {
        let text = workspace.run("fullprocess", &[]).stdout;
        text.lines().take(5).map(str::to_owned).collect()
    };
    let begins = |lines: &[String], wanted: &[&str]| {
        assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
        for (line, wanted) in lines.iter().zip(wanted) {
            assert!(
                line.starts_with(wanted),
                "{wanted:?} is not the beginning of {line:?}"
            );
        }
    };
    let workspace = Workspace::with_sample_data();
    let first = beginning(&workspace);
    let wanted = [
        "run 1: cold_start",
        "  done       the first model is deployed: release 000001",
        "  quality    useful: F1 0.69 (95 % interval 0.66 to 0.71), flagging everyone 0.58; of 100 clients flagged ",
        "  drift      not tested: no model was deployed before",
        "  next       nothing; 5 of 5,200 rows were rejected (rejectedrows.csv)",
    ];
    begins(&first, &wanted);
    assert!(
        first[2].ends_with(" were flagged (2,000 rows of the test data)"),
        "{}",
        first[2]
    );
    workspace.copy_sample("sourcedata", "practicedata");
    let wanted = [
        "run 2: redeployed",
        "  done       a new model is deployed: release 000002; on 3,096 new rows it is significantly better (log-loss 0.49, deployed model 0.65; lower is better)",
        "  quality    useful: F1 0.",
        "  drift      the reasons for leaving changed (model drift); no feature drift",
        "  next       correct data/practicedata/export_without_employees.csv, which was rejected, and add it again",
    ];
    begins(&beginning(&workspace), &wanted);
}

#[test]
fn candidates_are_tried_again_once_the_labelled_rows_have_doubled() {
    let workspace = started(USUAL, "evidence");
    let record = batch(&workspace, REVERSED, "a", 300);
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    let run = record["run_id"].as_i64().expect("a number");
    assert_eq!(outcome(&batch(&workspace, REVERSED, "b", 299)), "steady");
    let record = batch(&workspace, REVERSED, "c", 100);
    let reason = record["reason"].as_str().expect("a reason");
    let due = format!(
        "a further trial after the drift of run {run}: 699 labelled rows since the drift, 300 at the last trial; "
    );
    assert!(reason.starts_with(&due), "{reason}");
    assert_eq!(record["comparison"]["refit"], true);
    // The comparison leaves out rows that the deployed model was fitted to.
    assert_eq!(record["comparison"]["rows"], 399);
    assert_eq!(chosen(&record)["labelled_rows"], 699);
}

#[test]
fn a_rollback_ends_the_further_fits() {
    let workspace = started(USUAL, "evidence");
    assert_eq!(
        outcome(&batch(&workspace, REVERSED, "a", 300)),
        "redeployed"
    );
    assert_eq!(workspace.run("deployment", &["--rollback"]).code, 0);
    let record = batch(&workspace, USUAL, "b", 400);
    assert_eq!(outcome(&record), "steady", "{record:#}");
}

#[test]
fn a_setting_fixes_the_window() {
    for (window, rows) in [(json!("all"), 2300), (json!(1), 300)] {
        let mut workspace = pipeline(USUAL, "evidence", &clients(USUAL, "t", 800));
        workspace.set("training.window", window);
        assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
        let record = batch(&workspace, REVERSED, "a", 300);
        assert_eq!(outcome(&record), "redeployed", "{record:#}");
        assert_eq!(record.get("windows"), None);
        let trained = workspace.run("training", &["--json"]).json();
        assert_eq!(trained["rows"], rows);
    }
    let mut workspace = Workspace::empty();
    workspace.set("training.window", json!(0));
    let says = "training.window: expected \"auto\", \"all\" or a number of batches from 1 on";
    workspace.run("training", &[]).failed(78, says);
}

#[test]
fn a_gate_that_asks_leaves_the_candidate_to_a_person() {
    let receiver = Receiver::start();
    let mut workspace = started(USUAL, "evidence");
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    workspace.set("deployment.gate", json!("ask"));
    put(&workspace, "a", &clients(REVERSED, "a", 300));
    assert_eq!(
        outcome(
            &workspace
                .run("fullprocess", &["--dry-run", "--json"])
                .json()
        ),
        "candidate_waiting"
    );
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "candidate_waiting", "{record:#}");
    assert_eq!(workspace.live(), "000001");
    let reported = receiver.reported();
    let waiting = reported
        .iter()
        .filter(|reported| *reported == "candidate_refused open");
    assert_eq!(waiting.count(), 1, "{reported:?}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert_eq!(workspace.run("deployment", &[]).code, 0);
    assert_eq!(workspace.live(), "000002");
    let record = batch(&workspace, REVERSED, "b", 300);
    assert_eq!(outcome(&record), "steady", "{record:#}");
}

#[test]
fn every_prediction_is_made_at_the_models_own_threshold() {
    let rare = World {
        at_zero: -4000,
        slope: 1000,
    };
    let mut workspace = pipeline(rare, "evidence", &clients(rare, "t", 3000));
    workspace.set("scoring.threshold", json!("auto"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    let score = record["candidate_score"].as_f64().expect("a score");
    assert!(score > 0.1, "{score}");
    let text = workspace.text("production_deployment/latestscore.txt");
    assert_eq!(text.trim().parse(), Ok(score));
    let server = Server::start(&mut workspace);
    let threshold = server.get("/v1/model").json(200)["threshold"].clone();
    let cut = threshold.as_f64().expect("a number");
    assert!(cut > 0.01 && cut < 0.4, "{cut}");
    assert_eq!(server.get("/scoring").json(200)["f1"], json!(score));
    let body = r#"{"columns":["client","x"],"data":[["a",-3],["b",3]]}"#;
    let answer = server
        .post("/prediction", "application/json", body)
        .json(200);
    assert_eq!(answer["threshold"], threshold);
    assert_eq!(answer["predictions"], json!([0, 1]), "{answer:#}");
    let higher = server.post("/prediction?threshold=0.9", "application/json", body);
    assert_eq!(higher.json(200)["predictions"], json!([0, 0]));
}
