//! The dashboard: true values, hostile names as text, keys as passwords, and pages that say what to do.

mod access;
mod calls;
mod lists;
mod names;
mod states;
mod values;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::{Value, json};

use crate::server::{Server, body_of, header_of, status_of};
use crate::workspace::{Workspace, outcome};

const HOST: &str = "Host: localhost";

/// Pages that need no run, release or feature.
const PAGES: [&str; 8] = [
    "/",
    "/dashboard/score",
    "/dashboard/drift",
    "/dashboard/calls",
    "/dashboard/runs",
    "/dashboard/releases",
    "/dashboard/alerts",
    "/dashboard/reports",
];

/// A page, which must be whole, permit only its own style, and load nothing.
#[track_caller]
fn page(server: &Server, path: &str) -> String {
    let answer = server.send(&format!("GET {path}"), &[HOST], b"");
    assert_eq!(status_of(&answer), 200, "{path}: {answer}");
    assert_is_page(path, &answer);
    body_of(&answer).to_owned()
}

#[track_caller]
fn assert_is_page(path: &str, answer: &str) {
    let header = |name| header_of(answer, name).unwrap_or_else(|| panic!("{path}: {name}"));
    assert_eq!(header("content-type"), "text/html; charset=utf-8", "{path}");
    assert_eq!(header("cache-control"), "no-store");
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'; img-src data:; style-src 'sha256-",
        "form-action 'self'; frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    let lower = body_of(answer).to_lowercase();
    assert!(
        !lower.contains("url(") && !lower.contains("@import"),
        "{path}"
    );
    for tag in lower.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("the end of a tag");
        for element in ["script", "img", "iframe", "object", "embed"] {
            assert!(!tag.starts_with(element), "{path}: {tag}");
        }
        for attribute in [
            " src=",
            " style=",
            " onload=",
            " onerror=",
            "=\"javascript:",
        ] {
            assert!(!tag.contains(attribute), "{path}: {tag}");
        }
    }
}

/// The text of a page, without its elements.
fn text_of(page: &str) -> String {
    let (_, body) = page.split_once("<main").expect("the content");
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        let (_, words) = part.split_once('>').expect("the end of a tag");
        text += words;
        text += " ";
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A story: a first model, drift and a new model, clients without a label.
/// Returns also the first model.
fn story() -> (Workspace, Value) {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    let first = server.get("/v1/model").json(200);
    assert_eq!(server.stop(), 0);
    workspace.set(
        "alerts.command",
        json!(["/bin/sh", "-c", "cat > alert.json"]),
    );
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write(
        "data/exports/may.csv",
        to_csv(&clients(World::After, 22, 600)),
    );
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    let rows = String::from_utf8(to_csv(&clients(World::After, 23, 120))).expect("UTF-8");
    let waiting = rows.lines().filter_map(|line| line.rsplit_once(','));
    let waiting: String = waiting.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/exports/june.csv", waiting);
    workspace.fullprocess();
    (workspace, first)
}
