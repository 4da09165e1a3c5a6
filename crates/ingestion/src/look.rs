//! Looking for input that the ledger does not know.
//!
//! A file is known by its folder and the SHA-256 of its bytes. While size, modification time and
//! inode are those of the last look, the content is taken to be the same and is not read.

mod digests;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use common::ledger::{FileStamp, FileStatus, Ledger, LedgerFile};
use common::{Config, regular};
use dataset::{FoundFile, SkippedEntry, is_compressed};
use jiff::Timestamp;

use self::digests::{age, digests, is_in_grain};
use self::known::{Content, Known};
use crate::Prepared;
use crate::judged::is_intact;
use crate::removal::{Devices, devices_now, stop_if_unconfirmed};
use crate::report::IngestReport;

pub(crate) use self::known::content;

/// What stands in the input folders, held against the ledger.
#[derive(Debug, Default)]
pub struct Look {
    /// Files with content that the ledger does not know, in ingestion order.
    pub(crate) unknown: Vec<Unknown>,
    /// Where the content of each known file is now.
    pub(crate) places: BTreeMap<Content, PathBuf>,
    /// Known content that is nowhere any more.
    pub(crate) missing: Vec<LedgerFile>,
    /// Names or stamps of known content that the ledger has otherwise.
    pub(crate) restamped: Vec<Candidate>,
    /// Entries that are no client data.
    pub ignored: Vec<SkippedEntry>,
    /// Files that could not be taken this time.
    pub waiting: Vec<SkippedEntry>,
    /// Input folders without a CSV file.
    pub empty_folders: Vec<String>,
    /// Why finaldata.csv cannot serve as it is, though its files and their order do.
    pub(crate) damage: Option<String>,
    /// Why the rows have to stand in another order.
    pub(crate) reorder: Option<String>,
    /// Nothing was ingested before.
    pub(crate) is_first: bool,
    /// The device of each input folder.
    pub(crate) devices: Devices,
}

/// A file and the digest of its content.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) file: FoundFile,
    pub(crate) sha256: String,
}

/// A file that is to be taken in.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    pub(crate) file: FoundFile,
    /// The digest of its content; `None` when no other file can have the same: then it is taken
    /// as the file is read.
    pub(crate) sha256: Option<String>,
}

/// Looks at the input folders; reads only files that changed since the last look.
///
/// An error where all that a folder held seems to be gone, which a person has to confirm.
pub fn look(config: &Config, prepared: &Prepared, now: Timestamp) -> anyhow::Result<Look> {
    let found = look_at(config, prepared, now)?;
    stop_if_unconfirmed(config, prepared, &found)?;
    Ok(found)
}

/// [`look`], whatever is gone.
pub(crate) fn look_at(
    config: &Config,
    prepared: &Prepared,
    now: Timestamp,
) -> anyhow::Result<Look> {
    let ledger = &prepared.ledger;
    let listing = dataset::list(&config.input_folders)?;
    let mut found = Look {
        empty_folders: listing.empty_folders(&config.input_folders),
        ignored: listing.ignored,
        waiting: listing.unreadable,
        damage: damage(config, ledger),
        reorder: reason_to_reorder(config, prepared),
        is_first: ledger.files.is_empty(),
        devices: devices_now(&config.input_folders),
        ..Look::default()
    };
    let known = Known::of(ledger);
    let mut ready = Vec::new();
    for file in listing.files {
        match known.digest(&file) {
            Some(sha256) => found.note_known(file, sha256.to_owned(), false),
            None if found.is_ready(&file, config, now) => ready.push(file),
            None => {}
        }
    }
    let digests = digests(&ready, prepared, now);
    let mut new_content = BTreeSet::new();
    for (file, digest) in ready.into_iter().zip(digests) {
        let Some(digest) = digest else {
            found.unknown.push(Unknown { file, sha256: None });
            continue;
        };
        let Some(candidate) = found.hashed(file, digest, now) else {
            continue;
        };
        let content = candidate.content();
        if known.content.contains(&content) {
            found.note_known(candidate.file, candidate.sha256, true);
        } else if new_content.insert(content) {
            found.unknown.push(candidate.into());
        } else {
            found.restamped.push(candidate);
        }
    }
    found.missing = ledger
        .files
        .iter()
        .filter(|file| {
            file.status != FileStatus::Copy && !found.is_there(file) && !found.is_held_up(file)
        })
        .cloned()
        .collect();
    Ok(found)
}

impl Look {
    /// Whether there is nothing to take in.
    pub fn is_nothing_new(&self) -> bool {
        self.unknown.is_empty()
            && self.missing.is_empty()
            && self.damage.is_none()
            && self.reorder.is_none()
    }

    /// Whether the content of a file that the ledger knows is still somewhere.
    pub(crate) fn is_there(&self, file: &LedgerFile) -> bool {
        self.places.contains_key(&content(file))
    }

    /// Notes that finaldata.csv does not hold what the ledger says.
    pub fn note_damage(&mut self, reason: String) {
        self.damage.get_or_insert(reason);
    }

    /// Whether a known file cannot be looked at now; that does not make it a removed one.
    fn is_held_up(&self, file: &LedgerFile) -> bool {
        self.waiting
            .iter()
            .any(|entry| entry.covers(&file.folder, &file.name))
    }

    /// What keeps a file that the ledger knows from being read, if anything does.
    pub(crate) fn held_up(&self, ledger: &Ledger) -> Option<String> {
        let file = ledger.files.iter().find(|file| {
            file.status != FileStatus::Copy && !self.is_there(file) && self.is_held_up(file)
        })?;
        let entry = self
            .waiting
            .iter()
            .find(|entry| entry.covers(&file.folder, &file.name))?;
        Some(entry.to_string())
    }

    /// The report of an ingestion that had nothing to do.
    pub fn report_nothing_new(&self, ledger: &Ledger) -> IngestReport {
        IngestReport {
            ignored: self.ignored.clone(),
            waiting: self.waiting.clone(),
            empty_folders: self.empty_folders.clone(),
            total_rows: ledger.rows,
            ..IngestReport::default()
        }
    }

    /// The ledger with the names and stamps found now; `None` when it has them already.
    pub fn restamp(&self, ledger: &Ledger) -> Option<Ledger> {
        if self.restamped.is_empty() {
            return None;
        }
        let mut restamped = ledger.clone();
        let mut of_name: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (position, known) in ledger.files.iter().enumerate() {
            let name = (known.folder.as_str(), known.name.as_str());
            of_name.entry(name).or_default().push(position);
        }
        for Candidate { file, sha256 } in &self.restamped {
            let positions = of_name.get(&(file.folder.as_str(), file.name.as_str()));
            let is_this = |position: &&usize| {
                let known = &ledger.files[**position];
                known.sha256 == *sha256 || known.status == FileStatus::Copy
            };
            // Of several entries of a name the last one is looked up.
            match positions.and_then(|positions| positions.iter().rev().find(is_this)) {
                Some(position) => {
                    let known = &mut restamped.files[*position];
                    known.stamp = file.stamp;
                    known.sha256.clone_from(sha256);
                }
                None => restamped.files.push(LedgerFile {
                    folder: file.folder.clone(),
                    name: file.name.clone(),
                    sha256: sha256.clone(),
                    stamp: file.stamp,
                    status: FileStatus::Copy,
                    reason: None,
                    rows: Default::default(),
                }),
            }
        }
        Some(restamped)
    }

    fn note_known(&mut self, file: FoundFile, sha256: String, was_hashed: bool) {
        let candidate = Candidate { file, sha256 };
        self.places
            .entry(candidate.content())
            .or_insert_with(|| candidate.file.path.clone());
        if was_hashed {
            self.restamped.push(candidate);
        }
    }

    /// Whether a file may be read; if not, it is noted with the reason among the waiting.
    fn is_ready(&mut self, file: &FoundFile, config: &Config, now: Timestamp) -> bool {
        let settle = config
            .ingestion
            .settle_seconds
            .saturating_mul(1_000_000_000);
        // A time in the future says nothing about the age.
        let is_young = (0..i64::try_from(settle).unwrap_or(i64::MAX)).contains(&age(file, now));
        match ends_mid_line(file) {
            Ok(true) if is_young => {
                self.wait(
                    file,
                    "it ends in the middle of a line and is still young",
                    false,
                );
                false
            }
            Ok(_) => true,
            Err(error) => {
                self.wait(file, &error.to_string(), true);
                false
            }
        }
    }

    /// The file with its digest, or `None` with the reason among the waiting.
    fn hashed(
        &mut self,
        mut file: FoundFile,
        digest: anyhow::Result<(String, u64)>,
        now: Timestamp,
    ) -> Option<Candidate> {
        match digest {
            Ok((_, length)) if length != file.stamp.size => {
                self.wait(&file, "it is being written", false);
                None
            }
            Ok((sha256, _)) => {
                if is_in_grain(&file, now) {
                    file.stamp = FileStamp::default();
                }
                Some(Candidate { file, sha256 })
            }
            Err(error) => {
                self.wait(&file, &error.root_cause().to_string(), true);
                None
            }
        }
    }

    fn wait(&mut self, file: &FoundFile, reason: &str, is_unreadable: bool) {
        self.waiting.push(SkippedEntry {
            folder: file.folder.clone(),
            name: file.name.clone(),
            reason: reason.into(),
            is_unreadable,
        });
    }
}

impl From<Candidate> for Unknown {
    fn from(Candidate { file, sha256 }: Candidate) -> Self {
        Self {
            file,
            sha256: Some(sha256),
        }
    }
}

impl Candidate {
    pub(crate) fn content(&self) -> Content {
        (self.file.folder.clone(), self.sha256.clone())
    }
}

fn ends_mid_line(found: &FoundFile) -> std::io::Result<bool> {
    if is_compressed(&found.path) {
        // A compressed file that is cut says so itself when it is read.
        return Ok(false);
    }
    let mut file = regular::open(&found.path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(!matches!(last[0], b'\n' | b'\r'))
}

/// Why the recorded order cannot stay.
fn reason_to_reorder(config: &Config, prepared: &Prepared) -> Option<String> {
    let ledger = &prepared.ledger;
    if ledger.committed_bytes == 0 {
        None
    } else if ledger.schema != config.schema.digest() {
        Some("the schema has changed".into())
    } else if !is_intact(&config.layout, ledger) {
        Some("the fingerprints of the judged rows were lost".into())
    } else if prepared.has_scattered_judged_rows {
        Some("the live model was fitted to rows that stand among others".into())
    } else {
        None
    }
}

/// Why finaldata.csv has to be made anew, from what costs nothing to see.
pub(crate) fn damage(config: &Config, ledger: &Ledger) -> Option<String> {
    if ledger.rebuilding {
        return Some("the last rebuild was interrupted".into());
    }
    if ledger.committed_bytes == 0 {
        return None;
    }
    let short = |path: PathBuf, committed: u64| {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        (length < committed).then(|| format!("{} was cut or removed", path.display()))
    };
    short(config.layout.final_data(), ledger.committed_bytes)
        .or_else(|| short(config.layout.rejected_rows(), ledger.rejected_bytes))
}

#[cfg(test)]
mod tests;
