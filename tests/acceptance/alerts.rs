//! Alerts: who is notified, how often, and what happens if a receiver cannot be reached.

use std::fs::{Permissions, set_permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use acceptance::sample_data::{World, clients, to_csv};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::receiver::{Answer, Receiver, in_short};
use crate::workspace::{Workspace, outcome};

/// The sample data with a webhook, and one more input folder.
fn watched(receiver: &Receiver) -> Workspace {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("drift.trigger", json!("evidence"));
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write("data/exports/readme", "");
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    workspace
}

/// Sets short time-outs, for targets that never answer.
fn impatient(workspace: &mut Workspace) {
    workspace.set("alerts.timeout_seconds", json!(0.2));
}

fn patient(workspace: &mut Workspace) {
    workspace.set("alerts.timeout_seconds", json!(5));
}

fn export(workspace: &Workspace, world: World, seed: u64, rows: usize) {
    let name = format!("data/exports/{seed}.csv");
    workspace.write(&name, to_csv(&clients(world, seed, rows)));
}

/// The doctor's result on alerts: the exit code, and text and remedy of a finding.
fn doctor(workspace: &Workspace) -> (i32, Option<(String, String)>) {
    let visit = workspace.run("fullprocess", &["--doctor", "--json"]);
    let report: Value = serde_json::from_str(&visit.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["check"] == "alerts");
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a text").to_owned();
    let finding = finding.map(|found| (text(found, "what"), text(found, "remedy")));
    (visit.code, finding)
}

#[test]
fn a_condition_is_reported_once_and_once_more_when_it_is_resolved() {
    let receiver = Receiver::start();
    let mut workspace = watched(&receiver);
    // With all rows the next model is fitted to both worlds. It drifts again without rows of the old world.
    workspace.set("training.window", json!("all"));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    let posted = receiver.posted();
    assert_eq!(posted.len(), 1);
    let message = posted[0].json();
    assert_eq!(in_short(&message), "input_rejected open");
    assert_eq!(
        (&message["run"], &message["release"]),
        (&json!(1), &json!("000001"))
    );
    let text = message["text"].as_str().expect("a text");
    assert!(
        text.starts_with("input rejected in run 1: 5 of 5,200 rows of new files were rejected; "),
        "{text}"
    );
    for of_the_data in ["12 k", "clients_2025", "practicedata"] {
        assert!(!posted[0].body.contains(of_the_data), "{text}");
    }
    assert_eq!(posted[0].header("content-type"), Some("application/json"));
    assert_eq!(posted[0].header("x-risk-signature-256"), None);

    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert!(receiver.reported().is_empty());
    export(&workspace, World::Before, 20, 400);
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    assert_eq!(receiver.reported(), ["input_rejected resolved"]);

    export(&workspace, World::After, 22, 400);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    let posted = receiver.posted();
    assert_eq!(posted.len(), 1);
    let text = posted[0].json()["text"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(
        text.starts_with(
            "model drift in run 4: the model no longer fits 400 new rows with a label"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(". A new model is deployed: release 000002. Nothing to do"),
        "{text}"
    );

    // The new model was fitted to clients of both worlds. Without clients of the old world it drifts again.
    workspace.set_input(&["exports"]);
    std::fs::remove_file(workspace.path("data/exports/20.csv")).expect("the file");
    export(&workspace, World::After, 23, 800);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    assert!(receiver.reported().is_empty(), "within its cool-down");
    export(&workspace, World::After, 24, 300);
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    assert_eq!(receiver.reported(), ["model_drift resolved"]);
}

#[test]
fn only_runs_send_alerts() {
    let receiver = Receiver::start();
    let workspace = watched(&receiver);
    // An empty input folder would be a finding of the doctor.
    workspace.copy_sample("sourcedata", "exports");
    for (program, arguments) in [
        ("fullprocess", &["--dry-run"][..]),
        ("fullprocess", &["--doctor"]),
        ("ingestion", &[]),
        ("diagnostics", &[]),
    ] {
        assert_eq!(workspace.run(program, arguments).code, 0);
        assert!(receiver.posted().is_empty(), "{program} {arguments:?}");
    }
}

#[test]
fn a_receiver_that_fails_hangs_and_recovers_gets_every_message_in_its_order() {
    let receiver = Receiver::start();
    let mut workspace = watched(&receiver);
    receiver.answers(Answer::status("503 Service Unavailable"));
    let run = workspace.run("fullprocess", &["--json", "--quiet"]);
    assert_eq!(outcome(&run.json()), "cold_start", "it fails no run");
    assert_eq!(receiver.posted().len(), 3, "tries of one run");
    assert!(
        run.stderr.contains("it answered with status 503"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("SECRET-PATH"), "{}", run.stderr);

    receiver.answers(Answer::Silence);
    impatient(&mut workspace);
    export(&workspace, World::Before, 20, 400);
    let run = workspace.run("fullprocess", &["--json"]);
    assert_eq!(outcome(&run.json()), "steady");
    assert!(receiver.posted().len() <= 3);
    assert!(
        run.stderr
            .contains("alerts for the webhook wait for the next run: 2 alerts not delivered"),
        "{}",
        run.stderr
    );
    let (code, finding) = doctor(&workspace);
    let (what, remedy) = finding.expect("a finding");
    assert_eq!(code, 74);
    assert!(
        what.starts_with("2 alerts for the webhook could not be delivered since"),
        "{what}"
    );
    assert!(what.contains("it did not answer within"), "{what}");
    assert!(!what.contains("SECRET-PATH"), "{what}");

    receiver.answers(Answer::status("204 No Content"));
    patient(&mut workspace);
    assert_eq!(workspace.shell(&remedy).code, 0);
    assert_eq!(
        receiver.reported(),
        ["input_rejected open", "input_rejected resolved"]
    );
    assert_eq!(doctor(&workspace), (0, None));
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    assert!(receiver.posted().is_empty(), "what was delivered is done");
}

#[test]
fn a_message_that_is_refused_permanently_delays_no_other_and_is_not_sent_again() {
    let receiver = Receiver::start();
    let workspace = watched(&receiver);
    receiver.answers(Answer::status("400 Bad Request"));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    assert_eq!(receiver.reported(), ["input_rejected open"], "once a run");
    export(&workspace, World::Before, 20, 400);
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    let both = ["input_rejected open", "input_rejected resolved"];
    assert_eq!(receiver.reported(), both, "the second is tried too");
    let (_, finding) = doctor(&workspace);
    let (what, _) = finding.expect("a finding");
    assert!(
        what.contains("rejected the message with status 400"),
        "{what}"
    );
    for expected in [&both[..], &both, &both, &both[1..], &[]] {
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
        assert_eq!(receiver.reported(), expected);
    }
    assert_eq!(doctor(&workspace), (0, None));
}

#[test]
fn a_redirection_is_not_followed() {
    let (receiver, elsewhere) = (Receiver::start(), Receiver::start());
    let workspace = watched(&receiver);
    let to = format!("307 Temporary Redirect\r\nLocation: {}", elsewhere.url());
    receiver.answers(Answer::Status(to));
    let run = workspace.run("fullprocess", &["--json"]);
    assert_eq!(outcome(&run.json()), "cold_start");
    assert!(
        run.stderr.contains("redirections are not followed"),
        "{}",
        run.stderr
    );
    assert!(elsewhere.posted().is_empty());
}

#[test]
fn messages_are_signed_with_a_secret_that_nobody_else_may_read() {
    let receiver = Receiver::start();
    let mut workspace = watched(&receiver);
    workspace.set("alerts.webhook.secret_file", json!("alerts.secret"));
    workspace.write("alerts.secret", "a secret\n");
    let mode = |mode| {
        let path = workspace.path("alerts.secret");
        set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    };
    mode(0o640);
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    assert!(receiver.posted().is_empty(), "nothing goes out unsigned");
    let (code, finding) = doctor(&workspace);
    let (what, remedy) = finding.expect("a finding");
    assert_eq!(code, 74);
    assert!(what.starts_with("others may read"), "{what}");
    assert_eq!(workspace.shell(&remedy).code, 0);

    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    let posted = receiver.posted();
    let mut code = Hmac::<Sha256>::new_from_slice(b"a secret").expect("a key");
    code.update(posted[0].body.as_bytes());
    let digits: String = code
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let expected = format!("sha256={digits}");
    assert_eq!(
        posted[0].header("x-risk-signature-256"),
        Some(expected.as_str())
    );
}

#[test]
fn a_command_gets_the_same_on_its_stdin() {
    let mut workspace = Workspace::with_sample_data();
    let tells = |workspace: &mut Workspace, script: &str| {
        workspace.set("alerts.command", json!(["/bin/sh", "-c", script]));
    };
    tells(&mut workspace, "exit 3");
    let run = workspace.run("fullprocess", &["--json"]);
    assert_eq!(outcome(&run.json()), "cold_start");
    assert!(run.stderr.contains("exit status: 3"), "{}", run.stderr);
    // The command never reads its input, and the process that it starts would outlive it.
    tells(&mut workspace, "sleep 600 & wait");
    impatient(&mut workspace);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    let (_, finding) = doctor(&workspace);
    let (what, remedy) = finding.expect("a finding");
    assert!(what.contains("took more than"), "{what}");
    workspace.set("alerts.command", json!(["/no/such/program"]));
    let run = workspace.run("fullprocess", &[]);
    assert!(
        run.stderr.contains("/no/such/program (alerts.command)"),
        "{}",
        run.stderr
    );

    workspace.set("alerts.timeout_seconds", json!(60));
    tells(&mut workspace, "cat >> reported.jsonl");
    assert_eq!(workspace.shell(&remedy).code, 0);
    let reported = workspace.text("reported.jsonl");
    let message: Value = serde_json::from_str(reported.trim()).expect("one line of JSON");
    assert_eq!(in_short(&message), "input_rejected open");
}

#[test]
fn a_failed_run_is_reported_until_a_run_succeeds() {
    let receiver = Receiver::start();
    let mut workspace = watched(&receiver);
    let held_back = "data/testdata/clients_held_back.csv";
    let good = workspace.text(held_back);
    workspace.write(held_back, "corporation,exited\n\"Calm Co\",1\n");
    assert_eq!(workspace.run("fullprocess", &[]).code, 65);
    let posted = receiver.posted();
    let messages: Vec<Value> = posted.iter().map(|one| one.json()).collect();
    let reported: Vec<String> = messages.iter().map(in_short).collect();
    assert_eq!(reported, ["input_rejected open", "run_failed open"]);
    let text = messages[1]["text"].as_str().expect("a text");
    assert_eq!(
        text,
        "run failed in run 1: the data cannot be used (exit code 65); `fullprocess --doctor` says what to do"
    );
    assert_eq!(workspace.run("fullprocess", &[]).code, 65);
    assert!(receiver.reported().is_empty(), "within its cool-down");
    workspace.set("alerts.cool_down_hours", json!(0));
    assert_eq!(workspace.run("fullprocess", &[]).code, 65);
    assert_eq!(receiver.reported(), ["run_failed open"]);

    workspace.write(held_back, good);
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    assert_eq!(receiver.reported(), ["run_failed resolved"]);
}

#[test]
fn a_killed_run_is_reported_by_the_run_that_closes_it() {
    let receiver = Receiver::start();
    let workspace = watched(&receiver);
    let mut record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(receiver.reported(), ["input_rejected open"]);
    for name in ["outcome", "finished_at", "decision"] {
        record[name] = Value::Null;
    }
    let history = workspace.open_history();
    let died = history.begin_run(common::clock::now(), &record);
    assert_eq!(died.expect("begun"), 2);
    drop(history);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    let posted: Vec<Value> = receiver.posted().iter().map(|one| one.json()).collect();
    let reported: Vec<String> = posted.iter().map(in_short).collect();
    assert_eq!(reported, ["run_failed open", "run_failed resolved"]);
    assert_eq!(
        (&posted[0]["run"], &posted[1]["run"]),
        (&json!(2), &json!(3))
    );
}

#[test]
fn rows_that_were_rejected_before_are_not_reported_again_after_a_rebuild() {
    let receiver = Receiver::start();
    let workspace = watched(&receiver);
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    export(&workspace, World::Before, 20, 400);
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    let reported = ["input_rejected open", "input_rejected resolved"];
    assert_eq!(receiver.reported(), reported);
    std::fs::remove_file(workspace.path("data/exports/20.csv")).expect("the file");
    export(&workspace, World::Before, 21, 400);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "steady", "{record:#}");
    assert!(record["ingestion"]["rebuilt"].is_string(), "{record:#}");
    assert!(record["rows"]["rejected"].as_u64() > Some(0), "{record:#}");
    assert!(receiver.reported().is_empty());
}

#[test]
fn a_history_that_cannot_be_opened_is_reported_by_every_run() {
    let receiver = Receiver::start();
    let workspace = watched(&receiver);
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    receiver.posted();
    workspace.write("data/state/history.db", "no history at all");
    for _ in 0..2 {
        assert_eq!(workspace.run("fullprocess", &[]).code, 74);
        assert_eq!(receiver.reported(), ["run_failed open"]);
    }
}

#[test]
fn an_api_that_does_not_answer_is_reported() {
    let receiver = Receiver::start();
    let mut workspace = watched(&receiver);
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    workspace.set("api.url", json!(url));
    assert_eq!(workspace.run("fullprocess", &[]).code, 69);
    assert_eq!(
        receiver.reported(),
        ["input_rejected open", "api_unreachable open"]
    );
}
