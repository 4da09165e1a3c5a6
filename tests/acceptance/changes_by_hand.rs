//! Changes that people make by hand: what the history keeps of them, and the loss of the link to the
//! live release.

use std::fs;

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// The changes by hand that `--history` lists, newest first.
fn changes(workspace: &Workspace) -> Vec<Value> {
    let entries = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let entries = entries.as_array().expect("a list").clone();
    entries
        .into_iter()
        .filter(|entry| entry["change_id"].is_number())
        .collect()
}

#[track_caller]
fn done(workspace: &Workspace, program: &str, arguments: &[&str]) {
    let done = workspace.run(program, arguments);
    assert_eq!(done.code, 0, "{program}: {}", done.stderr);
}

#[test]
fn every_change_by_hand_is_in_the_history_with_who_made_it() {
    let mut workspace = Workspace::with_sample_data();
    done(&workspace, "ingestion", &[]);
    let only = workspace.run("fullprocess", &["--history"]).stdout;
    let what = "2 files ingested; finaldata.csv has";
    assert!(
        only.contains("the ingested data was changed by hand, by "),
        "{only}"
    );
    assert!(only.contains(what), "{only}");
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace.set("training.c", json!(0.5));
    for stage in ["training", "scoring", "deployment"] {
        done(&workspace, stage, &[]);
    }
    done(&workspace, "deployment", &["--rollback"]);
    // Nothing is changed by these.
    workspace
        .run("deployment", &["--rollback", "7"])
        .failed(65, "no release");
    done(&workspace, "deployment", &["--list"]);

    let found = changes(&workspace);
    let in_short: Vec<Value> = found
        .iter()
        .map(|change| {
            json!([
                change["kind"],
                change["after_run"],
                change["from"],
                change["to"]
            ])
        })
        .collect();
    assert_eq!(
        json!(in_short),
        json!([
            ["rollback", 1, "000002", "000001"],
            ["deployment", 1, "000001", "000002"],
            ["training", 1, null, null],
            ["ingestion", 0, null, null],
        ])
    );
    let uid = rustix::process::getuid().as_raw();
    for change in &found {
        assert_eq!(change["by"]["uid"], uid);
        assert!(change["made_at"].is_string());
    }
    let text = workspace.run("fullprocess", &["--history"]).stdout;
    let first = text.lines().nth(1).expect("an entry");
    assert!(
        first.contains("rolled back to release 000001 by hand, by "),
        "{first}"
    );
    assert!(first.contains(&format!("uid {uid}")), "{first}");
    assert!(
        first.ends_with("; release 000002 was live before"),
        "{first}"
    );

    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    let limited = workspace
        .run("fullprocess", &["--history", "--limit", "1", "--json"])
        .json();
    assert_eq!(
        limited.as_array().map(Vec::len),
        Some(1),
        "the change is older"
    );

    let server = Server::start(&mut workspace);
    let all = server.get("/v1/runs").json(200);
    assert_eq!(all["changes_by_hand"], json!(found));
    let newest = server.get("/v1/runs?limit=1").json(200);
    assert_eq!(newest["changes_by_hand"], json!([]));
    let next = newest["next"].as_str().expect("an older run");
    assert_eq!(server.get(next).json(200)["changes_by_hand"], json!(found));
}

#[test]
fn a_lost_link_to_the_live_release_is_no_cold_start() {
    let receiver = Receiver::start();
    let mut workspace = Workspace::after_redeployment();
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    fs::remove_file(workspace.path("production_deployment/current")).expect("removed");
    let remedy = "make it live again with `deployment --rollback 000002`";
    workspace
        .run("fullprocess", &["--dry-run"])
        .failed(74, remedy);
    for _ in 0..2 {
        workspace
            .run("fullprocess", &["--quiet"])
            .failed(74, remedy);
    }
    assert_eq!(receiver.reported(), ["run_failed open"]);
    workspace
        .run("deployment", &["--rollback"])
        .failed(74, remedy);
    let doctor = workspace.run("fullprocess", &["--doctor"]).stdout;
    assert!(doctor.contains("deployment --rollback 000002"), "{doctor}");

    done(&workspace, "deployment", &["--rollback", "000002"]);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert_eq!(workspace.live(), "000002");
    assert_eq!(receiver.reported(), ["run_failed resolved"]);
    assert_eq!(changes(&workspace)[0]["from"], Value::Null);
}

#[test]
fn a_lost_link_is_restored_to_the_release_that_was_live_last() {
    let workspace = Workspace::after_redeployment();
    for name in ["000001", "000002", "000001"] {
        done(&workspace, "deployment", &["--rollback", name]);
        for runs_before in 0..2 {
            let lost = workspace.copy();
            if runs_before > 0 {
                assert_eq!(outcome(&lost.fullprocess()), "nothing_new");
            }
            fs::remove_file(lost.path("production_deployment/current")).expect("removed");
            let remedy = format!("deployment --rollback {name}");
            for _ in 0..2 {
                lost.run("fullprocess", &[]).failed(74, &remedy);
            }
            let doctor = lost.run("fullprocess", &["--doctor"]).stdout;
            assert!(doctor.contains(&remedy), "{doctor}");
        }
    }
}

#[test]
fn a_damaged_newest_release_is_not_the_one_to_make_live_again() {
    let workspace = Workspace::after_redeployment();
    fs::remove_file(workspace.path("production_deployment/current")).expect("removed");
    workspace.damage("production_deployment/releases/000002/trainedmodel.msgpack");
    workspace
        .run("fullprocess", &[])
        .failed(74, "`deployment --rollback 000001`");
}

#[test]
fn a_change_by_hand_counts_though_the_clock_was_set_back() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("training.c", json!(0.5));
    workspace.clock = Some("-2592000");
    for stage in ["training", "scoring", "deployment"] {
        done(&workspace, stage, &[]);
    }
    workspace.clock = None;
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "nothing_new");
    let reason = record["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("release 000002 was made live by hand"),
        "{reason}"
    );
}

#[test]
fn a_deployment_by_hand_needs_the_live_release_as_a_run_does() {
    let workspace = Workspace::after_redeployment();
    let current = workspace.path("production_deployment/current");
    let manifests = || workspace.snapshot(&["production_deployment/releases"]);
    let before = manifests();
    fs::remove_file(&current).expect("removed");
    workspace
        .run("deployment", &[])
        .failed(74, "deployment --rollback 000002");
    std::os::unix::fs::symlink("releases/000009", &current).expect("a link");
    workspace
        .run("deployment", &[])
        .failed(74, "where there is no release: make release 000002 live");
    assert_eq!(manifests(), before, "nothing is published");
}
