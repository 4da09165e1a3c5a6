//! What the pages say in each state of a pipeline.

use std::fs;

use jiff::SignedDuration;

use super::*;

/// The pages that need the history, and the page of a run.
const OF_HISTORY: [&str; 5] = [
    "/dashboard/score",
    "/dashboard/drift",
    "/dashboard/runs",
    "/dashboard/alerts",
    "/dashboard/reports",
];

/// The text of a page, or of the answer to an address that does not exist.
fn text_at(server: &Server, path: &str) -> String {
    let answer = server.send(&format!("GET {path}"), &[HOST], b"");
    assert!(matches!(status_of(&answer), 200 | 404), "{path}: {answer}");
    assert_is_page(path, &answer);
    text_of(body_of(&answer))
}

#[test]
fn an_empty_pipeline_says_how_to_begin() {
    let mut empty = Workspace::with_sample_data();
    let server = Server::start(&mut empty);
    for path in PAGES {
        let text = text_of(&page(&server, path));
        assert!(text.contains("fullprocess --try FILE"), "{path}: {text}");
        assert!(!text.contains("history.db"), "{path}: {text}");
    }
    for path in [
        "/dashboard/runs/1",
        "/dashboard/releases/1",
        "/dashboard/drift?feature=x",
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 404, "{path}");
        let text = text_of(body_of(&answer));
        assert!(text.contains("fullprocess --try FILE"), "{path}: {text}");
    }
}

#[test]
fn a_stale_pipeline_says_what_to_do() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("diagnostics.stale_after_hours", json!(1));
    let long_ago = common::clock::now() - SignedDuration::from_hours(3);
    workspace.add_run(long_ago, Some("nothing_new"), &workspace.last_record());
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(
        text.contains("This state is old: the last run ended 3 hours ago"),
        "{text}"
    );
    assert!(text.contains("crontab -l"), "{text}");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_damaged_release_and_a_damaged_history_say_what_to_do() {
    let mut workspace = Workspace::after_cold_start();
    // The live release loses its model: nothing can be predicted, and the page says so.
    let model = "production_deployment/releases/000001/trainedmodel.msgpack";
    let bytes = fs::read(workspace.path(model)).expect("the model");
    workspace.write(model, &bytes[..bytes.len() / 2]);
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(text.contains("The live release cannot be used"), "{text}");
    assert!(text.contains("fullprocess --doctor"), "{text}");
    let text = text_of(&page(&server, "/dashboard/releases/1"));
    assert!(text.contains("This release is damaged"), "{text}");
    // The manifest can be read, but the list still marks the release as damaged. There is no other release.
    let text = text_of(&page(&server, "/dashboard/releases"));
    assert!(text.contains("live, and damaged"), "{text}");
    assert!(!text.contains("rollback"), "{text}");
    workspace.write("production_deployment/releases/000001/manifest.json", "{");
    let text = text_of(&page(&server, "/dashboard/releases"));
    assert!(text.contains("live, and damaged"), "{text}");
    assert_eq!(server.stop(), 0);

    workspace.write("data/state/history.db", "this is no history");
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(
        text.contains("The history of the runs cannot be read."),
        "{text}"
    );
    assert!(text.contains("fullprocess --doctor"), "{text}");
    for path in OF_HISTORY {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 500, "{path}");
        assert_is_page(path, &answer);
        let text = text_of(body_of(&answer));
        assert!(text.contains("fullprocess --doctor"), "{path}: {text}");
        assert!(
            !text.contains(workspace.path("data").to_str().expect("UTF-8")),
            "{text}"
        );
    }
}

#[test]
fn a_damaged_line_of_the_call_list_is_named_with_the_command_that_rebuilds_the_list() {
    let (mut workspace, _) = story();
    let list = workspace.text("data/models/riskranking.csv");
    let lines = list.lines().count();
    workspace.write("data/models/riskranking.csv", format!("{list}garbage\n"));
    let server = Server::start(&mut workspace);
    let flaw = format!("riskranking.csv, line {}: ", lines + 1);
    let problem = server.get(&format!("/v1/risks?before={}", lines - 2));
    problem.problem(500, "call-list-damaged");
    assert!(problem.body.contains(&flaw), "{}", problem.body);
    let last = format!("/dashboard/calls?before={}", lines - 2);
    for path in [
        last.as_str(),
        "/dashboard/calls?client=nobody",
        "/dashboard/calls.csv",
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 500, "{path}");
        assert_is_page(path, &answer);
        let text = text_of(body_of(&answer));
        for says in [flaw.as_str(), "scoring --rank"] {
            assert!(text.contains(says), "{says}: {path}: {text}");
        }
    }
    assert_eq!(server.stop(), 0);
    // The command does what the pages promise.
    assert_eq!(workspace.run("scoring", &["--rank"]).code, 0);
    assert_eq!(workspace.text("data/models/riskranking.csv"), list);
}

#[test]
fn a_history_that_is_missing_or_empty_is_not_a_beginning() {
    let mut workspace = Workspace::after_cold_start();
    let history = workspace.path("data/state/history.db");
    for is_empty in [false, true] {
        match is_empty {
            true => workspace.write("data/state/history.db", ""),
            false => fs::remove_file(&history).expect("the history"),
        }
        let server = Server::start(&mut workspace);
        let of_one = ["/", "/dashboard/runs/1"];
        for path in OF_HISTORY.iter().chain(&of_one) {
            let text = text_at(&server, path);
            assert!(
                text.contains("put a backup of history.db in its place"),
                "{path}: {text}"
            );
            assert!(!text.contains("--try FILE"), "{path}: {text}");
        }
        // What does not need the history is shown.
        let releases = text_at(&server, "/dashboard/releases");
        assert!(releases.contains("000001 live"), "{releases}");
        let feature = text_at(&server, "/dashboard/drift?feature=lastyear_activity");
        assert!(feature.contains("Effect on the risk"), "{feature}");
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn without_the_link_to_the_live_release_the_command_that_makes_it_live_is_named() {
    let mut workspace = Workspace::after_cold_start();
    fs::remove_file(workspace.path("production_deployment/current")).expect("the link");
    let server = Server::start(&mut workspace);
    let text = text_at(&server, "/");
    assert!(text.contains("deployment --rollback 000001"), "{text}");
    for path in PAGES {
        let text = text_at(&server, path);
        assert!(!text.contains("--try FILE"), "{path}: {text}");
    }
    // Without a model nobody knows whether there is such a feature.
    let feature = text_at(&server, "/dashboard/drift?feature=lastyear_activity");
    for says in [
        "No model is live that can be used",
        "first repair the live release",
    ] {
        assert!(feature.contains(says), "{says}: {feature}");
    }
    assert_eq!(server.stop(), 0);
    fs::remove_file(workspace.path("data/state/history.db")).expect("the history");
    let server = Server::start(&mut workspace);
    let text = text_at(&server, "/");
    for says in [
        "deployment --rollback 000001",
        "history.db is missing or has no run",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    for path in OF_HISTORY {
        let text = text_at(&server, path);
        assert!(
            text.contains("put a backup of history.db in its place"),
            "{path}: {text}"
        );
        assert!(!text.contains("--try FILE"), "{path}: {text}");
    }
}
