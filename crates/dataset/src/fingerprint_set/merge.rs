//! Merges sorted runs.

use rayon::prelude::*;

use super::run_file::RunFile;
use super::run_reader::RunReader;
use super::run_writer::RunWriter;
use crate::fingerprint::Fingerprint;

/// Minimum number of fingerprints for a second thread. With fewer, a thread costs more than it
/// saves.
const PARALLEL_MIN: usize = 32_768;

/// Merges two runs in memory.
pub(super) fn merge(first: &[Fingerprint], second: &[Fingerprint]) -> Vec<Fingerprint> {
    let mut merged = vec![0; first.len() + second.len()];
    merge_to(first, second, &mut merged);
    merged
}

fn merge_to(first: &[Fingerprint], second: &[Fingerprint], to: &mut [Fingerprint]) {
    if first.len() < second.len() {
        return merge_to(second, first, to);
    }
    if first.len() < PARALLEL_MIN {
        return merge_one_by_one(first, second, to);
    }
    let (first_low, first_high) = first.split_at(first.len() / 2);
    let middle = first_high[0];
    let (second_low, second_high) =
        second.split_at(second.partition_point(|fingerprint| *fingerprint < middle));
    let (to_low, to_high) = to.split_at_mut(first_low.len() + second_low.len());
    rayon::join(
        || merge_to(first_low, second_low, to_low),
        || merge_to(first_high, second_high, to_high),
    );
}

fn merge_one_by_one<'a>(
    mut first: &'a [Fingerprint],
    mut second: &'a [Fingerprint],
    to: &mut [Fingerprint],
) {
    for to in to {
        let from = match (first.first(), second.first()) {
            (Some(one), Some(other)) if one > other => &mut second,
            (None, _) => &mut second,
            _ => &mut first,
        };
        let (next, rest) = from.split_first().expect("as many as there is room for");
        *to = *next;
        *from = rest;
    }
}

/// Number of parts that fingerprints are divided into: one for each value of the first byte.
const PARTS: usize = 256;
/// Number of parts that are merged at the same time. Memory holds one of these groups.
const PARTS_AT_ONCE: usize = 16;

/// Merges runs in memory into a file, part by part, so that little more memory is needed.
pub(super) fn merge_all_into(
    runs: &[Vec<Fingerprint>],
    to: &mut RunWriter<'_>,
) -> anyhow::Result<()> {
    if let [run] = runs {
        return run.iter().try_for_each(|fingerprint| to.push(*fingerprint));
    }
    for first in (0..PARTS).step_by(PARTS_AT_ONCE) {
        let parts: Vec<Vec<Fingerprint>> = (first..first + PARTS_AT_ONCE)
            .into_par_iter()
            .map(|part| merged_part(runs, part))
            .collect();
        for fingerprint in parts.iter().flatten() {
            to.push(*fingerprint)?;
        }
    }
    Ok(())
}

/// The fingerprints of one part in all runs, in ascending order.
fn merged_part(runs: &[Vec<Fingerprint>], part: usize) -> Vec<Fingerprint> {
    let first_of = |run: &[Fingerprint], part| {
        run.partition_point(|fingerprint| ((fingerprint >> 120) as usize) < part)
    };
    let mut merged = Vec::new();
    for run in runs {
        merged.extend_from_slice(&run[first_of(run, part)..first_of(run, part + 1)]);
    }
    // The standard sort merges sequences that ascend already.
    merged.sort();
    merged
}

/// Merges two runs of files into another file.
pub(super) fn merge_into(
    first: &RunFile,
    second: &RunFile,
    to: &mut RunWriter<'_>,
) -> anyhow::Result<()> {
    let (mut first, mut second) = (RunReader::of(first), RunReader::of(second));
    let (mut one, mut other) = (first.next()?, second.next()?);
    loop {
        match (one, other) {
            (Some(fingerprint), None) => {
                to.push(fingerprint)?;
                one = first.next()?;
            }
            (Some(fingerprint), Some(later)) if fingerprint < later => {
                to.push(fingerprint)?;
                one = first.next()?;
            }
            (_, Some(fingerprint)) => {
                to.push(fingerprint)?;
                other = second.next()?;
            }
            (None, None) => return Ok(()),
        }
    }
}
