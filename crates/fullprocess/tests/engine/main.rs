//! Whole runs with their rows on an engine, and the same runs in memory. `scripts/check-cluster.sh` starts
//! an engine and runs these tests; without the address of an engine in `RISK_ENGINE_URL` they print that they
//! are skipped.
#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, reason = "a test whose run fails has failed")]

mod faults;
mod ingestion;
mod pipeline;
mod real_sets;

use std::fs;

use common::files;
use serde_json::json;

use crate::pipeline::{Pipeline, as_json, assert_same, compare_runs, engine_url};

/// The runs of the sample data: the first model, nothing new, drift together with new clients without a
/// label, and their labels.
const STORY: [&[&str]; 4] = [
    &["practicedata"],
    &["practicedata"],
    &["practicedata", "sourcedata", "newclients"],
    &["practicedata", "sourcedata", "newclients", "labels"],
];

/// Runs the story in memory and on the engine, and compares each run.
fn compare_stories(url: &str, memory_limit_mib: u64) {
    let mut memory = Pipeline::new();
    let mut engine = Pipeline::with_engine(url);
    engine.config["training"] = json!({"memory_limit_mib": memory_limit_mib});
    for inputs in STORY {
        let record = compare_runs(&mut memory, &mut engine, inputs);
        if inputs.len() == 3 {
            assert!(record.rows.new > 4000, "{:?}", record.run_id);
        }
    }
}

#[test]
fn runs_with_the_rows_on_an_engine_are_those_in_memory() {
    let Some(url) = engine_url() else { return };
    compare_stories(&url, 4096);
}

/// Memory has no room for the rows of a run, so that the new rows are on the engine too.
#[test]
fn runs_with_the_new_rows_on_an_engine_are_those_in_memory() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.config["training"] = json!({"memory_limit_mib": 1});
    assert!(dataset::max_loaded_rows(&pipeline.config()) < 4000);
    compare_stories(&url, 1);
}

#[test]
fn rows_that_the_storage_lost_are_stored_again() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    let rows = fs::read_dir(pipeline.storage().join("rows")).unwrap();
    let file = rows.map(|file| file.unwrap().path()).next().unwrap();
    files::replace(&file, b"cut").unwrap();
    let mut memory = Pipeline::new();
    memory.run(STORY[0]).unwrap();
    let (found, wanted) = (pipeline.run(STORY[2]), memory.run(STORY[2]));
    assert_same(
        &as_json(&found.unwrap()),
        &as_json(&wanted.unwrap()),
        "the run",
    );
}
