//! The rules of `crates/ARCHITECTURE.md` that can be checked from the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::repository;

/// The allowed dependencies between the crates.
const ARROWS: [(&str, &[&str]); 16] = [
    ("common", &[]),
    ("http_client", &[]),
    ("alerts", &["common", "http_client"]),
    ("dataset", &["common"]),
    ("cluster", &["common", "dataset"]),
    ("ingestion", &["common", "dataset"]),
    ("model", &["common", "dataset"]),
    ("training", &["common", "dataset", "model"]),
    ("scoring", &["common", "dataset", "model", "training"]),
    (
        "diagnostics",
        &[
            "common",
            "dataset",
            "model",
            "training",
            "scoring",
            "ingestion",
            "http_client",
        ],
    ),
    (
        "record",
        &["common", "model", "ingestion", "scoring", "diagnostics"],
    ),
    (
        "reporting",
        &[
            "common",
            "dataset",
            "ingestion",
            "model",
            "record",
            "scoring",
            "diagnostics",
        ],
    ),
    ("deployment", &["common", "model", "scoring", "reporting"]),
    (
        "app",
        &[
            "common",
            "dataset",
            "model",
            "deployment",
            "diagnostics",
            "record",
            "scoring",
            "reporting",
        ],
    ),
    ("apicalls", &["common", "dataset", "http_client"]),
    (
        "fullprocess",
        &[
            "common",
            "alerts",
            "cluster",
            "dataset",
            "ingestion",
            "model",
            "training",
            "scoring",
            "deployment",
            "diagnostics",
            "record",
            "reporting",
            "app",
            "apicalls",
        ],
    ),
];

/// Libraries that only the named crates may depend on.
const CONFINED: [(&str, &[&str]); 31] = [
    ("rmp-serde", &["common"]),
    ("rusqlite", &["common"]),
    ("clap", &["common"]),
    ("tracing-subscriber", &["common"]),
    ("indicatif", &["common"]),
    ("crc32fast", &["dataset"]),
    ("walkdir", &["dataset"]),
    ("rayon", &["dataset"]),
    ("fearless_simd", &["dataset"]),
    ("arrow-array", &["cluster"]),
    ("arrow-flight", &["cluster"]),
    ("arrow-schema", &["cluster"]),
    ("tonic", &["cluster"]),
    ("smartcore", &["training"]),
    ("ab_glyph", &["reporting"]),
    ("plotters", &["reporting"]),
    ("png", &["reporting"]),
    ("maud", &["reporting"]),
    ("actix-http", &["app"]),
    ("actix-server", &["app"]),
    ("actix-service", &["app"]),
    ("actix-web", &["app"]),
    (
        "ureq",
        &["alerts", "apicalls", "diagnostics", "http_client"],
    ),
    ("fastrand", &["alerts"]),
    ("hmac", &["alerts"]),
    ("tame-index", &["diagnostics"]),
    ("toml-span", &["diagnostics"]),
    ("semver", &["diagnostics"]),
    ("statrs", &["diagnostics", "scoring", "training"]),
    ("rand_pcg", &["diagnostics", "scoring"]),
    ("rand_distr", &["diagnostics", "scoring"]),
];

/// The names under `[dependencies]` of each crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let crates = fs::read_dir(repository().join("crates")).expect("crates");
    crates
        .filter_map(|entry| {
            let folder = entry.expect("an entry").path();
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let name = folder.file_name()?.to_str()?.to_owned();
            Some((name, names_in(&manifest)))
        })
        .collect()
}

fn names_in(manifest: &str) -> BTreeSet<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let found = dependencies();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(there, known, "a crate without a place in the architecture");
    for (name, allowed) in ARROWS {
        for dependency in &found[name] {
            let is_ours = known.contains(dependency.as_str());
            assert!(
                !is_ours || allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn each_confined_library_has_its_users_and_no_other() {
    let found = dependencies();
    for (library, allowed) in CONFINED {
        let users: Vec<&str> = found
            .iter()
            .filter(|(_, dependencies)| dependencies.contains(library))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(users, allowed, "{library}");
    }
}

/// The feature that lets a test disturb a program's changes to the file system.
const HOOK: &str = "common feature \"fault-injection\"";

/// The features that cargo resolves along these edges, for all packages together.
fn features_along(edges: &str) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline"])
        .args(["--prefix=none", "--edges", edges])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{tree:?}");
    String::from_utf8(tree.stdout).expect("cargo's output is UTF-8")
}

/// Arrow Flight is sixty crates, which only a build of `cluster` with its feature contains.
#[test]
fn no_ordinary_build_contains_the_client_of_a_distributed_engine() {
    assert!(!features_along("normal,build,dev").contains("arrow"));
}

/// The released program is not built here. This test asks cargo for the features of that program.
/// `scripts/check-faults.sh` checks the released program itself.
#[test]
fn only_the_tests_build_programs_with_the_hook_for_faults() {
    assert!(features_along("features").contains(HOOK));
    assert!(!features_along("features,no-dev").contains(HOOK));
}

/// Calls that open a file and may wait for the other end of a pipe, or read a device without end.
const WAITING: [&str; 4] = [
    "File::open(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::copy(",
];

/// The places that may use such calls: after a check, or on a file of the kernel.
const MAY_WAIT: [&str; 3] = [
    "common/src/regular.rs",
    "common/src/faults/injection.rs",
    "fullprocess/src/doctor/lock_state.rs",
];

#[test]
fn no_call_that_may_wait_opens_a_file() {
    let may_wait = |place: &str| MAY_WAIT.contains(&place);
    let found = calls_outside(&WAITING, may_wait);
    assert!(found.is_empty(), "use common::regular: {found:#?}");
}

/// Calls that read or change the rows of a table one by one.
const ROW_BY_ROW: [&str; 2] = ["in_memory(", "in_memory_mut("];

#[test]
fn stages_ask_for_values_and_only_ingestion_reads_rows() {
    // Rows are brought to a distributed engine one by one.
    let readers = ["dataset/", "ingestion/", "cluster/src/stored_rows/"];
    let may_read = |place: &str| readers.iter().any(|reader| place.starts_with(reader));
    let found = calls_outside(&ROW_BY_ROW, may_read);
    assert!(
        found.is_empty(),
        "use a pass or a sample of dataset: {found:#?}"
    );
}

/// The lines of programs, except tests, with one of these calls. `is_allowed` gets the path of a source
/// file in the folder of the crates.
fn calls_outside(calls: &[&str], is_allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let crates = repository().join("crates");
    let mut found = Vec::new();
    look_for(calls, &crates, &mut |path, line| {
        let place = path.strip_prefix(&crates).expect("within");
        let place = place.display().to_string();
        if !is_allowed(&place) {
            found.push(format!("{place}: {line}"));
        }
    });
    found
}

/// Notes the lines of programs, except tests, with one of these calls.
fn look_for(calls: &[&str], folder: &Path, note: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() {
            if !["tests", "benches", "examples"].contains(&name.as_ref()) {
                look_for(calls, &path, note);
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let (program, _) = text
                .split_once("#[cfg(test)]\nmod tests")
                .unwrap_or((&text, ""));
            // A longer name with the same ending is another call.
            let is_call = |before: &str| !before.ends_with(|last: char| last.is_alphanumeric());
            let has_call = |line: &&str| {
                let mut places = calls.iter().filter_map(|call| line.split_once(call));
                places.any(|(before, _)| is_call(before))
            };
            program
                .lines()
                .filter(has_call)
                .for_each(|line| note(&path, line));
        }
    }
}

#[test]
fn the_manifest_reader_finds_names() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb-c = \"1\"\n\n[lints]\nd = 1\n";
    assert_eq!(
        names_in(manifest),
        BTreeSet::from(["a".into(), "b-c".into()])
    );
}
