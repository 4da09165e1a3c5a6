//! The page as a list of commands and their output. The page and the tests name each other.

use std::collections::BTreeSet;
use std::fs;

use crate::program;
use crate::workspace::{Finished, Workspace};

/// Placeholder on the page for text that differs from case to case.
const ANYTHING: char = '…';

/// A section of the page that a test follows step by step.
pub(super) struct Section {
    test: String,
    steps: std::vec::IntoIter<Step>,
}

/// Commands, and their output as the page has it.
struct Step {
    commands: String,
    printed: Vec<String>,
    code: i32,
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
        self.follow_by(|commands| workspace.shell(commands));
    }

    #[track_caller]
    pub(super) fn follow_by(&mut self, shell: impl FnOnce(&str) -> Finished) {
        let step = self.steps.next().expect("one more step");
        // Standard error and standard output, in the order of their lines.
        let done = shell(&format!("exec 2>&1\n{}", step.commands));
        let printed = done.stdout;
        assert_eq!(done.code, step.code, "{}: {printed}", step.commands);
        let mut lines = printed.lines();
        for expected in &step.printed {
            assert!(
                lines.any(|line| matches(line, expected)),
                "{:?} does not print {expected:?} (in this order), but:\n{printed}",
                step.commands
            );
        }
    }

    /// Checks that the section has no further steps.
    #[track_caller]
    pub(super) fn ends(mut self) {
        assert!(self.steps.next().is_none(), "{} goes on", self.test);
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
                steps: steps(section).into_iter(),
            }
        })
        .collect()
}

fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Every second part is a fenced block.
    for block in section.split("```").skip(1).step_by(2) {
        let (kind, content) = block.split_once('\n').expect("a block");
        match kind {
            "sh" => steps.push(Step {
                commands: content.to_owned(),
                printed: Vec::new(),
                code: 0,
            }),
            "text" => {
                let step = steps.last_mut().expect("commands before what they print");
                for line in content.lines() {
                    match line.strip_prefix("exit code ") {
                        Some(code) => step.code = code.parse().expect("a number"),
                        None => step.printed.push(line.to_owned()),
                    }
                }
            }
            _ => panic!("{kind:?} is neither commands nor what they print"),
        }
    }
    steps
}

/// True if a line matches the page, placeholders included.
fn matches(line: &str, expected: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = part.is_empty();
        match rest.find(part) {
            // The last part of the pattern must be at the end of the line.
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    is_open || rest.is_empty()
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

#[test]
fn the_pages_marks_stand_for_anything() {
    assert!(matches("run 12: steady", "run …: steady"));
    assert!(matches("run 12: steady", "run …"));
    assert!(matches("run 12: steady", "…: steady"));
    assert!(!matches("run 12: steady", "run …: stead"));
    assert!(!matches("run 12: steady", "12: steady"));
    assert!(!matches("run 12", "run …: steady"));
}
