//! Simulates how often the verdicts, retrains and promotions of a run are right, in worlds whose
//! truth is known: `cargo run --release -p acceptance --example simulate -- [RUNS] [STREAMS]`.
//!
//! Streams of batches run through the pipeline's own functions, under both values of
//! `drift.trigger`. Three simple policies serve for comparison. Then single batches, a slow drift
//! and the gate are checked against their promises. RUNS (default 1,000) is the number of runs for
//! each promise. STREAMS (default 100) is the number of streams for each policy and world. 0 leaves
//! that part out. All intervals are 95 %. Equal arguments give equal output.
//!
//! Limits: there are three independent features, the rows of a stream are never duplicates, and
//! nobody deploys by hand.

mod intervals;
mod on_files;
mod pipeline;
mod policies;
mod power;
mod streams;
mod targets;
mod worlds;

use std::env;
use std::error::Error;
use std::io::{self, Write};

use crate::intervals::Mean;
use crate::policies::{Policy, Summary, play};
use crate::streams::{Scenario, scenarios};
use crate::targets::{Bound, Target, f1_intervals, flipped_labels, single_batches, slow_drifts};
use crate::worlds::config;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1);
    let mut number = |default: u64| match numbers.next() {
        Some(number) => number.parse(),
        None => Ok(default),
    };
    let (runs, streams) = (number(1_000)?, number(100)?);
    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "{runs} runs, {streams} streams; {}\n",
        on_files::check()?
    )?;
    let mut targets = Vec::new();
    if streams > 0 {
        targets.extend(write_streams(out, streams)?);
    }
    if runs > 0 {
        targets.extend(slow_drifts(out, runs)?);
    }
    writeln!(out, "\n| target | wanted | measured | |\n|---|---|---|---|")?;
    write_targets(out, targets)?;
    if runs > 0 {
        write_targets(out, flipped_labels())?;
        write_targets(out, f1_intervals(runs))?;
        write_targets(out, single_batches(runs))?;
    }
    Ok(())
}

fn write_targets(out: &mut impl Write, targets: Vec<Target>) -> io::Result<()> {
    targets
        .iter()
        .try_for_each(|target| writeln!(out, "{target}"))
}

/// The results of each policy in one world.
struct Played {
    never: Summary,
    every: Summary,
    at_drift: Summary,
    score: Summary,
    evidence: Summary,
}

impl Played {
    fn of(scenario: &Scenario, streams: u64) -> Self {
        let [score, evidence] = ["score", "evidence"].map(config);
        let play = |policy| play(scenario, policy, streams);
        Self {
            never: play(Policy::Never),
            every: play(Policy::EveryBatch),
            at_drift: play(Policy::AtDrift),
            score: play(Policy::Trigger(&score)),
            evidence: play(Policy::Trigger(&evidence)),
        }
    }

    /// Mean ratio of two log-losses: the trigger `evidence` over the policy that knows the drifts.
    fn times_log_loss(&self) -> Mean {
        let pairs = self.evidence.log_losses.iter();
        let pairs = pairs.zip(&self.at_drift.log_losses);
        pairs
            .map(|(evidence, knowing)| evidence / knowing)
            .collect()
    }
}

fn write_streams(out: &mut impl Write, streams: u64) -> io::Result<Vec<Target>> {
    let mut targets = Vec::new();
    let mut worth = Vec::new();
    writeln!(
        out,
        "| {streams} streams a world | trigger | false alarms in 100 batches | missed drifts % | batches until found | retrains | refused |\n|---|---|---|---|---|---|---|"
    )?;
    for scenario in scenarios() {
        let played = Played::of(&scenario, streams);
        for (trigger, found) in [("score", &played.score), ("evidence", &played.evidence)] {
            writeln!(
                out,
                "| {} | `{trigger}` | {:.1} | {} | {:.1} | {:.1} | {:.1} |",
                scenario.name,
                found.false_alarms,
                found.missed,
                found.until_found,
                found.retrains,
                found.refused
            )?;
        }
        out.flush()?;
        targets.push(Target::mean(
            format!(
                "stream, {}: log-loss of `evidence`, times that of at the drift",
                scenario.name
            ),
            Bound::AtMost(1.02),
            played.times_log_loss(),
        ));
        if scenario.name == "nothing" {
            targets.push(Target::mean(
                "stream, nothing: needless retrains of `evidence` in 100 batches".into(),
                Bound::AtMost(1.0),
                played.evidence.false_alarms,
            ));
        }
        worth.push((scenario.name, played));
    }
    for (what, of) in [
        ("F1", (|summary| summary.f1) as fn(&Summary) -> Mean),
        ("log-loss", |summary| summary.log_loss),
    ] {
        writeln!(
            out,
            "\n| {what} | never | every batch | at the drift | `score` | `evidence` |\n|---|---|---|---|---|---|"
        )?;
        for (name, played) in &worth {
            writeln!(
                out,
                "| {name} | {} | {} | {} | {} | {} |",
                of(&played.never),
                of(&played.every),
                of(&played.at_drift),
                of(&played.score),
                of(&played.evidence)
            )?;
        }
    }
    Ok(targets)
}
