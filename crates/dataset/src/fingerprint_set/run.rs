//! A sorted run of fingerprints, wherever it is.

use super::pages::RunFile;
use super::run_reader::RunReader;
use super::run_writer::RunWriter;
use crate::fingerprint::Fingerprint;

/// Different fingerprints in ascending order.
pub(super) enum Run {
    /// In memory.
    Memory(Vec<Fingerprint>),
    /// In a file.
    File(RunFile),
}

/// A run's fingerprints, one after the other.
pub(super) enum Fingerprints<'a> {
    Memory(std::slice::Iter<'a, Fingerprint>),
    File(RunReader<'a>),
}

impl Run {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(run) => run.len() as u64,
            Self::File(file) => file.len(),
        }
    }

    pub(super) fn bytes_in_memory(&self) -> u64 {
        match self {
            Self::Memory(run) => size_of_val(run.as_slice()) as u64,
            Self::File(_) => 0,
        }
    }

    /// Marks those of the wanted ones, in ascending order, that are in it.
    pub(super) fn find(&self, wanted: &[Fingerprint], found: &mut [bool]) -> anyhow::Result<()> {
        match self {
            Self::Memory(run) => {
                find(run, wanted, found);
                Ok(())
            }
            Self::File(file) => file.find(wanted, found),
        }
    }

    pub(super) fn fingerprints(&self) -> Fingerprints<'_> {
        match self {
            Self::Memory(run) => Fingerprints::Memory(run.iter()),
            Self::File(file) => Fingerprints::File(file.reader()),
        }
    }

    pub(super) fn write_to(&self, to: &mut RunWriter<'_>) -> anyhow::Result<()> {
        let mut fingerprints = self.fingerprints();
        while let Some(fingerprint) = fingerprints.next()? {
            to.push(fingerprint)?;
        }
        Ok(())
    }

    /// Removes a file that belongs to no stored set.
    pub(super) fn discard(self) -> anyhow::Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => file.discard(),
        }
    }
}

impl Fingerprints<'_> {
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Fingerprint>> {
        match self {
            Self::Memory(run) => Ok(run.next().copied()),
            Self::File(reader) => reader.next(),
        }
    }
}

/// A run that is so many times as long as what is looked for is not gone through one by one.
const MUCH_LONGER: usize = 8;

/// Marks those of the wanted ones that are in a run; both ascend, so neither is gone through twice.
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
    if run.len() < wanted.len() * MUCH_LONGER {
        find_side_by_side(run, wanted, found);
    } else {
        find_far_apart(run, wanted, found);
    }
}

/// Parts of what is wanted that are looked for in turn: each step waits for the one before it, so
/// several ways that know nothing of each other take little longer than one.
const WALKS: usize = 4;

fn find_side_by_side(run: &[Fingerprint], wanted: &[Fingerprint], found: &mut [bool]) {
    let mut rest = Walk { run, wanted, found };
    let part = wanted.len() / WALKS;
    let mut walks: [Walk<'_>; WALKS] = std::array::from_fn(|_| rest.split_off(part));
    while walks.iter().all(Walk::goes_on) {
        walks.iter_mut().for_each(Walk::step);
    }
    for mut walk in walks.into_iter().chain([rest]) {
        while walk.goes_on() {
            walk.step();
        }
    }
}

/// Two ascending lists that are gone through side by side.
struct Walk<'a> {
    run: &'a [Fingerprint],
    wanted: &'a [Fingerprint],
    found: &'a mut [bool],
}

impl Walk<'_> {
    /// Takes off the first so many that are wanted.
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

    fn goes_on(&self) -> bool {
        !self.run.is_empty() && !self.wanted.is_empty()
    }

    /// Passes the smaller of the two next ones, or both. Which it is is hard to foretell: nothing
    /// hangs on it but where to look next.
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

fn find_far_apart(run: &[Fingerprint], wanted: &[Fingerprint], found: &mut [bool]) {
    let mut rest = run;
    for (wanted, found) in wanted.iter().zip(found) {
        rest = &rest[n_below(rest, *wanted)..];
        *found |= rest.first() == Some(wanted);
    }
}

/// How many at the beginning are below `wanted`: looked for in steps that double, so it costs
/// little where the next one is near and where it is far.
fn n_below(run: &[Fingerprint], wanted: Fingerprint) -> usize {
    let (mut below, mut step) = (0, 1);
    while run.get(below + step - 1).is_some_and(|last| *last < wanted) {
        below += step;
        step *= 2;
    }
    let end = run.len().min(below + step - 1);
    below + run[below..end].partition_point(|fingerprint| *fingerprint < wanted)
}
