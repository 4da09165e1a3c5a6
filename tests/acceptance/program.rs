//! The nine programs, built once for all tests.
//!
//! Cargo names a package's binaries only to that package's own tests, so they are built here and
//! their paths read from cargo's messages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where a program's binary is.
pub(crate) fn path(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| build(&["--workspace"]));
    programs.get(name).expect("a program of the workspace")
}

/// Where a program's binary is that lets changes to the file system go wrong.
pub(crate) fn faulty(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    let programs =
        PROGRAMS.get_or_init(|| build(&["--package=acceptance", "--features=fault-injection"]));
    let name = format!("faulty_{name}");
    programs.get(&name).expect("a program with faults")
}

type Programs = BTreeMap<String, PathBuf>;

fn build(what: &[&str]) -> Programs {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--bins", "--message-format=json"])
        .args(what)
        .current_dir(repository())
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.output().expect("cargo runs");
    assert!(built.status.success(), "the programs do not build");
    let messages = String::from_utf8(built.stdout).expect("cargo's messages are UTF-8");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let path = PathBuf::from(message["executable"].as_str()?);
            Some((message["target"]["name"].as_str()?.to_owned(), path))
        })
        .collect()
}

/// The top folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
}
