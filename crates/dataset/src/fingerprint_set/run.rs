//! A sorted run of fingerprints, in memory or in a file.

use super::run_file::RunFile;
use super::run_reader::{RunReader, find_in_file};
use super::run_writer::RunWriter;
use super::search::find;
use crate::fingerprint::Fingerprint;

/// Distinct fingerprints in ascending order.
pub(super) enum Run {
    /// In memory.
    Memory(Vec<Fingerprint>),
    /// In a file.
    File(RunFile),
}

/// Iterator over a run's fingerprints.
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

    /// Sets `found` to true for each wanted fingerprint in the run. `wanted` ascends.
    pub(super) fn find(&self, wanted: &[Fingerprint], found: &mut [bool]) -> anyhow::Result<()> {
        match self {
            Self::Memory(run) => {
                find(run, wanted, found);
                Ok(())
            }
            Self::File(file) => find_in_file(file, wanted, found),
        }
    }

    pub(super) fn fingerprints(&self) -> Fingerprints<'_> {
        match self {
            Self::Memory(run) => Fingerprints::Memory(run.iter()),
            Self::File(file) => Fingerprints::File(RunReader::of(file)),
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
