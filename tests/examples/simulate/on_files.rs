//! The check that the pipeline in memory makes the same decisions as runs on files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use common::files;
use dataset::Table;
use fullprocess::run_once;
use record::Outcome;

use crate::pipeline::{Pipeline, RunResult};
use crate::streams::{BATCH_ROWS, FIRST_ROWS, Scenario, Stream, TEST_ROWS, scenarios};
use crate::worlds::{client, config, config_in};

/// Number of batches of a stream that run both in memory and on files.
const BATCHES: usize = 20;
/// The worlds of the check: with a drift, and with late labels.
const WORLDS: [&str; 2] = ["sudden drift", "sudden drift, late classes"];

/// Runs streams both in memory and on files. Returns a sentence with the number of equal decisions;
/// an error if a decision differs.
pub(crate) fn check() -> anyhow::Result<String> {
    let mut runs = 0;
    for scenario in scenarios()
        .iter()
        .filter(|scenario| WORLDS.contains(&scenario.name))
    {
        for trigger in ["score", "evidence"] {
            runs += play_both_ways(scenario, trigger)?;
        }
    }
    Ok(format!(
        "{runs} runs on files decided as those in memory do"
    ))
}

fn play_both_ways(scenario: &Scenario, trigger: &str) -> anyhow::Result<usize> {
    let Stream {
        first,
        test,
        batches,
    } = scenario.draw(0);
    let folder = tempfile::tempdir()?;
    let config = config_in(folder.path(), trigger);
    let names = names(FIRST_ROWS + TEST_ROWS + batches.len() * BATCH_ROWS);
    write(&folder.path().join("test"), "test", &test, &names)?;
    write(&folder.path().join("in"), "first", &first, &names)?;
    let began = run_once(&config)?.outcome;
    ensure!(
        began == Some(Outcome::ColdStart),
        "the first run: {began:?}"
    );
    let mut pipeline = Pipeline::start(&config, &first, &test);
    for (batch, arrival) in batches.iter().take(BATCHES).enumerate() {
        write(
            &folder.path().join("in"),
            &format!("batch-{batch:03}"),
            &arrival.told,
            &names,
        )?;
        let record = run_once(&config)?;
        let on_files = match record.outcome {
            Some(Outcome::Steady | Outcome::NotJudged) => RunResult::Kept,
            Some(Outcome::Redeployed) => RunResult::Redeployed,
            Some(Outcome::CandidateRefused) => RunResult::Refused,
            other => anyhow::bail!("batch {batch} came out as {other:?}: {}", record.reason),
        };
        let in_memory = pipeline.run(&arrival.told);
        ensure!(
            on_files == in_memory,
            "{}, {trigger}, batch {batch}: on files {on_files:?}, in memory {in_memory:?}: {}",
            scenario.name,
            record.reason
        );
    }
    Ok(BATCHES)
}

/// The names of `clients` clients by their hash. A table has only the hashes.
fn names(clients: usize) -> BTreeMap<u64, String> {
    let names = (0..clients).map(client);
    let mut table = Table::new(&config("score").schema);
    names
        .clone()
        .for_each(|name| table.push(name.as_bytes(), &[], None));
    table.clients.into_iter().zip(names).collect()
}

/// Writes rows as an input file.
fn write(
    folder: &Path,
    name: &str,
    table: &Table,
    names: &BTreeMap<u64, String>,
) -> anyhow::Result<()> {
    let mut text = String::from("corporation,a,b,c,exited\n");
    for (row, client) in table.clients.iter().enumerate() {
        text.push_str(&names[client]);
        for value in table.row(row) {
            match value.is_nan() {
                true => text.push(','),
                false => write!(text, ",{value}")?,
            }
        }
        match table.labels[row] {
            Some(left) => writeln!(text, ",{}", u8::from(left))?,
            None => text.push_str(",\n"),
        }
    }
    files::create_folder(folder)?;
    let path = folder.join(format!("{name}.csv"));
    files::replace(&path, text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))
}
