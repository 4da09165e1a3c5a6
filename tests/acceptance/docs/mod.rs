//! README and the pages below `docs/`: their links, and their blocks.
//!
//! Each block is executed as it stands, by the real programs, and its output is compared with the
//! page. One test follows a page from its first block to its last. Blocks that are not executed
//! are listed in `not_executed`.

mod alerts;
mod calls;
mod cluster;
mod comparing;
mod drift;
mod first_steps;
mod labels;
mod links;
mod not_executed;
mod operations;
mod own_data;
mod report;
mod scorecard;

use std::fs;
use std::path::PathBuf;

use self::not_executed::not_executed;
use crate::page::Page;
use crate::program;

/// Pages whose blocks have tests elsewhere.
const ELSEWHERE: [&str; 2] = ["docs/api.md", "docs/when-something-is-wrong.md"];

/// README and the pages below docs/, as paths in the repository.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(program::repository().join("docs")).expect("a folder");
    let names = docs.map(|entry| entry.expect("an entry").file_name());
    let mut pages: Vec<String> = names
        .map(|name| format!("docs/{}", name.to_str().expect("UTF-8")))
        .filter(|page| page.ends_with(".md"))
        .collect();
    pages.push("README.md".to_owned());
    pages
}

fn text(page: &str) -> String {
    let path = program::repository().join(page);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of a page that are executed.
fn executed(page: &str) -> Page {
    Page::of(page).without(&not_executed(page))
}

/// Follows a page to its end. No block may be left then.
#[track_caller]
fn each_block_of(page: &str, follow: impl FnOnce(&mut Page)) {
    let mut page = executed(page);
    follow(&mut page);
    page.ends();
}

/// The text of the files of this module.
fn tests() -> String {
    let folder = program::repository().join("tests/acceptance/docs");
    let entries = fs::read_dir(folder).expect("a folder");
    let files = entries.map(|entry| entry.expect("an entry").path());
    files
        .map(|file: PathBuf| fs::read_to_string(file).expect("a file"))
        .collect()
}

#[test]
fn each_page_with_blocks_has_a_test_that_follows_it() {
    let tests = tests();
    for page in pages() {
        if ELSEWHERE.contains(&page.as_str()) || executed(&page).is_read() {
            continue;
        }
        let follows = format!("each_block_of(\"{page}\", ");
        assert_eq!(tests.matches(&follows).count(), 1, "{page}");
    }
}
