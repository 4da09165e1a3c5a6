//! Merges two sorted runs.

use crate::fingerprint::Fingerprint;

use super::run::Run;
use super::run_writer::RunWriter;

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

/// Merges two runs into a file.
pub(super) fn merge_into(first: &Run, second: &Run, to: &mut RunWriter<'_>) -> anyhow::Result<()> {
    let (mut first, mut second) = (first.fingerprints(), second.fingerprints());
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
