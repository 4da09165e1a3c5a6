//! A set of fingerprints that may exceed memory and is stored on disk.
//!
//! The set consists of some sorted *runs*. A run is in memory, or in a file that is written once
//! and read page by page. Queries are sorted, too: a query of few fingerprints reads few pages, and
//! a query of many reads each page once. If the memory of the runs exceeds its limit, they are
//! merged into one file. Where a run is does not affect any result.
//!
//! The number of runs is limited. Beyond the limit, the two neighbours with the smallest total
//! length are merged, so that long runs are seldom rewritten. Runs in memory are seldom merged: the
//! memory of many vectors of growing length cannot be reused, and the program would need twice as
//! much.
//!
//! The set knows no rows. [`first_occurrences`] finds which of several rows come first.

mod first_occurrences;
mod merge;
mod page;
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

use self::run_file::RunFile;
use self::run_reader::find_in_file;
use self::search::find;
use crate::fingerprint::Fingerprint;

pub use self::first_occurrences::{FirstOccurrences, first_occurrences};
pub use self::stored_run::{DamagedFingerprints, StoredFingerprints};

/// Maximum number of runs in files. Every query searches each run.
const MAX_FILES: usize = 16;
/// Maximum number of runs in memory. An ingestion of many rows adds about 25 before they are written.
const MAX_RUNS_IN_MEMORY: usize = 32;
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
    /// Runs in memory, from the oldest to the newest.
    in_memory: Vec<Vec<Fingerprint>>,
    /// Runs in files, from the oldest to the newest.
    files: Vec<RunFile>,
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
            in_memory: Vec::new(),
            files: Vec::new(),
            next: number_after_those_in(folder, name),
        }
    }

    /// Opens a stored set. The error is [`DamagedFingerprints`] if a file cannot be read or was changed.
    pub fn open(
        folder: &Path,
        name: &'static str,
        memory: u64,
        stored: &[StoredFingerprints],
    ) -> anyhow::Result<Self> {
        let mut set = Self::new(folder, name, memory);
        for run in stored {
            set.files.push(RunFile::open(folder, run)?);
        }
        Ok(set)
    }

    /// Number of fingerprints.
    pub fn len(&self) -> u64 {
        let in_files: u64 = self.files.iter().map(RunFile::len).sum();
        in_files
            + self
                .in_memory
                .iter()
                .map(|run| run.len() as u64)
                .sum::<u64>()
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
                for run in &self.in_memory {
                    find(run, wanted, found);
                }
                self.files
                    .iter()
                    .try_for_each(|file| find_in_file(file, wanted, found))
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
    pub fn insert(&mut self, mut sorted: Vec<Fingerprint>) -> anyhow::Result<()> {
        if sorted.is_empty() {
            return Ok(());
        }
        // The limit counts fingerprints, not the memory of those that were dropped before.
        sorted.shrink_to_fit();
        self.in_memory.push(sorted);
        if self.bytes_in_memory() > self.memory {
            return self.write_memory();
        }
        if self.in_memory.len() > MAX_RUNS_IN_MEMORY
            && let Some(first) = shortest_neighbours(&self.in_memory, |run| run.len() as u64)
        {
            let newer = self.in_memory.remove(first + 1);
            self.in_memory[first] = merge::merge(&self.in_memory[first], &newer);
        }
        Ok(())
    }

    /// Writes the runs in memory to a file and returns references to all runs. From then on the set
    /// neither changes nor removes these files.
    pub fn store(&mut self) -> anyhow::Result<Vec<StoredFingerprints>> {
        self.write_memory()?;
        Ok(self.files.iter_mut().map(RunFile::keep).collect())
    }

    fn bytes_in_memory(&self) -> u64 {
        let runs = self.in_memory.iter();
        runs.map(|run| size_of_val(run.as_slice()) as u64).sum()
    }

    /// Writes all runs in memory to one file.
    fn write_memory(&mut self) -> anyhow::Result<()> {
        if self.in_memory.is_empty() {
            return Ok(());
        }
        files::create_folder(&self.folder)?;
        let runs = &self.in_memory;
        let name = file_name(self.name, &mut self.next);
        let written = RunFile::write(&self.folder, name, |to| merge::merge_all_into(runs, to))?;
        self.files.push(written);
        self.in_memory.clear();
        if self.files.len() > MAX_FILES {
            self.join_shortest_files()?;
        }
        Ok(())
    }

    /// Merges the two neighbours with the smallest total length.
    fn join_shortest_files(&mut self) -> anyhow::Result<()> {
        let Some(first) = shortest_neighbours(&self.files, RunFile::len) else {
            return Ok(());
        };
        let name = file_name(self.name, &mut self.next);
        let (older, newer) = (&self.files[first], &self.files[first + 1]);
        let joined = RunFile::write(&self.folder, name, |to| merge::merge_into(older, newer, to))?;
        let newer = self.files.remove(first + 1);
        let older = std::mem::replace(&mut self.files[first], joined);
        older.discard()?;
        newer.discard()
    }
}

/// Position of the first of the two neighbours with the smallest total length. `None` for fewer than
/// two runs.
fn shortest_neighbours<T>(runs: &[T], length: impl Fn(&T) -> u64) -> Option<usize> {
    let pairs = runs.windows(2);
    let lengths = pairs.map(|pair| length(&pair[0]) + length(&pair[1]));
    let shortest = lengths.enumerate().min_by_key(|(_, length)| *length);
    shortest.map(|(first, _)| first)
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
