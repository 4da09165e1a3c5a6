//! Pages of the documentation as lists of blocks: commands, their output, and examples.
//!
//! A test follows a page from its first block to its last. On a page, `…` stands for text that
//! differs from case to case, such as a time or a folder.

use std::fs;
use std::vec::IntoIter;

use serde_json::Value;

use crate::program;
use crate::workspace::{Finished, Workspace};

/// Placeholder on a page for text that differs from case to case.
const ANYTHING: char = '…';

/// Begin and end of a block.
const FENCE: &str = "```";

/// A page, or a section of one, that a test follows block by block.
pub(crate) struct Page {
    name: String,
    blocks: IntoIter<Block>,
}

/// A fenced block.
struct Block {
    kind: String,
    content: String,
}

impl Page {
    /// The page with this path in the repository.
    pub(crate) fn of(path: &str) -> Self {
        let text = fs::read_to_string(program::repository().join(path));
        Self::from_text(path, &text.expect("a page"))
    }

    /// The blocks of a text.
    pub(crate) fn from_text(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            blocks: blocks(text).into_iter(),
        }
    }

    /// The page without these blocks. Each of them must be on the page once.
    #[track_caller]
    pub(crate) fn without(self, left_out: &[&str]) -> Self {
        let mut blocks: Vec<Block> = self.blocks.collect();
        for content in left_out {
            let before = blocks.len();
            blocks.retain(|block| block.content.trim_end() != *content);
            let removed = before - blocks.len();
            assert_eq!(removed, 1, "{} and its block {content:?}", self.name);
        }
        Self {
            name: self.name,
            blocks: blocks.into_iter(),
        }
    }

    /// True if no block is left.
    pub(crate) fn is_read(&self) -> bool {
        self.blocks.as_slice().is_empty()
    }

    /// Runs the next commands of the page, and checks their output.
    #[track_caller]
    pub(crate) fn follow(&mut self, workspace: &Workspace) -> Finished {
        self.follow_by(|commands| workspace.shell(commands))
    }

    /// As `follow`, with another shell.
    #[track_caller]
    pub(crate) fn follow_by(&mut self, shell: impl FnOnce(&str) -> Finished) -> Finished {
        let commands = self.commands();
        // Standard error and standard output, in the order of their lines.
        let done = shell(&format!("exec 2>&1\n{commands}"));
        self.shows(&commands, &done);
        done
    }

    /// Checks the output of some commands by the next block. If that block shows no output, the
    /// commands must only succeed.
    #[track_caller]
    pub(crate) fn shows(&mut self, commands: &str, done: &Finished) {
        let (expected, code) = self.output();
        let printed = &done.stdout;
        assert_eq!(done.code, code, "{}: {commands}: {printed}", self.name);
        let mut lines = printed.lines();
        for expected in &expected {
            assert!(
                lines.any(|line| matches(line, expected)),
                "{}: {commands:?} does not print {expected:?} (in this order), but:\n{printed}",
                self.name
            );
        }
    }

    /// The next block, which has commands. `cargo` is replaced by what it runs or builds.
    #[track_caller]
    pub(crate) fn commands(&mut self) -> String {
        let commands = self.next_of("sh");
        commands.lines().map(|line| built(line) + "\n").collect()
    }

    /// The next block, which has JSON: a whole object, or members of one.
    #[track_caller]
    pub(crate) fn json(&mut self) -> Value {
        let content = self.next_of("json");
        let object = match content.starts_with('{') {
            true => content,
            false => format!("{{{content}}}"),
        };
        serde_json::from_str(&object).expect("a block of JSON")
    }

    /// The next block, which must be of this kind.
    #[track_caller]
    pub(crate) fn next_of(&mut self, kind: &str) -> String {
        let block = self.blocks.next().expect("one more block");
        assert_eq!(block.kind, kind, "{}: {}", self.name, block.content);
        block.content
    }

    /// Lines and exit code of the next block, if it shows output.
    fn output(&mut self) -> (Vec<String>, i32) {
        let mut lines = Vec::new();
        let mut code = 0;
        if self.blocks.as_slice().first().is_some_and(Block::is_output) {
            for line in self.next_of("text").lines() {
                match line.strip_prefix("exit code ") {
                    Some(number) => code = number.parse().expect("a number"),
                    None => lines.push(line.to_owned()),
                }
            }
        }
        (lines, code)
    }

    /// Checks that the page has no further blocks.
    #[track_caller]
    pub(crate) fn ends(&self) {
        assert!(self.is_read(), "{} goes on", self.name);
    }
}

impl Block {
    fn is_output(&self) -> bool {
        self.kind == "text"
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix(FENCE), &mut open) {
            (Some(kind), None) => {
                open = Some(Block {
                    kind: kind.to_owned(),
                    content: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.content += &format!("{line}\n"),
            (None, None) => assert!(!line.contains(FENCE), "a block within a line: {line}"),
        }
    }
    assert!(open.is_none(), "the last block is not closed");
    blocks
}

/// A command without cargo. The programs are built already, and are on the search path.
fn built(line: &str) -> String {
    if let Some(program) = line.strip_prefix("cargo run --release --bin ") {
        return program.replacen(" -- ", " ", 1);
    }
    match line {
        "cargo build --release" => {
            let programs = program::folder().display();
            format!("mkdir -p target && ln -s '{programs}' target/release")
        }
        _ => line.to_owned(),
    }
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
fn the_pages_marks_stand_for_anything() {
    assert!(matches("run 12: steady", "run …: steady"));
    assert!(matches("run 12: steady", "run …"));
    assert!(matches("run 12: steady", "…: steady"));
    assert!(!matches("run 12: steady", "run …: stead"));
    assert!(!matches("run 12: steady", "12: steady"));
    assert!(!matches("run 12", "run …: steady"));
}

#[test]
fn cargo_is_replaced_by_the_program() {
    assert_eq!(built("cargo run --release --bin app"), "app");
    let rollback = "cargo run --release --bin deployment -- --rollback";
    assert_eq!(built(rollback), "deployment --rollback");
    assert_eq!(built("app -- x"), "app -- x");
}
