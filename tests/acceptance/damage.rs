//! Files of the pipeline that are damaged, foreign or tampered with. The program names them and
//! leaves them unchanged.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::past::of_a_newer_program;
use crate::server::Server;
use crate::workspace::{Snapshot, Workspace, outcome};

const MODEL: &str = "data/models/trainedmodel.msgpack";
const SCORE: &str = "data/models/latestscore.txt";
const HISTORY: &str = "data/state/history.db";
const LIVE: &str = "production_deployment/releases/000001";
const ROWS: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees
Calm Co,900,9000,40
";

/// Invalid model files, each with the expected message.
fn wrong_models(whole: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let changed = |at: usize| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let key = b"version";
    let version = whole
        .windows(key.len())
        .position(|window| window == key)
        .expect("a version");
    let mut newer = whole.to_vec();
    newer[version + key.len()] = 2;
    vec![
        (Vec::new(), "it is not a dynamic risk assessment model"),
        (
            whole[..whole.len() / 2].to_vec(),
            "it is not a dynamic risk assessment model",
        ),
        (changed(whole.len() / 2), "its checksum does not match"),
        (newer, "version 2; this program reads up to version 1"),
        // Code that other programs would run when they load the file.
        (
            b"cos\nsystem\n(S'touch /tmp/executed'\ntR.".to_vec(),
            "it is not a dynamic risk assessment model",
        ),
        (
            b"#!/bin/sh\ntouch executed\n".to_vec(),
            "it is not a dynamic risk assessment model",
        ),
    ]
}

/// All files except the lock, whose text describes the last run.
fn without_lock(workspace: &Workspace) -> Snapshot {
    let mut files = workspace.snapshot(&[""]);
    files.retain(|path, _| !path.ends_with("run.lock"));
    files
}

/// Checks that a program changes nothing, ends with exit code 74 and prints this message.
#[track_caller]
fn refuses(workspace: &Workspace, program: &str, arguments: &[&str], says: &[&str]) {
    let before = without_lock(workspace);
    let refused = workspace.run(program, arguments);
    says.iter().for_each(|text| refused.failed(74, text));
    assert_eq!(without_lock(workspace), before, "{program} changed a file");
}

#[test]
fn s31_a_wrong_candidate_is_named_and_rebuilt_by_the_stage_that_makes_it() {
    let workspace = Workspace::with_sample_data();
    for stage in ["ingestion", "training", "scoring"] {
        assert_eq!(workspace.run(stage, &[]).code, 0, "{stage}");
    }
    let whole = fs::read(workspace.path(MODEL)).expect("a model");
    for (content, says) in wrong_models(&whole) {
        workspace.write(MODEL, content);
        for stage in ["scoring", "deployment"] {
            refuses(&workspace, stage, &[], &[MODEL, says, "`training`"]);
        }
    }
    assert_eq!(workspace.run("training", &[]).code, 0);
    let score = workspace.text(SCORE);
    for content in ["", "\n", "high", "0,5", "NaN", "1.5", "\u{fffd}"] {
        workspace.write(SCORE, content);
        refuses(&workspace, "deployment", &[], &[SCORE, "`scoring`"]);
    }
    assert_eq!(workspace.run("scoring", &[]).code, 0);
    assert_eq!(workspace.text(SCORE), score);
    assert_eq!(workspace.run("deployment", &[]).code, 0);
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn s31_a_wrong_live_release_is_named_and_left_for_another_one() {
    let workspace = Workspace::after_cold_start();
    let damage = |file: &str, content: &[u8], says: &[&str]| {
        let path = format!("{LIVE}/{file}");
        let whole = fs::read(workspace.path(&path)).expect("a file");
        workspace.write(&path, content);
        let production = workspace.snapshot(&["production_deployment"]);
        let refused = workspace.run("fullprocess", &[]);
        for text in [&[file, "`fullprocess --doctor` names the command"], says].concat() {
            refused.failed(74, text);
        }
        assert_eq!(workspace.snapshot(&["production_deployment"]), production);
        workspace.write(&path, whole);
    };
    let model = fs::read(workspace.path(&format!("{LIVE}/trainedmodel.msgpack"))).expect("a model");
    for (content, _) in wrong_models(&model) {
        damage("trainedmodel.msgpack", &content, &["000001 is damaged"]);
    }
    for score in ["", "high", "0.99\n"] {
        damage("latestscore.txt", score.as_bytes(), &["checksum"]);
    }
    let manifest = workspace.text(&format!("{LIVE}/manifest.json"));
    for (content, says) in [
        (String::new(), "EOF while parsing"),
        ("{\"version\": 1".into(), "EOF while parsing"),
        (
            manifest.replacen("\"version\": 1", "\"version\": 2", 1),
            "use the newer program",
        ),
        (
            manifest.replacen("000001", "../../000001", 1),
            "not a number",
        ),
        (
            manifest.replacen("trainedmodel", "../trainedmodel", 1),
            "outside",
        ),
    ] {
        damage("manifest.json", content.as_bytes(), &[says]);
    }
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    fs::remove_file(workspace.path(&format!("{LIVE}/manifest.json"))).expect("removed");
    for (program, says) in [
        ("fullprocess", "manifest.json cannot be used: it is missing"),
        ("ingestion", "manifest.json cannot be used: it is missing"),
        ("reporting", "manifest.json cannot be used: it is missing"),
    ] {
        workspace.run(program, &[]).failed(74, says);
    }
    let shown = workspace.run("diagnostics", &["--json"]).json();
    assert!(
        shown["problems"].to_string().contains("it is missing"),
        "{shown:#}"
    );
    // The remedy that the message names if there is no other release.
    assert_eq!(workspace.run("deployment", &[]).code, 0);
    assert_eq!(workspace.live(), "000002");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

/// Invalid histories, each with the expected message. Some tables of the last one can still be
/// read.
fn wrong_histories(whole: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let noise = |length: usize| (0..length).map(|at| (at * 167 % 251) as u8);
    let third = whole.len() / 3;
    let mut middle = whole.to_vec();
    middle.splice(third..2 * third, noise(third));
    let damaged = "put a backup in its place and remove its seal";
    vec![
        (noise(whole.len()).collect(), damaged),
        (b"no history\n".to_vec(), damaged),
        (whole[..whole.len() / 2].to_vec(), damaged),
        (
            of_a_newer_program(whole),
            "the history has version 99, and this program knows versions up to",
        ),
        (middle, damaged),
    ]
}

#[test]
fn s31_a_wrong_history_is_named_and_nothing_is_changed() {
    let workspace = Workspace::after_cold_start();
    let whole = fs::read(workspace.path(HISTORY)).expect("a history");
    let wrong = wrong_histories(&whole);
    for (position, (content, says)) in wrong.iter().enumerate() {
        workspace.write(HISTORY, content);
        let says = &["history.db", says];
        for program in [
            "fullprocess",
            "ingestion",
            "training",
            "scoring",
            "deployment",
        ] {
            refuses(&workspace, program, &[], says);
        }
        if position + 1 < wrong.len() {
            refuses(&workspace, "fullprocess", &["--history"], says);
            refuses(&workspace, "fullprocess", &["--dry-run"], says);
            refuses(&workspace, "diagnostics", &[], says);
        }
    }
    // Each of the two remedies in the message.
    workspace.write(HISTORY, &whole);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    fs::remove_file(workspace.path(HISTORY)).expect("moved away");
    // The seal is still there, so the history was lost and not set aside together with its seal.
    let seal = "history.db-seal";
    refuses(
        &workspace,
        "fullprocess",
        &[],
        &["history.db", "is missing", seal],
    );
    refuses(
        &workspace,
        "fullprocess",
        &["--dry-run"],
        &["is missing", seal],
    );
    fs::remove_file(workspace.path(&format!("{HISTORY}-seal"))).expect("moved away");
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(
        (&record["run_id"], &record["rows"]["new"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn s31_a_key_that_is_none_is_named_and_a_new_one_is_drawn_once_it_is_removed() {
    let workspace = Workspace::after_cold_start();
    let key = "data/state/fingerprint.key";
    workspace.write(key, "short");
    workspace.write("data/practicedata/later.csv", ROWS);
    workspace.run("ingestion", &[]).failed(
        74,
        "fingerprint.key does not hold a key of 16 bytes: remove it",
    );
    workspace
        .run("fullprocess", &[])
        .failed(74, "fingerprint.key");
    assert_eq!(workspace.text(key), "short");
    fs::remove_file(workspace.path(key)).expect("removed");
    assert_eq!(workspace.fullprocess()["rows"]["new"], 1);
}

#[test]
fn s31_the_server_keeps_its_last_good_model_and_says_so() {
    let mut workspace = Workspace::after_redeployment();
    workspace.run("deployment", &["--rollback"]);
    let server = Server::start(&mut workspace);
    let point_at = |release: &str| {
        let current = workspace.path("production_deployment/current");
        fs::remove_file(&current).expect("removed");
        symlink(format!("releases/{release}"), &current).expect("a link");
    };
    // For a readiness check, the server checks the release itself.
    let served = |server: &Server| -> Value {
        server.get("/readyz");
        server.post("/prediction", "text/csv", ROWS).json(200)["model_version"].clone()
    };
    let is_live =
        |server: &Server| -> Value { server.get("/readyz").json(200)["checks"][1]["ok"].clone() };
    assert_eq!(
        (served(&server), is_live(&server)),
        (json!("000001"), json!(true))
    );
    for (file, content) in [
        ("manifest.json", ""),
        ("manifest.json", "{}"),
        ("latestscore.txt", "high\n"),
        ("trainedmodel.msgpack", "#!/bin/sh\n"),
    ] {
        let path = format!("production_deployment/releases/000002/{file}");
        let whole = fs::read(workspace.path(&path)).expect("a file");
        workspace.write(&path, content);
        point_at("000002");
        assert_eq!(
            (served(&server), is_live(&server)),
            (json!("000001"), json!(false)),
            "{file}"
        );
        workspace.write(&path, whole);
        point_at("000001");
        assert_eq!(
            (served(&server), is_live(&server)),
            (json!("000001"), json!(true))
        );
    }
    point_at("000002");
    assert_eq!(served(&server), "000002");

    // A server that starts on a damaged release runs, but does not predict.
    workspace.write("production_deployment/releases/000002/latestscore.txt", "");
    drop(server);
    let server = Server::start(&mut workspace);
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/readyz").json(503)["status"], "no-model");
    server
        .post("/prediction", "text/csv", ROWS)
        .problem(503, "no-model");
}
