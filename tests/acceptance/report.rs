//! The report of a run and of a release: one page that needs nothing else, and that text of the data
//! cannot change.

use std::fmt::Write;
use std::os::unix::fs::symlink;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::hostile::{HOSTILE, hostile_rows};
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// Upper limit of the size of a report.
const MAX_BYTES: usize = 500_000;

/// Elements without an end.
const VOID: [&str; 3] = ["meta", "br", "hr"];

fn report(workspace: &Workspace, record: &Value) -> String {
    let run = record["run_id"].as_i64().expect("a run");
    workspace.text(&format!("data/state/runs/{run:06}/report.html"))
}

/// A page is one whole document without scripts, addresses of other files, or styles outside of its
/// own element.
fn assert_needs_nothing_else(page: &str) {
    assert!(page.len() <= MAX_BYTES, "{} bytes", page.len());
    let lower = page.to_lowercase();
    for element in ["<script", "<img", "<iframe", "<link", "<object", "<form"] {
        assert!(!lower.contains(element), "{element}");
    }
    for tag in lower.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("the end of a tag");
        for attribute in [" src=", " style=", " onload=", " onerror=", "javascript:"] {
            assert!(!tag.contains(attribute), "{tag}");
        }
    }
    let (style, _) = lower.split_once("</style>").expect("a style");
    assert!(!style.contains("url(") && !style.contains("@import"));
    let links = lower.split(" href=\"").skip(1);
    assert!(links.clone().count() > 1);
    for link in links {
        assert!(link.starts_with('#'), "{}", &link[..20]);
    }
    for address in ["http://", "https://"] {
        let outside = lower.split(address).skip(1);
        for rest in outside {
            assert!(rest.starts_with("www.w3.org/"), "{}", &rest[..20]);
        }
    }
    assert!(!page.contains("NaN") && !page.contains(">inf"));
    assert_is_nested(page);
}

/// Each element that begins ends, in the reverse order.
fn assert_is_nested(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("the end of a tag");
        let word = tag
            .trim_start_matches('/')
            .split(|character: char| character.is_whitespace() || character == '/')
            .next()
            .unwrap_or_default();
        if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&word) {
            continue;
        }
        match tag.starts_with('/') {
            false => open.push(word),
            true => assert_eq!(open.pop(), Some(word), "in {tag}"),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn each_run_has_a_report_that_answers_the_questions_of_a_newcomer() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write(
        "data/exports/may.csv",
        to_csv(&clients(World::After, 22, 600)),
    );
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "redeployed");
    let page = report(&workspace, &record);
    assert_needs_nothing_else(&page);
    for part in [
        "What was done",
        "A new model is deployed: release 000002",
        "Is the model good?",
        "The reasons for leaving changed (model drift)",
        "Whom to call",
        "Every client has a label",
        "Candidate and previous model",
        "ROC curve",
        "Where was the previous model wrong?",
        "What has the model learnt?",
        "data/exports/may.csv",
        record["configuration"].as_str().expect("a digest"),
    ] {
        assert!(page.contains(part), "{part}");
    }

    // Clients without a label are to be called.
    let rows = String::from_utf8(to_csv(&clients(World::After, 23, 40))).expect("UTF-8");
    let waiting = rows.lines().filter_map(|line| line.rsplit_once(','));
    let waiting: String = waiting.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/exports/june.csv", waiting);
    let record = workspace.fullprocess();
    let page = report(&workspace, &record);
    assert_needs_nothing_else(&page);
    let list = workspace.text("data/models/riskranking.csv");
    for line in list.lines().skip(1).take(10) {
        let id = line.split(',').nth(1).expect("an id");
        assert!(page.contains(&format!("<td>{id}</td>")), "{id}");
    }
    // The performance is that of the last run with labels, and says so.
    assert!(page.contains("new rows of run 2"), "{page}");
}

#[test]
fn a_release_has_a_report_of_its_own() {
    let workspace = Workspace::after_cold_start();
    let page = workspace.text("production_deployment/releases/000001/report.html");
    assert_needs_nothing_else(&page);
    for part in [
        "Release 000001",
        "made by run 1",
        "of the test data",
        "number_of_employees",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn fullprocess_prints_the_path_of_the_newest_report() {
    let workspace = Workspace::with_sample_data();
    let none = workspace.run("fullprocess", &["--report"]);
    assert_eq!(none.code, 65, "{}", none.stderr);
    assert!(
        none.stderr.contains("no run has a report yet"),
        "{}",
        none.stderr
    );
    workspace.fullprocess();
    // A run with nothing new has no report.
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    let found = workspace.run("fullprocess", &["--report"]);
    assert_eq!(found.code, 0);
    let wanted = workspace.path("data/state/runs/000001/report.html");
    assert_eq!(found.stdout, format!("{}\n", wanted.display()));
}

#[test]
fn the_server_answers_with_the_report_of_a_run() {
    let mut workspace = Workspace::after_cold_start();
    let page = workspace.text("data/state/runs/000001/report.html");
    let server = Server::start(&mut workspace);
    let answer = server
        .exchange("GET /v1/reports/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..200]);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    let head = head.to_lowercase();
    assert!(
        head.contains("content-type: text/html; charset=utf-8"),
        "{head}"
    );
    assert!(
        head.contains("default-src 'none'; style-src 'sha256-"),
        "{head}"
    );
    assert!(head.contains("frame-ancestors 'none'"), "{head}");
    assert!(body.ends_with(&page), "the file as it is");
    for missing in [
        "2",
        "0",
        "-1",
        "1.5",
        "000001x",
        "99999999999999999999",
        "..%2f1",
    ] {
        let problem = server.get(&format!("/v1/reports/{missing}"));
        problem.problem(404, "no-data");
    }
    // A link may lead to any file.
    let folder = workspace.path("data/state/runs/000002");
    std::fs::create_dir_all(&folder).expect("a folder");
    symlink(workspace.path("config.json"), folder.join("report.html")).expect("a link");
    server.get("/v1/reports/2").problem(404, "no-data");
    assert_eq!(server.stop(), 0);
    let newest = workspace.run("fullprocess", &["--report"]);
    assert!(newest.stdout.contains("000001"), "{}", newest.stdout);
}

#[test]
fn hostile_names_stay_text_in_every_report() {
    let mut workspace = Workspace::empty();
    let features = json!([HOSTILE[0], {"name": HOSTILE[1], "kind": "category"}]);
    workspace.set(
        "schema",
        json!({"id": "id", "target": "left", "features": features}),
    );
    let name = "<svg onload=alert(3)>.csv";
    workspace.write(&format!("data/practicedata/{name}"), hostile_rows(400, 0));
    workspace.write("data/testdata/test.csv", hostile_rows(200, 10_000));
    let first = workspace.fullprocess();
    assert_eq!(outcome(&first), "cold_start");
    // All numbers move, and the newest clients have no label.
    let moved = hostile_rows(300, 20_000)
        .replace(",9", ",99")
        .replace(",8", ",98");
    workspace.write("data/practicedata/moved.csv", moved);
    let second = workspace.fullprocess();
    assert_eq!(second["evidence"]["verdicts"]["verdict"], "drift");
    let waiting = hostile_rows(50, 30_000);
    let waiting: String = waiting
        .lines()
        .filter_map(|line| line.rsplit_once(','))
        .map(|(row, _)| format!("{row}\n"))
        .collect();
    workspace.write("data/practicedata/waiting.csv", waiting);
    let third = workspace.fullprocess();
    let mut pages: Vec<String> = [&first, &second, &third]
        .map(|record| report(&workspace, record))
        .into();
    pages.push(workspace.text("production_deployment/releases/000001/report.html"));
    for page in &pages {
        assert_needs_nothing_else(page);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.contains("<svg onload"));
    }
    assert!(pages[0].contains("&lt;svg onload=alert(3)&gt;.csv"));
    assert!(pages[2].contains("&quot;&gt;&lt;img src=x onerror=alert(2)&gt; 3"));
}

#[test]
fn a_report_of_many_columns_stays_small() {
    let mut workspace = Workspace::empty();
    let names: Vec<String> = (0..80)
        .map(|place| format!("measurement_{place}"))
        .collect();
    workspace.set(
        "schema",
        json!({"id": "id", "target": "left", "features": names}),
    );
    let rows = |rows: u64, from: u64| {
        let mut text = format!("id,{},left\n", names.join(","));
        for row in from..from + rows {
            let cell = |place: u64| (row * 7919 + place * place * 104_729) * 31 % 1009;
            let cells: Vec<String> = (0..80).map(|place| cell(place).to_string()).collect();
            let left = u32::from(cell(0) + cell(90) < 900);
            writeln!(text, "{row},{},{left}", cells.join(",")).expect("text");
        }
        text
    };
    workspace.write("data/practicedata/a.csv", rows(900, 0));
    workspace.write("data/testdata/test.csv", rows(300, 5_000));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace.write("data/practicedata/b.csv", rows(300, 10_000));
    let record = workspace.fullprocess();
    let page = report(&workspace, &record);
    assert_needs_nothing_else(&page);
    assert!(page.contains("measurement_79"));
    // Twelve effects, twelve distributions, and at most eight figures of the whole.
    let figures = page.matches("<svg ").count();
    assert!((24..=32).contains(&figures), "{figures}");
}

#[test]
fn alerts_link_to_the_report_of_their_run() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set(
        "alerts.command",
        json!(["/bin/sh", "-c", "cat >> alerts.jsonl"]),
    );
    workspace.set("alerts.link_base", json!("https://risk.example/"));
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write(
        "data/exports/may.csv",
        to_csv(&clients(World::After, 22, 600)),
    );
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    let alerts = workspace.text("alerts.jsonl");
    let drift = alerts.lines().find(|line| line.contains("model_drift"));
    let drift: Value = serde_json::from_str(drift.expect("an alert")).expect("JSON");
    let link = "https://risk.example/v1/reports/2";
    assert_eq!(drift["report"], link);
    let text = drift["text"].as_str().expect("a text");
    assert!(text.ends_with(&format!(". Report: {link}")), "{text}");
}
