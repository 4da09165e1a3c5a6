//! The check that the pipeline in memory makes the same decisions as runs on files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use common::{Schema, files};
use dataset::Table;
use fullprocess::run_once;
use record::Outcome;

use crate::pipeline::{Pipeline, RunResult};
use crate::rows::{client, config_in};
use crate::streams::Stream;
use crate::worlds::World;

/// Number of batches of a stream that run both in memory and on files.
const BATCHES: usize = 20;
/// The worlds of the check: with a drift, with late labels, with categories, and with curves and a
/// pair.
const WORLDS: [&str; 4] = [
    "sudden drift",
    "sudden drift, late labels",
    "STAGGER",
    "sudden drift, curves",
];

/// Runs streams both in memory and on files. Returns a sentence with the number of equal decisions;
/// an error if a decision differs.
pub(crate) fn check(worlds: &[World]) -> anyhow::Result<String> {
    let mut runs = 0;
    for world in worlds.iter().filter(|world| WORLDS.contains(&world.name)) {
        for trigger in world.triggers {
            runs += play_both_ways(world, trigger)?;
        }
    }
    Ok(format!(
        "{runs} runs on files decided as those in memory do"
    ))
}

fn play_both_ways(world: &World, trigger: &str) -> anyhow::Result<usize> {
    let stream = Stream::draw(world, 0);
    let Stream {
        first,
        test,
        batches,
    } = &stream;
    let folder = tempfile::tempdir()?;
    let config = config_in(folder.path(), trigger, &world.schema);
    let files = Files {
        schema: &world.schema,
        names: names(&stream, &world.schema),
    };
    files.write(&folder.path().join("test"), "test", test)?;
    files.write(&folder.path().join("in"), "first", first)?;
    let began = run_once(&config)?.outcome;
    ensure!(
        began == Some(Outcome::ColdStart),
        "the first run: {began:?}"
    );
    let mut pipeline = Pipeline::start(&config, first, test);
    for (batch, arrival) in batches.iter().take(BATCHES).enumerate() {
        let name = format!("batch-{batch:03}");
        files.write(&folder.path().join("in"), &name, &arrival.observed)?;
        let record = run_once(&config)?;
        let is_refit = record.comparison.as_ref().is_some_and(|it| it.refit);
        let on_files = match record.outcome {
            Some(Outcome::Steady | Outcome::DriftNoted | Outcome::NotJudged) => RunResult::Kept,
            Some(Outcome::Redeployed) if is_refit => RunResult::Refitted,
            Some(Outcome::Redeployed) => RunResult::Redeployed,
            Some(Outcome::CandidateRefused) if is_refit => RunResult::RefitRefused,
            Some(Outcome::CandidateRefused) => RunResult::Refused,
            other => anyhow::bail!("batch {batch} came out as {other:?}: {}", record.reason),
        };
        let in_memory = pipeline.run(&arrival.observed);
        ensure!(
            on_files == in_memory,
            "{}, {trigger}, batch {batch}: on files {on_files:?}, in memory {in_memory:?}: {}",
            world.name,
            record.reason
        );
    }
    Ok(BATCHES)
}

/// The names of a stream's clients by their hash. A table has only the hashes.
fn names(stream: &Stream, schema: &Schema) -> BTreeMap<u64, String> {
    let observed = stream.batches.iter().map(|arrival| arrival.observed.rows());
    let rows = stream.first.rows() + stream.test.rows() + observed.sum::<usize>();
    let names = (0..rows).map(client);
    let mut table = Table::new(schema);
    names
        .clone()
        .for_each(|name| table.push(name.as_bytes(), &[], None));
    table
        .in_memory()
        .clients
        .iter()
        .copied()
        .zip(names)
        .collect()
}

/// What input files need beyond the rows of a table.
struct Files<'a> {
    schema: &'a Schema,
    /// The name of each client by its hash.
    names: BTreeMap<u64, String>,
}

impl Files<'_> {
    /// Writes rows as an input file.
    fn write(&self, folder: &Path, name: &str, table: &Table) -> anyhow::Result<()> {
        let mut text = self.schema.columns().collect::<Vec<_>>().join(",") + "\n";
        for (row, client) in table.in_memory().clients.iter().enumerate() {
            text.push_str(&self.names[client]);
            for (feature, value) in table.row(row).enumerate() {
                match table.in_memory().levels.name(feature, value) {
                    _ if value.is_nan() => text.push(','),
                    Some(level) => write!(text, ",{level}")?,
                    None => write!(text, ",{value}")?,
                }
            }
            match table.in_memory().labels[row] {
                Some(left) => writeln!(text, ",{}", u8::from(left))?,
                None => text.push_str(",\n"),
            }
        }
        files::create_folder(folder)?;
        let path = folder.join(format!("{name}.csv"));
        files::replace(&path, text.as_bytes())
            .with_context(|| format!("failed to write {}", path.display()))
    }
}
