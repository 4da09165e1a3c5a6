//! Looks up sorted fingerprints in sorted fingerprints.

use crate::fingerprint::Fingerprint;

/// A run at least this many times longer than the query is searched by galloping instead of step by
/// step.
const GALLOPING_MIN_RATIO: usize = 8;

/// Sets `found` to true for each wanted fingerprint in the run. Both lists ascend, so neither is
/// passed twice.
pub(super) fn find(run: &[Fingerprint], wanted: &[Fingerprint], found: &mut [bool]) {
    let [first, .., last] = wanted else {
        if let ([only], [found]) = (wanted, found) {
            *found |= run.binary_search(only).is_ok();
        }
        return;
    };
    let start = run.partition_point(|fingerprint| fingerprint < first);
    let end = start + run[start..].partition_point(|fingerprint| fingerprint <= last);
    let run = &run[start..end];
    if run.len() < wanted.len() * GALLOPING_MIN_RATIO {
        find_side_by_side(run, wanted, found);
    } else {
        find_by_galloping(run, wanted, found);
    }
}

/// Number of independent walks. Each step of a walk depends on the one before, so several walks
/// take little longer than one.
const PARALLEL_WALKS: usize = 4;

fn find_side_by_side(run: &[Fingerprint], wanted: &[Fingerprint], found: &mut [bool]) {
    let mut rest = MergeWalk { run, wanted, found };
    let part = wanted.len() / PARALLEL_WALKS;
    let mut walks: [MergeWalk<'_>; PARALLEL_WALKS] = std::array::from_fn(|_| rest.split_off(part));
    while walks.iter().all(MergeWalk::is_unfinished) {
        walks.iter_mut().for_each(MergeWalk::step);
    }
    for mut walk in walks.into_iter().chain([rest]) {
        while walk.is_unfinished() {
            walk.step();
        }
    }
}

/// A walk through two ascending lists side by side.
struct MergeWalk<'a> {
    run: &'a [Fingerprint],
    wanted: &'a [Fingerprint],
    found: &'a mut [bool],
}

impl MergeWalk<'_> {
    /// Splits off a walk for the first `n_wanted` wanted fingerprints.
    fn split_off(&mut self, n_wanted: usize) -> Self {
        let (wanted, other_wanted) = self.wanted.split_at(n_wanted);
        let (found, other_found) = std::mem::take(&mut self.found).split_at_mut(n_wanted);
        let end = match other_wanted.first() {
            Some(next) => self.run.partition_point(|fingerprint| fingerprint < next),
            None => self.run.len(),
        };
        let (run, other_run) = self.run.split_at(end);
        *self = Self {
            run: other_run,
            wanted: other_wanted,
            found: other_found,
        };
        Self { run, wanted, found }
    }

    fn is_unfinished(&self) -> bool {
        !self.run.is_empty() && !self.wanted.is_empty()
    }

    /// Passes the smaller of the two next fingerprints, or both if equal. No branch depends on
    /// which one is smaller, because the processor could not predict it.
    fn step(&mut self) {
        let ([one, ..], [other, ..], [found, ..]) = (self.wanted, self.run, &mut *self.found)
        else {
            return;
        };
        *found |= one == other;
        let (passed, passed_of_run) = (usize::from(one <= other), usize::from(other <= one));
        self.wanted = &self.wanted[passed..];
        self.found = &mut std::mem::take(&mut self.found)[passed..];
        self.run = &self.run[passed_of_run..];
    }
}

fn find_by_galloping(run: &[Fingerprint], wanted: &[Fingerprint], found: &mut [bool]) {
    let mut rest = run;
    for (wanted, found) in wanted.iter().zip(found) {
        rest = &rest[galloping_partition_point(rest, *wanted)..];
        *found |= rest.first() == Some(wanted);
    }
}

/// Number of fingerprints below `wanted` at the start of the run. Searches in steps that double
/// (galloping), so the cost is low whether the result is near or far.
fn galloping_partition_point(run: &[Fingerprint], wanted: Fingerprint) -> usize {
    let (mut below, mut step) = (0, 1);
    while run.get(below + step - 1).is_some_and(|last| *last < wanted) {
        below += step;
        step *= 2;
    }
    let end = run.len().min(below + step - 1);
    below + run[below..end].partition_point(|fingerprint| *fingerprint < wanted)
}
