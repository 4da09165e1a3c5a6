//! Simulates how often the verdicts, retrains and promotions of a run are right, and what they are
//! worth, in worlds whose truth is known:
//! `cargo run --release -p acceptance --example simulate -- [RUNS] [STREAMS] [--only NAME]
//! [--single-batches]`.
//!
//! Streams of batches run through the pipeline's own functions, under both values of
//! `drift.trigger`. Policies that fit a model after every batch serve for comparison: to all rows,
//! to the last 1 to 20 batches, with old batches forgotten, or to the rows since the true change.
//! Each policy is played with the columns of the first model, and with straight lines. The best of
//! them in hindsight is what a world allows. Then single batches, a slow drift and the
//! gate are checked against their promises.
//!
//! RUNS (default 1,000) is the number of runs for each promise. STREAMS (default 20) is the number
//! of streams for each world; worlds in which nothing changes get ten times as many. 0 leaves that
//! part out. NAME chooses the worlds whose name contains it. With `--single-batches`, only the
//! promises about single batches are checked: what each verdict finds, and how often it is wrong. All
//! intervals are 95 %. Equal arguments give equal output. The worlds, their shapes and seeds are
//! listed in `worlds.rs`.
//!
//! # What the simulator shares with the product
//!
//! - The pipeline in memory is the product: its own tests, decisions, fits and gate. Before the
//!   simulation, streams run on files too, and every decision must be the same.
//! - The policies use the product's sums over rows (loss, gradient, curvature), its design of the
//!   columns, and its evaluation of log-odds. The Newton steps, weights and imputed means are the
//!   simulator's. Their tests compare the fit with the product's, and the log-loss of two policies
//!   with plain arithmetic that shares nothing.
//! - Log-losses of policies are computed here, those of the pipeline by `scoring`.
//!
//! Limits: the rows of a stream are never duplicates, nobody deploys by hand, and the columns of a
//! policy's models are those chosen for the first rows.

mod draws;
mod intervals;
mod on_files;
mod pipeline;
mod playing;
mod policies;
mod power;
mod rows;
mod streams;
mod summary;
mod tables;
mod targets;
mod weighted_fit;
mod worlds;

use std::env;
use std::error::Error;
use std::io::{self, Write};

use crate::summary::Summary;
use crate::targets::Target;
use crate::worlds::{Promise, World, worlds};

/// Factor of the number of streams in worlds in which nothing changes.
const STEADY_STREAMS: u64 = 10;

/// The arguments.
struct Arguments {
    runs: u64,
    streams: u64,
    only: String,
    only_single_batches: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments {
        runs,
        streams,
        only,
        only_single_batches,
    } = arguments(env::args().skip(1))?;
    if only_single_batches {
        return single_batches(runs);
    }
    let mut worlds = worlds();
    worlds.retain(|world| world.name.contains(&only));
    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "{runs} runs, {streams} streams; {}",
        on_files::check(&worlds)?
    )?;
    let mut targets = Vec::new();
    if streams > 0 {
        targets.extend(write_streams(out, &worlds, streams)?);
    }
    if runs > 0 {
        targets.extend(targets::slow_drifts(out, runs)?);
    }
    tables::write_heads(out, &["target", "wanted", "measured", ""])?;
    write_targets(out, targets)?;
    if runs > 0 {
        write_targets(out, targets::flipped_labels())?;
        write_targets(out, targets::f1_intervals(runs))?;
        write_targets(out, targets::single_batches(runs))?;
    }
    Ok(())
}

/// Checks the promises about single batches only.
fn single_batches(runs: u64) -> Result<(), Box<dyn Error>> {
    let out = &mut io::stdout().lock();
    writeln!(out, "{runs} runs")?;
    tables::write_heads(out, &["target", "wanted", "measured", ""])?;
    Ok(write_targets(out, targets::single_batches(runs))?)
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn Error>> {
    let mut only = String::new();
    let mut only_single_batches = false;
    let mut numbers = Vec::new();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--only" => only = given.next().ok_or("--only needs the name of a world")?,
            "--single-batches" => only_single_batches = true,
            number => numbers.push(number.parse()?),
        }
    }
    Ok(Arguments {
        runs: numbers.first().copied().unwrap_or(1_000),
        streams: numbers.get(1).copied().unwrap_or(20),
        only,
        only_single_batches,
    })
}

fn write_targets(out: &mut impl Write, targets: Vec<Target>) -> io::Result<()> {
    targets
        .iter()
        .try_for_each(|target| writeln!(out, "{target}"))
}

fn write_streams(out: &mut impl Write, worlds: &[World], streams: u64) -> io::Result<Vec<Target>> {
    let mut measured = Vec::new();
    tables::write_heads(out, &tables::RUNS)?;
    for world in worlds {
        let times = match world.promise {
            Promise::Steady => STEADY_STREAMS,
            _ => 1,
        };
        let summary = Summary::of(world, &playing::play(world, streams * times));
        tables::write_runs(out, world, &summary)?;
        measured.push((world, summary));
    }
    tables::write_log_losses(out, &measured)?;
    tables::write_excesses(out, &measured)?;
    tables::write_f1(out, &measured)?;
    Ok(targets::streams(&measured))
}
