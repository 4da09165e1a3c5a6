//! The check for newer and yanked dependencies: which programs make it, and its result.

use std::process::Stdio;

use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::{Value, json};

use crate::registry::{Registry, Versions};
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// The day by which a check is due. It is unknown if the test runs past midnight.
fn today() -> Date {
    Offset::UTC.to_datetime(common::clock::now()).date()
}

fn with_checks() -> Workspace {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("diagnostics.check_updates", json!(true));
    workspace
}

/// The dependencies of the programs, as the programs list them.
fn dependencies(workspace: &Workspace) -> Value {
    let shown = workspace.run("diagnostics", &["--json"]).json();
    shown["dependencies"].clone()
}

fn direct<'a>(dependencies: &'a Value, name: &str) -> &'a Value {
    let direct = dependencies["direct"].as_array().expect("dependencies");
    let found = direct.iter().find(|one| one["name"] == name);
    found.expect("a dependency of the workspace")
}

fn current(dependency: &Value) -> String {
    dependency["current"]
        .as_str()
        .expect("a version")
        .to_owned()
}

/// An index that has only the current version of each dependency.
fn nothing_newer(workspace: &Workspace) -> Versions {
    let listed = dependencies(workspace);
    let direct = listed["direct"].as_array().expect("dependencies");
    direct
        .iter()
        .map(|one| {
            let name = one["name"].as_str().expect("a name");
            (name.to_owned(), vec![(current(one), false)])
        })
        .collect()
}

/// The crates whose versions are unknown, and the number of all crates.
fn unknown(dependencies: &Value) -> (usize, usize) {
    let direct = dependencies["direct"].as_array().expect("dependencies");
    let unknown = direct.iter().filter(|one| one["status"] == "unknown");
    (unknown.count(), direct.len())
}

#[test]
fn s36_newer_and_yanked_versions_are_found_once_a_day_and_shown() {
    let mut workspace = with_checks();
    let before = dependencies(&workspace);
    assert_eq!(before["asked_at"], Value::Null);
    let mut versions = nothing_newer(&workspace);
    let csv = current(direct(&before, "csv"));
    versions.insert(
        "csv".into(),
        vec![(csv.clone(), true), ("999.0.0".into(), false)],
    );
    let walkdir = versions.get_mut("walkdir").expect("a dependency");
    walkdir.push(("2.999.0".into(), false));
    walkdir.push(("3.0.0".into(), false));
    walkdir.push(("3.1.0-rc.1".into(), false));
    walkdir.push(("3.2.0".into(), true));
    versions.remove("serde");
    let registry = Registry::serving(versions);

    let first_day = today();
    let record = registry.run(&workspace, "fullprocess", &["--json"]).json();
    assert_eq!(outcome(&record), "cold_start");
    let counts = &record["dependencies"];
    assert_eq!(counts["yanked"], json!([format!("csv {csv}")]));
    assert_eq!(
        (&counts["outdated"], &counts["unknown"]),
        (&json!(1), &json!(1))
    );
    assert!(registry.connections() > 0);
    let report = workspace.text("data/state/runs/000001/report.txt");
    assert!(
        report.contains(&format!("yanked     csv {csv}")),
        "{report}"
    );

    let shown = dependencies(&workspace);
    assert!(shown["asked_at"].is_string());
    assert_eq!(direct(&shown, "csv")["status"], "yanked");
    let walkdir = direct(&shown, "walkdir");
    assert_eq!(walkdir["status"], "outdated");
    assert_eq!(
        (&walkdir["latest"], &walkdir["compatible"]),
        (&json!("3.0.0"), &json!("2.999.0"))
    );
    assert_eq!(direct(&shown, "serde")["status"], "unknown");
    assert_eq!(direct(&shown, "anyhow")["status"], "up_to_date");
    let text = registry.run(&workspace, "diagnostics", &[]).stdout;
    assert!(text.contains("(1 outdated, 1 yanked, 1 unknown)"), "{text}");
    let server = Server::start(&mut workspace);
    assert_eq!(server.get("/diagnostics").json(200)["dependencies"], shown);

    workspace.set_input(&["sourcedata"]);
    let again = registry.run(&workspace, "fullprocess", &["--json"]).json();
    assert_eq!(outcome(&again), "redeployed");
    if today() == first_day {
        assert_eq!(again["dependencies"], Value::Null);
        assert_eq!(registry.connections(), 0);
    }
}

#[test]
fn s36_without_an_index_the_dependencies_are_unknown_and_the_run_goes_on() {
    for registry in [Registry::closed(), Registry::hanging()] {
        let workspace = with_checks();
        let run = registry.run(&workspace, "fullprocess", &["--json", "--quiet"]);
        assert_eq!(run.stderr, "", "nobody must act on it");
        assert_eq!(outcome(&run.json()), "cold_start");
        let shown = dependencies(&workspace);
        let (unknown, all) = unknown(&shown);
        assert_eq!(unknown, all);
        assert!(direct(&shown, "serde")["reason"].is_string());
        let next = registry.run(&workspace, "fullprocess", &["--json"]).json();
        assert_eq!(outcome(&next), "nothing_new");
    }
}

#[test]
fn s36_nobody_else_and_nothing_that_is_turned_off_asks() {
    let mut workspace = with_checks();
    let registry = Registry::serving(nothing_newer(&workspace));
    for (program, arguments) in [
        ("fullprocess", &["--dry-run"][..]),
        ("ingestion", &[]),
        ("training", &[]),
        ("scoring", &[]),
        ("deployment", &[]),
        ("reporting", &[]),
        ("diagnostics", &["--measure"]),
        ("fullprocess", &["--history"]),
    ] {
        let ran = registry.run(&workspace, program, arguments);
        assert_eq!(ran.code, 0, "{program}: {}", ran.stderr);
        assert_eq!(registry.connections(), 0, "{program} {arguments:?}");
    }

    workspace.set("diagnostics.check_updates", json!(false));
    workspace.set_input(&["sourcedata"]);
    let run = registry.run(&workspace, "fullprocess", &["--json"]).json();
    assert_ne!(outcome(&run), "nothing_new");
    assert_eq!(run["dependencies"], Value::Null);
    workspace.set("diagnostics.check_updates", json!(true));
    let run = registry.run(&workspace, "fullprocess", &["--json"]).json();
    assert_eq!(outcome(&run), "nothing_new");
    assert_eq!(registry.connections(), 0);
}

#[test]
fn s36_the_result_is_printed_before_the_index_is_asked_and_the_wait_is_reported() {
    let workspace = with_checks();
    let registry = Registry::hanging();
    let run = registry
        .command(&workspace, "fullprocess")
        .stdout(Stdio::piped())
        .spawn();
    let mut run = run.expect("it starts");
    registry.wait_for_connection();
    run.kill().expect("it is there, waiting for the index");
    let ended = run.wait_with_output().expect("it ends");
    let said = String::from_utf8(ended.stdout).expect("text");
    assert!(said.contains("run 1: cold_start"), "{said:?}");

    let workspace = with_checks();
    let said = registry.run(&workspace, "fullprocess", &[]).stdout;
    let (_, waited) = said.split_once("  seconds    dependencies ").expect(&said);
    assert!(waited.contains("did not answer for"), "{said}");
    let (seconds, _) = waited.split_once(' ').expect(&said);
    let seconds: f64 = seconds.parse().expect("a number");
    assert!((1.9..4.0).contains(&seconds), "{said}");
    let report = workspace.text("data/state/runs/000001/report.txt");
    assert!(report.contains(", dependencies "), "{report}");
}

#[test]
fn s36_a_run_that_is_killed_while_it_asks_is_whole_and_does_not_ask_again() {
    let workspace = with_checks();
    let registry = Registry::hanging();
    let first_day = today();
    let mut run = registry.command(&workspace, "fullprocess");
    let mut run = run.arg("--quiet").spawn().expect("it starts");
    registry.wait_for_connection();
    run.kill().expect("it was there");
    run.wait().expect("it ends");

    // Another index, so that the requests of the first run do not count.
    let registry = Registry::hanging();
    let record = registry.run(&workspace, "fullprocess", &["--json"]).json();
    assert_eq!(
        (outcome(&record), &record["run_id"]),
        ("nothing_new", &json!(2))
    );
    assert_eq!(workspace.live(), "000001");
    if today() == first_day {
        assert_eq!(registry.connections(), 0);
    }
    let shown = dependencies(&workspace);
    assert_eq!(
        direct(&shown, "serde")["reason"],
        "the check was interrupted"
    );
}
