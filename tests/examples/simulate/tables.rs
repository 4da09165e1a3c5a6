//! The tables of the streams.

use std::io::{self, Write};

use crate::policies::POLICIES;
use crate::summary::{Predictions, Summary};
use crate::worlds::{Promise, World};

/// A world with its figures.
pub(crate) type Measured<'a> = (&'a World, Summary);

/// The triggers that have a column.
const TRIGGERS: [&str; 2] = ["score", "evidence"];

/// The heads of the table of runs.
pub(crate) const RUNS: [&str; 9] = [
    "world",
    "trigger",
    "false alarms in 100 batches",
    "missed drifts %",
    "batches until found",
    "retrains",
    "refused",
    "alarms deployed in 100 batches",
    "deployments in 100 batches",
];

/// Writes the heads of a table.
pub(crate) fn write_heads(out: &mut impl Write, heads: &[&str]) -> io::Result<()> {
    writeln!(
        out,
        "\n| {} |\n|{}",
        heads.join(" | "),
        "---|".repeat(heads.len())
    )
}

/// Writes a world's rows in the table of runs.
pub(crate) fn write_runs(out: &mut impl Write, world: &World, summary: &Summary) -> io::Result<()> {
    for found in &summary.triggers {
        writeln!(
            out,
            "| {} | `{}` | {:.1} | {} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
            world.name,
            found.trigger,
            found.false_alarms,
            found.missed,
            found.until_found,
            found.retrains,
            found.refused,
            found.deployed_alarms,
            found.deployments
        )?;
    }
    out.flush()
}

/// Writes the mean log-loss of each policy and of the pipeline, world by world.
pub(crate) fn write_log_losses(out: &mut impl Write, worlds: &[Measured<'_>]) -> io::Result<()> {
    let mut heads = vec!["log-loss".to_owned()];
    heads.extend(POLICIES.iter().map(ToString::to_string));
    heads.extend(["`score`", "`evidence`"].map(String::from));
    write_heads(out, &heads.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (world, summary) in worlds {
        write!(out, "| {} |", world.name)?;
        for place in 0..POLICIES.len() {
            match summary.policies.get(place) {
                Some((_, found)) => write!(out, " {:.4} |", found.log_loss.value())?,
                None => write!(out, " – |")?,
            }
        }
        for trigger in TRIGGERS {
            match summary.of_trigger(trigger) {
                Some(found) => write!(out, " {:.4} |", found.predictions.log_loss.value())?,
                None => write!(out, " – |")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes how far policies and pipeline are from the best policy, for the worlds with a change.
pub(crate) fn write_excesses(out: &mut impl Write, worlds: &[Measured<'_>]) -> io::Result<()> {
    let heads = [
        "log-loss above the best policy's, %",
        "best",
        "never",
        "all rows",
        "last 5",
        "`score`",
        "`evidence`",
        "won back by `score`, %",
        "won back by `evidence`, %",
    ];
    write_heads(out, &heads)?;
    for (world, summary) in changing(worlds) {
        let of = |place: usize| summary.excess(&summary.policies[place].1);
        write!(
            out,
            "| {} | {} | {:.2} | {:.2} | {:.2} |",
            world.name,
            summary.best().0,
            of(0),
            of(1),
            of(5)
        )?;
        let figures: [fn(&Summary, &Predictions) -> f64; 2] = [Summary::excess, Summary::won_back];
        for figure in figures {
            for trigger in TRIGGERS {
                match summary.of_trigger(trigger) {
                    Some(found) => write!(out, " {:.2} |", figure(summary, &found.predictions))?,
                    None => write!(out, " – |")?,
                }
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes F1 on the rows of all batches of a stream together.
pub(crate) fn write_f1(out: &mut impl Write, worlds: &[Measured<'_>]) -> io::Result<()> {
    let heads = ["F1", "never", "all rows", "best", "`score`", "`evidence`"];
    write_heads(out, &heads)?;
    for (world, summary) in changing(worlds) {
        let [never, all_rows] = [0, 1].map(|place: usize| summary.policies[place].1.f1);
        write!(
            out,
            "| {} | {never} | {all_rows} | {} |",
            world.name,
            summary.best().1.f1
        )?;
        for trigger in TRIGGERS {
            match summary.of_trigger(trigger) {
                Some(found) => write!(out, " {} |", found.predictions.f1)?,
                None => write!(out, " – |")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The worlds in which something changes.
fn changing<'a, 'b>(worlds: &'a [Measured<'b>]) -> impl Iterator<Item = &'a Measured<'b>> {
    let steady = Promise::Steady;
    worlds
        .iter()
        .filter(move |(world, _)| world.promise != steady)
}
