//! A set of fingerprints that may exceed memory and is stored on disk.
//!
//! The set consists of a few sorted *runs*. A run is in memory, or in a file that is written once
//! and read page by page. Queries are sorted, too: a query of few fingerprints reads few pages, and
//! a query of many reads each page once. If the memory of the runs exceeds its limit, runs are
//! written to files. Where a run is does not affect any result.
//!
//! The number of runs is limited. Beyond the limit, the two neighbours with the smallest total
//! length are merged, so that long runs are seldom rewritten.
//!
//! The set knows no rows. [`first_occurrences`] finds which of several rows come first.

mod first_occurrences;
mod merge;
mod page;
mod run;
mod run_file;
mod run_reader;
mod run_writer;
mod search;
mod stored_run;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use common::files;
use rayon::prelude::*;

use self::run::Run;
use self::run_file::RunFile;
use self::run_writer::RunWriter;
use crate::fingerprint::Fingerprint;

pub use self::first_occurrences::{FirstOccurrences, first_occurrences};
pub use self::stored_run::{DamagedRun, StoredRun};

/// Maximum number of runs. Every query searches each run.
const MAX_RUNS: usize = 16;
/// Number of fingerprints that one thread looks up at a time.
const WANTED_AT_ONCE: usize = 8192;
/// Suffix of the name of a run's file.
const SUFFIX: &str = ".run";

/// A set of distinct fingerprints.
pub struct FingerprintSet {
    /// Folder for the files of runs.
    folder: PathBuf,
    /// Prefix of the names of the files.
    name: &'static str,
    /// Maximum bytes of runs in memory.
    memory: u64,
    /// Runs from the oldest to the newest.
    runs: Vec<Run>,
    /// Number of the next file.
    next: u64,
}

impl FingerprintSet {
    /// An empty set that keeps about `memory` bytes of runs in memory. It writes other runs to new
    /// files in `folder`, whose names start with `name`.
    pub fn new(folder: &Path, name: &'static str, memory: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            name,
            memory,
            runs: Vec::new(),
            next: number_after_those_in(folder, name),
        }
    }

    /// Opens a stored set. The error is [`DamagedRun`] if a file is missing or was changed.
    pub fn open(
        folder: &Path,
        name: &'static str,
        memory: u64,
        stored: &[StoredRun],
    ) -> anyhow::Result<Self> {
        let mut set = Self::new(folder, name, memory);
        for run in stored {
            set.runs.push(Run::File(RunFile::open(folder, run)?));
        }
        Ok(set)
    }

    /// Number of fingerprints.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(Run::len).sum()
    }

    /// True if the set has no fingerprint.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one flag per fingerprint: true if the set holds it. `sorted` must ascend.
    pub fn contains(&self, sorted: &[Fingerprint]) -> anyhow::Result<Vec<bool>> {
        let mut found = vec![false; sorted.len()];
        sorted
            .par_chunks(WANTED_AT_ONCE)
            .zip(found.par_chunks_mut(WANTED_AT_ONCE))
            .try_for_each(|(wanted, found)| {
                self.runs.iter().try_for_each(|run| run.find(wanted, found))
            })?;
        Ok(found)
    }

    /// Returns one flag per fingerprint: true if the set holds it. `rows` may have any order.
    pub fn contains_each(&self, rows: &[Fingerprint]) -> anyhow::Result<Vec<bool>> {
        let queried = first_occurrences(std::iter::once(rows)).fingerprints;
        let found = self.contains(&queried)?;
        let is_there = |row| {
            queried
                .binary_search(row)
                .is_ok_and(|position| found[position])
        };
        Ok(rows.iter().map(is_there).collect())
    }

    /// Adds fingerprints, given in any order. Returns those that were new to the set, in ascending
    /// order.
    pub fn add(&mut self, rows: &[Fingerprint]) -> anyhow::Result<Vec<Fingerprint>> {
        let mut new = first_occurrences(std::iter::once(rows));
        new.drop_where(&self.contains(&new.fingerprints)?);
        self.insert(new.fingerprints.clone())?;
        Ok(new.fingerprints)
    }

    /// Adds fingerprints, given in ascending order. None of them may be in the set.
    pub fn insert(&mut self, sorted: Vec<Fingerprint>) -> anyhow::Result<()> {
        if sorted.is_empty() {
            return Ok(());
        }
        self.runs.push(Run::Memory(sorted));
        if self.runs.len() > MAX_RUNS {
            self.join_shortest()?;
        }
        while self.bytes_in_memory() > self.memory {
            self.write_oldest()?;
        }
        Ok(())
    }

    /// Writes all runs in memory to files and returns references to all runs. From then on the set
    /// neither changes nor removes these files.
    pub fn store(&mut self) -> anyhow::Result<Vec<StoredRun>> {
        self.write_all()?;
        let stored = self.runs.iter_mut().map(|run| match run {
            Run::File(file) => Some(file.store()),
            Run::Memory(_) => None,
        });
        Ok(stored.flatten().collect())
    }

    fn bytes_in_memory(&self) -> u64 {
        self.runs.iter().map(Run::bytes_in_memory).sum()
    }

    /// Merges the two neighbours with the smallest total length.
    fn join_shortest(&mut self) -> anyhow::Result<()> {
        let pairs = self
            .runs
            .windows(2)
            .map(|pair| pair[0].len() + pair[1].len());
        let Some((first, _)) = pairs.enumerate().min_by_key(|(_, length)| *length) else {
            return Ok(());
        };
        let newer = self.runs.remove(first + 1);
        let older = std::mem::replace(&mut self.runs[first], Run::Memory(Vec::new()));
        self.runs[first] = match (&older, &newer) {
            (Run::Memory(older), Run::Memory(newer)) => Run::Memory(merge::merge(older, newer)),
            (older, newer) => self.write(|to| merge::merge_into(older, newer, to))?,
        };
        older.discard()?;
        newer.discard()
    }

    /// Writes the oldest run in memory to a file.
    fn write_oldest(&mut self) -> anyhow::Result<()> {
        let in_memory = self.runs.iter().position(|run| run.bytes_in_memory() > 0);
        let Some(position) = in_memory else {
            return Ok(());
        };
        let run = std::mem::replace(&mut self.runs[position], Run::Memory(Vec::new()));
        self.runs[position] = self.write(|to| run.write_to(to))?;
        Ok(())
    }

    /// Writes all runs in memory to files, several at a time.
    fn write_all(&mut self) -> anyhow::Result<()> {
        files::create_folder(&self.folder)?;
        let (folder, name, next) = (&self.folder, self.name, &mut self.next);
        let in_memory = self.runs.iter_mut().filter(|run| run.bytes_in_memory() > 0);
        let named: Vec<_> = in_memory.map(|run| (run, file_name(name, next))).collect();
        named.into_par_iter().try_for_each(|(run, name)| {
            let written = RunFile::write(folder, name, |to| run.write_to(to))?;
            *run = Run::File(written);
            Ok(())
        })
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut RunWriter<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Run> {
        files::create_folder(&self.folder)?;
        let name = file_name(self.name, &mut self.next);
        RunFile::write(&self.folder, name, write).map(Run::File)
    }
}

/// Name of a new file. Increases `next`.
fn file_name(name: &str, next: &mut u64) -> String {
    let number = *next;
    *next += 1;
    format!("{name}-{number:06}{SUFFIX}")
}

/// True for the name of a run's file in a set with the prefix `name`.
pub fn is_run_name(file: &OsStr, name: &str) -> bool {
    file.to_str().is_some_and(|file| number_of(file, name) > 0)
}

/// The next free number: above those of all existing files, because a file may belong to a stored
/// set.
fn number_after_those_in(folder: &Path, name: &str) -> u64 {
    // If the folder cannot be listed, no file can be written either.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.map(|entry| number_of(&entry.file_name().to_string_lossy(), name));
    numbers.max().unwrap_or(0) + 1
}

/// Number in the name of a run's file. 0 for any other name.
fn number_of(file: &str, name: &str) -> u64 {
    file.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
