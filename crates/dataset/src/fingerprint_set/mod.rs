//! A set of fingerprints that grows beyond memory and stays on disk.
//!
//! It is a few *runs*, each sorted: in memory, or in a file that is written once and read page by
//! page. What is asked of it comes sorted too, so a few fingerprints read a few pages, and many
//! read each page once. There are few runs: beyond that, the two neighbours that are shortest
//! together are joined, so long runs are seldom written again. Runs that take more than the memory
//! allowed go to files; it is the same set wherever they are.
//!
//! It knows no rows: telling which of some rows come first is [`firsts`]'s part.

mod firsts;
mod merge;
mod page;
mod pages;
mod run;
mod run_reader;
mod run_writer;

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use common::files;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::pages::RunFile;
use self::run::Run;
use crate::fingerprint::Fingerprint;

pub use firsts::{Firsts, firsts};

/// Runs that a set has at most: each is looked into for every fingerprint that is asked for.
const MOST_RUNS: usize = 16;
/// Fingerprints that one thread looks for at a time.
const WANTED_AT_ONCE: usize = 8192;
/// Ends the name of a run's file.
const SUFFIX: &str = ".run";

/// Different fingerprints.
pub struct FingerprintSet {
    /// Where runs that are not in memory go.
    folder: PathBuf,
    /// Begins the names of their files.
    name: &'static str,
    /// Bytes that runs in memory may take.
    memory: u64,
    /// From the oldest to the newest.
    runs: Vec<Run>,
    /// The number of the next file.
    next: u64,
}

/// A run in a file, by which it is opened again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRun {
    /// File name.
    pub name: String,
    /// Fingerprints in it.
    pub length: u64,
    /// Checksum over the first fingerprint of each page.
    pub checksum: u32,
}

/// A file of fingerprints is not what was written; the set has to be made anew from the rows.
#[derive(Debug)]
pub struct DamagedRun {
    path: PathBuf,
}

impl fmt::Display for DamagedRun {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} was damaged or removed; it is made anew from finaldata.csv",
            self.path.display()
        )
    }
}

impl std::error::Error for DamagedRun {}

impl FingerprintSet {
    /// An empty set that keeps about `memory` bytes in memory and the rest in `folder`, in new files
    /// whose names begin with `name`.
    pub fn new(folder: &Path, name: &'static str, memory: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            name,
            memory,
            runs: Vec::new(),
            next: number_after_those_in(folder, name),
        }
    }

    /// Opens the set that was stored as these runs; [`DamagedRun`] when one is not what it was.
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

    /// Fingerprints in it.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(Run::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which of these, in ascending order, are in the set.
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

    /// Of each of these, in any order, whether it is in the set.
    pub fn contains_each(&self, rows: &[Fingerprint]) -> anyhow::Result<Vec<bool>> {
        let asked = firsts(std::iter::once(rows)).fingerprints;
        let found = self.contains(&asked)?;
        let is_there = |row| {
            asked
                .binary_search(row)
                .is_ok_and(|position| found[position])
        };
        Ok(rows.iter().map(is_there).collect())
    }

    /// Adds fingerprints in any order, and returns those that were not in the set, in ascending
    /// order.
    pub fn add(&mut self, rows: &[Fingerprint]) -> anyhow::Result<Vec<Fingerprint>> {
        let mut new = firsts(std::iter::once(rows));
        new.drop_where(&self.contains(&new.fingerprints)?);
        self.insert(new.fingerprints.clone())?;
        Ok(new.fingerprints)
    }

    /// Adds fingerprints in ascending order, none of which is in the set.
    pub fn insert(&mut self, sorted: Vec<Fingerprint>) -> anyhow::Result<()> {
        if sorted.is_empty() {
            return Ok(());
        }
        self.runs.push(Run::Memory(sorted));
        if self.runs.len() > MOST_RUNS {
            self.join_shortest()?;
        }
        while self.bytes_in_memory() > self.memory {
            self.write_oldest()?;
        }
        Ok(())
    }

    /// Writes what is only in memory to files, and says what the set consists of. Those files are
    /// not changed or removed by this set any more.
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

    /// Joins the two neighbours that are shortest together.
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

    /// Writes the oldest run that is in memory to a file.
    fn write_oldest(&mut self) -> anyhow::Result<()> {
        let in_memory = self.runs.iter().position(|run| run.bytes_in_memory() > 0);
        let Some(position) = in_memory else {
            return Ok(());
        };
        let run = std::mem::replace(&mut self.runs[position], Run::Memory(Vec::new()));
        self.runs[position] = self.write(|to| run.write_to(to))?;
        Ok(())
    }

    /// Writes all runs that are in memory to files, several at a time.
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
        write: impl FnOnce(&mut run_writer::RunWriter<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Run> {
        files::create_folder(&self.folder)?;
        let name = file_name(self.name, &mut self.next);
        RunFile::write(&self.folder, name, write).map(Run::File)
    }
}

/// The name of the next file.
fn file_name(name: &str, next: &mut u64) -> String {
    let number = *next;
    *next += 1;
    format!("{name}-{number:06}{SUFFIX}")
}

/// Whether a file name is one that a set gives whose names begin so.
pub fn is_run_name(file: &OsStr, name: &str) -> bool {
    file.to_str().is_some_and(|file| number_of(file, name) > 0)
}

/// A number that no file of the name has: one that is there may belong to a stored set.
fn number_after_those_in(folder: &Path, name: &str) -> u64 {
    // Where the folder cannot be listed, no file can be written either.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.map(|entry| number_of(&entry.file_name().to_string_lossy(), name));
    numbers.max().unwrap_or(0) + 1
}

/// The number in the name of a run's file; 0 when it has none.
fn number_of(file: &str, name: &str) -> u64 {
    file.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
