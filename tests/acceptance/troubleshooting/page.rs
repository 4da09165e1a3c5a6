//! The page as a list of sections. The page and the tests name each other.

use std::collections::BTreeSet;
use std::fs;

use crate::page::Page;
use crate::program;
use crate::workspace::{Finished, Workspace};

/// A section of the page that a test follows step by step.
pub(super) struct Section {
    test: String,
    blocks: Page,
}

impl Section {
    /// The section that names this test.
    pub(super) fn of(test: &str) -> Self {
        sections()
            .into_iter()
            .find(|section| section.test == test)
            .expect("a section of the page")
    }

    /// Runs the next commands of the page, and checks their output.
    #[track_caller]
    pub(super) fn follow(&mut self, workspace: &Workspace) {
        self.blocks.follow(workspace);
    }

    #[track_caller]
    pub(super) fn follow_by(&mut self, shell: impl FnOnce(&str) -> Finished) {
        self.blocks.follow_by(shell);
    }

    /// Checks that the section has no further steps.
    #[track_caller]
    pub(super) fn ends(self) {
        self.blocks.ends();
    }
}

fn page() -> String {
    let path = program::repository().join("docs/when-something-is-wrong.md");
    fs::read_to_string(path).expect("the page")
}

fn sections() -> Vec<Section> {
    let page = page();
    let sections = page.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (_, rest) = section.split_once("<!-- test: ").expect("a test");
            let (test, _) = rest.split_once(" -->").expect("a whole comment");
            Section {
                test: test.to_owned(),
                blocks: Page::from_text(test, section),
            }
        })
        .collect()
}

#[test]
fn each_section_has_its_test_and_each_test_its_section() {
    let sections = sections();
    let named: BTreeSet<&str> = sections
        .iter()
        .map(|section| section.test.as_str())
        .collect();
    assert_eq!(named.len(), sections.len(), "a test named twice");
    let ours = [
        include_str!("input.rs"),
        include_str!("models.rs"),
        include_str!("runs.rs"),
        include_str!("state.rs"),
        include_str!("surroundings.rs"),
    ]
    .concat();
    let tests: BTreeSet<&str> = ours
        .split("Section::of(\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .filter(|name| ours.contains(&format!("#[test]\nfn {name}() {{")))
        .collect();
    assert_eq!(named, tests);
}

#[test]
fn each_section_is_in_the_pages_table_and_each_link_leads_to_one() {
    let page = page();
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(anchor)
        .collect();
    let links: BTreeSet<String> = page
        .split("](#")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect();
    let unlinked: Vec<&String> = headings.difference(&links).collect();
    assert_eq!(unlinked, ["ask-the-doctor-first", "start-over"]);
    assert!(links.is_subset(&headings), "{links:?}");
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .replace(' ', "-")
        .replace(|c: char| !c.is_alphanumeric() && c != '-', "")
}
