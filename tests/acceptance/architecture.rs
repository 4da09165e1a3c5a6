//! The rules of `crates/ARCHITECTURE.md` that can be checked from the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::program::repository;

/// Which crate may depend on which.
const ARROWS: [(&str, &[&str]); 12] = [
    ("common", &[]),
    ("alerts", &["common"]),
    ("dataset", &["common"]),
    ("ingestion", &["common", "dataset"]),
    ("training", &["common", "dataset"]),
    ("scoring", &["common", "dataset", "training"]),
    (
        "diagnostics",
        &["common", "dataset", "training", "scoring", "ingestion"],
    ),
    (
        "reporting",
        &["common", "scoring", "diagnostics", "training"],
    ),
    (
        "deployment",
        &["common", "scoring", "reporting", "training"],
    ),
    (
        "app",
        &[
            "common",
            "dataset",
            "deployment",
            "diagnostics",
            "scoring",
            "training",
            "reporting",
        ],
    ),
    ("apicalls", &["common", "dataset"]),
    (
        "fullprocess",
        &[
            "common",
            "alerts",
            "dataset",
            "ingestion",
            "training",
            "scoring",
            "deployment",
            "diagnostics",
            "reporting",
            "app",
            "apicalls",
        ],
    ),
];

/// Libraries that only these crates may know.
const CONFINED: [(&str, &[&str]); 23] = [
    ("rmp-serde", &["common"]),
    ("rusqlite", &["common"]),
    ("clap", &["common"]),
    ("tracing-subscriber", &["common"]),
    ("indicatif", &["common"]),
    ("crc32fast", &["dataset"]),
    ("csv", &["dataset"]),
    ("walkdir", &["dataset"]),
    ("rayon", &["dataset"]),
    ("fearless_simd", &["dataset"]),
    ("smartcore", &["training"]),
    ("plotters", &["reporting"]),
    ("png", &["reporting"]),
    ("actix-web", &["app"]),
    ("ureq", &["alerts", "apicalls", "diagnostics"]),
    ("fastrand", &["alerts"]),
    ("hmac", &["alerts"]),
    ("tame-index", &["diagnostics"]),
    ("toml-span", &["diagnostics"]),
    ("semver", &["diagnostics"]),
    ("statrs", &["diagnostics", "scoring"]),
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

#[test]
fn the_manifest_reader_finds_names() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb-c = \"1\"\n\n[lints]\nd = 1\n";
    assert_eq!(
        names_in(manifest),
        BTreeSet::from(["a".into(), "b-c".into()])
    );
}
