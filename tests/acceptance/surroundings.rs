//! The environment of a run: other runs, cron, the configuration, other servers, and readers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::RunLock;
use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const EVERYTHING: [&str; 1] = [""];

#[test]
fn s28_while_a_run_works_another_changes_nothing_and_exits_75() {
    let workspace = Workspace::with_sample_data();
    let config = workspace.configuration();
    let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
    let before = workspace.snapshot(&EVERYTHING);
    for program in [
        "fullprocess",
        "ingestion",
        "training",
        "scoring",
        "deployment",
        "reporting",
        "apicalls",
    ] {
        workspace.run(program, &[]).failed(75, "a test, process");
    }
    assert_eq!(workspace.snapshot(&EVERYTHING), before);
    drop(lock);
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
}

#[test]
fn s28_of_twenty_runs_at_once_one_works() {
    let workspace = Workspace::with_sample_data();
    let codes: Vec<i32> = thread::scope(|scope| {
        let runs: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| workspace.run("fullprocess", &["--quiet"]).code))
            .collect();
        runs.into_iter()
            .map(|run| run.join().expect("a run"))
            .collect()
    });
    assert!(codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let worked = runs
        .as_array()
        .expect("runs")
        .iter()
        .filter(|run| run["outcome"] != "nothing_new");
    assert_eq!(worked.count(), 1, "{runs:#}");
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn s33_a_server_that_answers_wrongly_is_reported_and_never_shown_as_a_result() {
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nboom",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!",
        "SSH-2.0-another program\r\n",
    ] {
        let mut workspace = Workspace::with_sample_data();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        workspace.set("api.url", json!(format!("http://{address}")));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                // The request is short, so one read gets its whole head; the rest is not needed.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let called = workspace.run("apicalls", &[]);
        assert_eq!(called.code, 69, "{}", called.stderr);
        let returns = workspace.text("data/models/apireturns.txt");
        assert_eq!(returns.matches("ERROR").count(), 4, "{returns}");
    }
}

#[test]
fn s33_a_server_that_never_answers_or_never_ends_is_left_in_time_and_reported() {
    for (head, trickle) in [("", ""), ("HTTP/1.1 200 OK\r\n\r\n{\"f1\": 0.99", " ")] {
        let mut workspace = Workspace::with_sample_data();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        workspace.set("api.url", json!(format!("http://{address}")));
        workspace.set("api.timeout_seconds", json!(1));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                thread::spawn(move || hold(stream, head, trickle));
            }
        });
        let called = workspace.run("apicalls", &[]);
        assert_eq!(called.code, 69, "{}", called.stderr);
        let returns = workspace.text("data/models/apireturns.txt");
        let says = "the call took more than 1 s (api.timeout_seconds)";
        assert_eq!(returns.matches(says).count(), 4, "{returns}");
        assert_eq!(returns.matches("\nERROR: ").count(), 4, "{returns}");
        assert!(!returns.contains("0.99"), "{returns}");
    }
}

/// Answers with the beginning of a response, and then byte by byte until the client disconnects.
fn hold(mut stream: TcpStream, head: &str, trickle: &str) {
    let patience = Duration::from_millis(50);
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let mut is_held = stream.write_all(head.as_bytes()).is_ok();
    while is_held {
        // Waits for data from the client. A read of 0 bytes means that it has closed.
        is_held = !matches!(stream.read(&mut [0; 4096]), Ok(0))
            && stream.write_all(trickle.as_bytes()).is_ok();
    }
}

/// A stack that no machine has room for, so that no thread can be started.
const STACK_BYTES: &str = "70368744177664";

#[test]
fn a_thread_that_cannot_be_started_ends_the_program_with_a_message() {
    let workspace = Workspace::after_cold_start();
    for (program, arguments) in [
        ("ingestion", &[][..]),
        ("training", &[]),
        ("scoring", &[]),
        ("deployment", &[]),
        ("reporting", &[]),
        ("diagnostics", &["--measure"]),
        ("apicalls", &[]),
        ("app", &[]),
        ("fullprocess", &[]),
        ("fullprocess", &["--dry-run"]),
    ] {
        let mut command = workspace.command(program);
        command.args(arguments).env("RUST_MIN_STACK", STACK_BYTES);
        let ended = workspace.finish(&mut command);
        ended.failed(74, "thread");
    }
}

#[test]
fn s34_the_run_needs_nothing_of_its_environment() {
    let workspace = Workspace::with_sample_data();
    let run = workspace.finish(
        workspace
            .command("fullprocess")
            .env("TZ", "America/St_Johns")
            .env("LANG", "C")
            .env("LC_ALL", "C")
            .arg("--json"),
    );
    let record = run.json();
    assert_eq!(outcome(&record), "cold_start");
    let started = record["started_at"].as_str().expect("a time");
    assert!(started.ends_with('Z'), "{started}");
    // The same by the environment variable, from another folder.
    let mut by_variable = std::process::Command::new(crate::program::path("fullprocess"));
    by_variable
        .env_clear()
        .current_dir("/")
        .env("RISK_CONFIG", workspace.path("config.json"))
        .arg("--json");
    assert_eq!(
        outcome(&workspace.finish(&mut by_variable).json()),
        "nothing_new"
    );
}

#[test]
fn s35_configuration_errors_are_listed_at_once_and_nothing_is_touched() {
    let whole: Value = json!({
        "input_folder_path": "in", "output_folder_path": "out", "test_data_path": "test",
        "output_model_path": "models", "prod_deployment_path": "prod"
    });
    let with = |key: &str, value: Value| {
        let mut config = whole.clone();
        config[key] = value;
        config.to_string()
    };
    for (text, says) in [
        (
            "{\n  \"input_folder_path\": }".to_owned(),
            vec!["line 2 column"],
        ),
        ("[]".to_owned(), vec!["not a JSON object"]),
        (
            "{\"drift\": {\"on_ties\": \"keep\"}}".to_owned(),
            vec![
                "input_folder_path: is required: name the folder",
                "did you mean drift.on_tie?",
            ],
        ),
        (
            with("output_folder_path", json!("in")),
            vec!["output_folder_path: lies in"],
        ),
        (
            with("prod_deployment_path", json!("in/prod")),
            vec!["prod_deployment_path: lies in"],
        ),
        (
            with("output_model_path", json!("a file")),
            vec!["is a file, not a folder"],
        ),
        (
            with("test_data_path", json!("in/test")),
            vec!["test_data_path: overlaps"],
        ),
        (
            with("input_folder_path", json!(["in", "./in/"])),
            vec!["twice"],
        ),
        (
            with(
                "schema",
                json!({"features": ["x", "X"], "id": "", "target": "x"}),
            ),
            vec!["without a name", "twice"],
        ),
        (
            with(
                "schema",
                json!({"features": [{"name": "x", "min": 2, "max": 1}, {"nam": "y"}]}),
            ),
            vec![
                "schema.features[0].min",
                "did you mean schema.features[1].name?",
            ],
        ),
        (
            with("api", json!({"bind": "here", "url": "ftp://x"})),
            vec!["api.bind", "api.url"],
        ),
    ] {
        let workspace = Workspace::empty();
        workspace.write("config.json", &text);
        workspace.write("a file", "x");
        let before = workspace.snapshot(&EVERYTHING);
        for what in says {
            workspace.run("fullprocess", &[]).failed(78, what);
        }
        assert_eq!(workspace.snapshot(&EVERYTHING), before, "{text}");
    }
    let workspace = Workspace::empty();
    let mut elsewhere = workspace.command("training");
    elsewhere.arg("--config").arg("/nowhere/config.json");
    let twice = workspace.finish(&mut elsewhere);
    assert_eq!(twice.code, 2, "--config is given once: {}", twice.stderr);
}

#[test]
fn s37_looking_changes_nothing() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["sourcedata"]);
    let server = Server::start(&mut workspace);
    let before = workspace.snapshot(&EVERYTHING);
    for path in [
        "/scoring",
        "/summarystats",
        "/diagnostics",
        "/livez",
        "/readyz",
        "/nowhere",
    ] {
        server.get(path);
    }
    for (program, arguments) in [
        ("diagnostics", &["--measure"][..]),
        ("diagnostics", &[]),
        ("deployment", &["--list"]),
        ("fullprocess", &["--history"]),
        ("fullprocess", &["--dry-run"]),
        ("fullprocess", &["--doctor"]),
        ("fullprocess", &["--help"]),
    ] {
        let looked = workspace.run(program, arguments);
        assert_eq!(looked.code, 0, "{program} {arguments:?}: {}", looked.stderr);
    }
    assert_eq!(workspace.snapshot(&EVERYTHING), before);
}
