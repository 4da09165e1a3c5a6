//! The examples of the documentation: each is what the server answers now, and the pages `/docs`
//! and `docs/api.md` show the same ones.

mod answer;
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::files;

use self::answer::{sentences, shape, shortened};
use self::page::Shown;
use crate::program;
use crate::server::Server;
use crate::workspace::Workspace;

/// Folder of the stored examples, in the repository.
const STORED: &str = "crates/app/assets/examples";

/// The examples that the server shows on `/docs`, and what it answers to each.
fn examples() -> &'static [(Shown, String)] {
    static EXAMPLES: OnceLock<Vec<(Shown, String)>> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let mut workspace = Workspace::after_redeployment();
        workspace.rank_new_clients();
        let server = Server::start(&mut workspace);
        let shown = page::examples(&server.get("/docs").body);
        let answered = shown.into_iter().map(|shown| {
            let answer = answer_to(&server, &shown);
            (shown, answer)
        });
        answered.collect()
    })
}

/// The shortened answer to the command of an example.
fn answer_to(server: &Server, shown: &Shown) -> String {
    let request = shown.request();
    let answer = match &request.body {
        Some(body) => server.post(&request.address, "text/csv", body),
        None => server.get(&request.address),
    };
    let status = if shown.id == "problem" { 422 } else { 200 };
    assert_eq!(answer.status, status, "{}: {}", shown.id, answer.body);
    shortened(&answer.body)
}

/// Writes an answer of today to a folder below `target`, in the form of the stored examples.
/// Returns the folder.
fn write_answer(shown: &Shown, answer: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    files::create_folder(&folder).expect("a folder");
    files::replace(&folder.join(shown.file()), answer.as_bytes()).expect("a file");
    folder
}

/// Asserts that each stored example agrees with the answer of today. Writes the answers of the others first.
#[track_caller]
fn expect_same<T: PartialEq>(what: &str, of: impl Fn(&str) -> T) {
    let changed = |(shown, answer): &&(Shown, String)| of(&shown.answer) != of(answer);
    let changed: Vec<String> = examples()
        .iter()
        .filter(changed)
        .map(|(shown, answer)| {
            let folder = write_answer(shown, answer);
            folder.join(shown.file()).display().to_string()
        })
        .collect();
    assert!(
        changed.is_empty(),
        "{what} have changed; where that is meant: cp {} {STORED}/",
        changed.join(" ")
    );
}

#[test]
fn every_example_has_the_members_of_the_answer_of_today() {
    expect_same("members of answers", shape);
}

#[test]
fn every_example_has_the_sentences_of_the_answer_of_today() {
    expect_same("sentences of answers", sentences);
}

#[test]
fn every_endpoint_that_is_no_page_has_an_example_and_every_stored_one_is_shown() {
    let mut workspace = Workspace::after_redeployment();
    let server = Server::start(&mut workspace);
    let document = server.get("/openapi.json").json(200);
    let ids: Vec<&str> = examples()
        .iter()
        .map(|(shown, _)| shown.id.as_str())
        .collect();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let method = methods.as_object().expect("methods").values().next();
        let operation = method.expect("a method");
        let id = operation["operationId"].as_str().expect("an id");
        let is_html = operation["responses"]["200"]["content"]["text/html"].is_object();
        let is_page = is_html || path.starts_with("/dashboard/");
        assert_eq!(ids.contains(&id), !is_page, "{path}");
    }
    let mut stored: Vec<String> = fs::read_dir(program::repository().join(STORED))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("a plain name"))
        .filter(|name| !name.ends_with(".csv"))
        .collect();
    let mut shown: Vec<String> = examples().iter().map(|(shown, _)| shown.file()).collect();
    stored.sort();
    shown.sort();
    assert_eq!(stored, shown);
}

#[test]
fn the_page_on_the_api_shows_the_stored_examples() {
    let page = program::repository().join("docs/api.md");
    let page = fs::read_to_string(page).expect("a page");
    for (shown, _) in examples() {
        let block = shown.markdown();
        assert!(
            page.contains(&block),
            "docs/api.md must show this example of {}:\n{block}",
            shown.id
        );
    }
}
