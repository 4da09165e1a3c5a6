//! The story of a pipeline: cold start, nothing new, new folders, drift, a refused candidate, ties,
//! determinism and dry run.

use std::collections::BTreeSet;
use std::fs;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::workspace::{Workspace, outcome};

/// All folders that the pipeline writes, except the state folder.
const OUTSIDE_STATE: [&str; 3] = ["data/ingesteddata", "data/models", "production_deployment"];
const EVERYTHING: [&str; 2] = ["data", "production_deployment"];

fn coefficients(workspace: &Workspace) -> Vec<f64> {
    let trained = workspace.run("training", &["--json"]).json();
    let named = trained["coefficients"].as_object().expect("coefficients");
    std::iter::once(&trained["intercept"])
        .chain(named.values())
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}

#[test]
fn s01_cold_start_makes_everything_the_design_names() {
    let workspace = Workspace::with_sample_data();
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(record["release"], "000001");
    assert_eq!(record["files"]["ingested"], 2);
    let rows = &record["rows"];
    let count = |name: &str| rows[name].as_u64().expect("a count");
    assert_eq!(
        count("read"),
        count("kept") + count("duplicate") + count("rejected")
    );
    assert_eq!(
        (count("read"), count("duplicate"), count("rejected")),
        (5200, 300, 5)
    );
    assert!(record["seconds"]["training"].is_number());

    assert_eq!(workspace.final_rows().len(), 4895);
    assert_eq!(
        workspace.text("data/ingesteddata/ingestedfiles.txt"),
        "clients_2025_h1.csv\nclients_2025_h2.csv\n"
    );
    let rejected = workspace.text("data/ingesteddata/rejectedrows.csv");
    assert_eq!(rejected.lines().count(), 6, "{rejected}");
    assert!(
        rejected.contains("clients_2025_h1.csv,418,2,"),
        "{rejected}"
    );
    let returns = workspace.text("data/models/apireturns.txt");
    for endpoint in ["/prediction", "/scoring", "/summarystats", "/diagnostics"] {
        assert!(
            returns.contains(endpoint),
            "{endpoint} is missing in {returns}"
        );
    }
    for name in [
        "trainedmodel.msgpack",
        "latestscore.txt",
        "ingestedfiles.txt",
        "confusionmatrix.png",
        "scorecard.csv",
        "report.html",
    ] {
        let deployed = fs::read(workspace.path("production_deployment").join(name)).expect(name);
        let released = workspace
            .path("production_deployment/releases/000001")
            .join(name);
        assert_eq!(deployed, fs::read(released).expect(name), "{name}");
    }
    let score: f64 = workspace
        .text("production_deployment/latestscore.txt")
        .trim()
        .parse()
        .expect("a score");
    assert_eq!(record["candidate_score"].as_f64(), Some(score));
    assert!(
        workspace
            .path("data/state/runs/000001/record.json")
            .exists()
    );
}

#[test]
fn s02_nothing_new_changes_no_file_outside_the_state_folder() {
    let workspace = Workspace::after_cold_start();
    let before = workspace.snapshot(&OUTSIDE_STATE);
    let again = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (0, ""),
        "{}",
        again.stderr
    );
    assert_eq!(again.stderr, "");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert_eq!(workspace.snapshot(&OUTSIDE_STATE), before);
}

#[test]
fn s03_a_new_folder_without_drift_replaces_the_data_and_keeps_the_model() {
    let mut workspace = Workspace::after_cold_start();
    let production = workspace.snapshot(&["production_deployment"]);
    let practice: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    let same = to_csv(&clients(World::Before, 10, 400));
    workspace.write("data/same/clients.csv", &same);
    workspace.set_input(&["same"]);

    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "steady", "{record:#}");
    let model = &record["evidence"]["verdicts"]["model"]["verdict"];
    assert_eq!(model, "ok", "{record:#}");
    assert_eq!(workspace.final_rows().len(), 400);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    workspace.set_input(&["practicedata"]);
    let back = workspace.fullprocess();
    assert_eq!(outcome(&back), "not_judged", "{back:#}");
    assert_eq!(back["rows"]["new"], 0);
    let rows: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    assert_eq!(rows, practice);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    workspace.set_input(&["practicedata", "same"]);
    assert_eq!(outcome(&workspace.fullprocess()), "not_judged");
    assert_eq!(workspace.final_rows().len(), practice.len() + 400);
    assert_eq!(workspace.snapshot(&["production_deployment"]), production);
}

#[test]
fn s04_drift_redeploys_a_release_whose_files_are_all_of_one_run() {
    let mut workspace = Workspace::after_cold_start();
    let before = workspace.snapshot(&["data/models"]);
    workspace.set_input(&["sourcedata"]);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "redeployed", "{record:#}");
    let number = |name: &str| record[name].as_f64().expect("a score");
    assert!(number("new_score") < number("deployed_score"));
    assert!(number("candidate_score") > number("deployed_score"));
    assert_eq!(record["verdict"]["accepted"], true);
    assert_eq!(record["files"]["rejected"], 1);

    assert_eq!(workspace.live(), "000002");
    let manifest: Value =
        serde_json::from_str(&workspace.text("production_deployment/current/manifest.json"))
            .expect("a manifest");
    assert_eq!(manifest["run"], record["run_id"]);
    assert_eq!(manifest["parent"], "000001");
    for (name, digest) in manifest["files"].as_object().expect("files") {
        let path = workspace.path("production_deployment").join(name);
        let (found, _) = common::digest::of_file(&path).expect("a file");
        assert_eq!(Some(found.as_str()), digest.as_str(), "{name}");
    }
    let after = workspace.snapshot(&["data/models"]);
    for name in [
        "confusionmatrix.png",
        "apireturns.txt",
        "trainedmodel.msgpack",
    ] {
        let path = std::path::Path::new("data/models").join(name);
        assert_ne!(before[&path], after[&path], "{name}");
    }
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s05_a_worse_candidate_is_refused_and_not_tried_again() {
    let mut workspace = Workspace::after_cold_start();
    let production = workspace.snapshot(&["production_deployment"]);
    // Thirty rows are too few to learn from; the deployed model does better on them.
    workspace.write(
        "data/few/clients.csv",
        to_csv(&clients(World::Before, 31, 30)),
    );
    workspace.set_input(&["few"]);
    workspace.set("drift.trigger", json!("score"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "candidate_refused", "{record:#}");
    let reasons = record["verdict"]["reasons"].to_string();
    for figure in ["f1", "log_loss"] {
        for model in ["candidate", "incumbent"] {
            let value = record["comparison"][model][figure].as_f64().expect(figure);
            assert!(
                reasons.contains(&format!("{value:.2}")),
                "{model}: {figure} {value} in {reasons}"
            );
        }
    }
    assert_eq!(workspace.snapshot(&["production_deployment"]), production);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s05_the_gate_always_deploys_and_rollback_restores_the_files_byte_for_byte() {
    let mut workspace = Workspace::after_cold_start();
    let read = |workspace: &Workspace| -> Vec<Vec<u8>> {
        [
            "trainedmodel.msgpack",
            "latestscore.txt",
            "ingestedfiles.txt",
            "confusionmatrix.png",
            "scorecard.csv",
            "report.html",
        ]
        .iter()
        .map(|name| fs::read(workspace.path("production_deployment").join(name)).expect(name))
        .collect()
    };
    let first = read(&workspace);
    workspace.write(
        "data/few/clients.csv",
        to_csv(&clients(World::Before, 31, 30)),
    );
    workspace.set_input(&["few"]);
    workspace.set("drift.trigger", json!("score"));
    workspace.set("deployment.gate", json!("always"));
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    assert_ne!(read(&workspace), first);

    let back = workspace.run("deployment", &["--rollback"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert_eq!(read(&workspace), first);
    assert_eq!(workspace.live(), "000001");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert_eq!(workspace.live(), "000001");
    workspace
        .run("deployment", &["--rollback"])
        .failed(65, "first");
}

#[test]
fn s05_training_rows_of_a_model_deployed_by_hand_are_not_evaluated() {
    let workspace = Workspace::after_cold_start();
    workspace.write(
        "data/practicedata/clients_2026.csv",
        to_csv(&clients(World::After, 12, 500)),
    );
    for stage in ["ingestion", "training", "scoring", "deployment"] {
        let done = workspace.run(stage, &[]);
        assert_eq!(done.code, 0, "{stage}: {}", done.stderr);
    }
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["rows"]["new"], 0);
    assert_eq!(workspace.live(), "000002");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

/// New clients that are the test clients under other names. The new score equals the deployed one.
fn add_tie(workspace: &Workspace) {
    let test = workspace.text("data/testdata/clients_held_back.csv");
    let mut lines = test.lines();
    let header = lines.next().expect("a header");
    let renamed: String = lines
        .map(|line| match line.strip_prefix('"') {
            Some(quoted) => format!("\"Twin {quoted}\n"),
            None => format!("Twin {line}\n"),
        })
        .collect();
    workspace.write("data/tie/clients.csv", format!("{header}\n{renamed}"));
}

#[test]
fn s06_a_tie_counts_as_drift_unless_it_is_to_be_kept() {
    // Half of these clients come from the changed world, so the score test finds drift in any case.
    for (on_tie, keeps) in [("retrain", false), ("keep", true)] {
        let mut workspace = Workspace::after_cold_start();
        add_tie(&workspace);
        workspace.set_input(&["tie"]);
        workspace.set("drift.trigger", json!("score"));
        workspace.set("drift.on_tie", json!(on_tie));
        let record = workspace.fullprocess();
        assert_eq!(record["new_score"], record["deployed_score"]);
        assert_eq!(outcome(&record) == "drift_noted", keeps, "{record:#}");
    }
}

#[test]
fn s06_a_perfect_score_met_by_a_perfect_score_is_no_drift() {
    let mut workspace = Workspace::empty();
    let table = |first: u32| -> String {
        let rows = (first..first + 40).map(|row| {
            let left = row % 2;
            format!("client {row},{},7,3,{left}\n", 1000 * left + row % 9)
        });
        std::iter::once(
            "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n".into(),
        )
        .chain(rows)
        .collect()
    };
    workspace.write("data/practicedata/first.csv", table(0));
    workspace.write("data/testdata/test.csv", table(100));
    workspace.write("data/later/second.csv", table(200));
    let cold = workspace.fullprocess();
    assert_eq!(cold["candidate_score"], 1.0);
    assert_eq!(
        workspace.text("production_deployment/latestscore.txt"),
        "1\n"
    );
    workspace.set_input(&["later"]);
    let record = workspace.fullprocess();
    assert_eq!(record["new_score"], 1.0);
    assert_eq!(outcome(&record), "steady");
}

#[test]
fn s08_file_order_and_threads_change_nothing() {
    let first = Workspace::with_sample_data();
    let second = Workspace::empty();
    second.copy_sample("testdata", "testdata");
    for name in ["clients_2025_h2.csv", "clients_2025_h1.csv"] {
        let content = first.text(&format!("data/practicedata/{name}"));
        second.write(&format!("data/practicedata/{name}"), content);
    }
    let one = first.fullprocess();
    let other = second
        .finish(
            second
                .command("fullprocess")
                .arg("--json")
                .env("RAYON_NUM_THREADS", "1")
                .env("TZ", "Asia/Kathmandu")
                .env("LANG", "tr_TR.UTF-8"),
        )
        .json();
    assert_eq!(one["decision"], other["decision"]);
    assert_eq!(one["candidate_score"], other["candidate_score"]);
    assert_eq!(
        first.text("data/ingesteddata/finaldata.csv"),
        second.text("data/ingesteddata/finaldata.csv")
    );
    let (one, other) = (coefficients(&first), coefficients(&second));
    for (one, other) in one.iter().zip(&other) {
        assert!((one - other).abs() <= 1e-9 * one.abs(), "{one} {other}");
    }
    let model = |workspace: &Workspace| {
        fs::read(workspace.path("production_deployment/trainedmodel.msgpack")).expect("a model")
    };
    assert_eq!(model(&first), model(&second));
}

#[test]
fn s09_a_dry_run_says_what_the_run_will_do_and_writes_nothing() {
    let mut workspace = Workspace::with_sample_data();
    let dry_then_real = |expected: &str, workspace: &mut Workspace| {
        let before = workspace.snapshot(&EVERYTHING);
        let dry = workspace
            .run("fullprocess", &["--dry-run", "--json"])
            .json();
        assert_eq!(workspace.snapshot(&EVERYTHING), before, "{expected}");
        assert_eq!(dry["dry_run"], true);
        assert_eq!(outcome(&dry), expected, "{dry:#}");
        let real = workspace.fullprocess();
        assert_eq!(outcome(&real), expected);
        for part in [
            "decision",
            "verdict",
            "candidate_score",
            "new_score",
            "files",
            "rows",
        ] {
            assert_eq!(dry[part], real[part], "{part}");
        }
    };
    dry_then_real("cold_start", &mut workspace);
    dry_then_real("nothing_new", &mut workspace);
    workspace.set_input(&["sourcedata"]);
    dry_then_real("redeployed", &mut workspace);
}

#[test]
fn s26_what_counts_as_new_input() {
    let workspace = Workspace::after_cold_start();
    let first = workspace.text("data/practicedata/clients_2025_h1.csv");

    workspace.write("data/practicedata/a copy of h1.csv", &first);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    let later = to_csv(&clients(World::Clear, 13, 300));
    workspace.write("data/practicedata/dclients_2025_h1.csv", &later);
    let another_name = workspace.fullprocess();
    assert_eq!(another_name["rows"]["new"], 300, "{another_name:#}");

    let other_content = to_csv(&clients(World::Clear, 14, 250));
    workspace.write("data/practicedata/dclients_2025_h1.csv", &other_content);
    let same_name = workspace.fullprocess();
    assert_eq!(same_name["rows"]["new"], 250, "{same_name:#}");
    assert_eq!(same_name["files"]["removed"], 1);

    fs::remove_file(workspace.path("data/practicedata/dclients_2025_h1.csv")).expect("removed");
    let removed = workspace.fullprocess();
    assert_eq!(outcome(&removed), "not_judged", "{removed:#}");
    assert_eq!(removed["files"]["removed"], 1);
    assert_eq!(workspace.final_rows().len(), 4895);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}
