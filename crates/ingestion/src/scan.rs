//! Scanning the input folders for files that the ledger does not know.
//!
//! A file is identified by its folder and the SHA-256 of its bytes. While size, modification time
//! and inode are those of the last scan, the content is assumed to be unchanged and is not read.

mod digests;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use common::ledger::{FileStamp, FileStatus, Ledger, LedgerFile};
use common::{Config, History, Manifest, files, regular};
use dataset::{FoundFile, SkippedEntry, is_compressed};
use jiff::Timestamp;

use self::digests::{digest_of_stamp, digests, is_within_clock_grain, since_last_change};
use self::known::{Content, KnownFiles};
use crate::devices::{Devices, devices_now};
use crate::evaluated::{loss, noted_loss};
use crate::prepared::Prepared;
use crate::report::{DeferredRebuild, IngestReport};

pub(crate) use self::known::content;

/// Difference between the input folders and the ledger.
#[derive(Debug, Default)]
pub struct InputScan {
    /// Files whose content the ledger does not know, in ingestion order.
    pub(crate) new_files: Vec<NewFile>,
    /// Current path of each known content.
    pub(crate) paths: BTreeMap<Content, PathBuf>,
    /// Files of the ledger whose content is in no input folder any more.
    pub(crate) missing: Vec<LedgerFile>,
    /// Folder and name of each missing file that is there with other content.
    pub(crate) with_other_content: BTreeSet<(String, String)>,
    /// A rebuild that waits until all known files can be read.
    pub(crate) deferred: Option<Box<DeferredRebuild>>,
    /// Files of known content whose name or stamp differs from the ledger.
    pub(crate) restamped: Vec<HashedFile>,
    /// Entries that are not client data.
    pub ignored: Vec<SkippedEntry>,
    /// Files that could not be ingested this time, each with the reason.
    pub waiting: Vec<SkippedEntry>,
    /// Input folders without a CSV file.
    pub empty_folders: Vec<String>,
    /// Reason why finaldata.csv has to be rebuilt in its recorded order.
    pub(crate) damage: Option<String>,
    /// Reason why the rows need a new order.
    pub(crate) reorder: Option<String>,
    /// Reason why the fingerprints of the evaluated rows are lost although their file has the right length.
    pub(crate) lost_fingerprints: Option<String>,
    /// Reason for a new order that can wait until all known files can be read.
    pub(crate) deferrable_reorder: Option<String>,
    /// True if nothing was ingested before.
    pub(crate) is_first: bool,
    /// Device number of each input folder.
    pub(crate) devices: Devices,
}

/// A file and the SHA-256 of its content.
#[derive(Clone, Debug)]
pub(crate) struct HashedFile {
    pub(crate) file: FoundFile,
    pub(crate) sha256: String,
}

/// A file to ingest.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) file: FoundFile,
    /// SHA-256 of the content. `None` if no other file can have equal content; the digest is then
    /// computed while the file is ingested.
    pub(crate) sha256: Option<String>,
}

/// Scans the input folders. Reads only files that changed since the last scan. Lost folders are
/// not noticed.
pub(crate) fn scan_unconfirmed(
    config: &Config,
    prepared: &Prepared,
    now: Timestamp,
) -> anyhow::Result<InputScan> {
    let ledger = &prepared.ledger;
    let listing = dataset::list(&config.input_folders)?;
    let mut found = InputScan {
        empty_folders: listing.empty_folders(&config.input_folders),
        ignored: listing.ignored,
        waiting: listing.unreadable,
        damage: damage(config, ledger)?,
        reorder: reason_to_reorder(config, prepared)?,
        is_first: ledger.files.is_empty(),
        devices: devices_now(&config.input_folders),
        ..InputScan::default()
    };
    let known = KnownFiles::of(ledger);
    let listed: BTreeSet<(String, String)> = listing
        .files
        .iter()
        .map(|file| (file.folder.clone(), file.name.clone()))
        .collect();
    let mut ready = Vec::new();
    for file in listing.files {
        match known.digest(&file) {
            Some(sha256) => found.add_known(file, sha256.to_owned(), false),
            None if found.is_ready(&file, config, now) => ready.push(file),
            None => {}
        }
    }
    let digests = match config.ingests_on_engine() {
        true => ready.iter().map(digest_of_stamp).collect(),
        false => digests(&ready, prepared, now),
    };
    let mut new_content = BTreeSet::new();
    for (file, digest) in ready.into_iter().zip(digests) {
        let Some(digest) = digest else {
            found.new_files.push(NewFile { file, sha256: None });
            continue;
        };
        let Some(hashed) = found.with_digest(file, digest, now) else {
            continue;
        };
        let content = hashed.content();
        if known.content.contains(&content) {
            found.add_known(hashed.file, hashed.sha256, true);
        } else if new_content.insert(content) {
            found.new_files.push(hashed.into());
        } else {
            found.restamped.push(hashed);
        }
    }
    found.missing = ledger
        .files
        .iter()
        .filter(|file| {
            file.status != FileStatus::Copy
                && !found.has_content_of(file)
                && !found.is_blocked(file)
        })
        .cloned()
        .collect();
    let missing = found.missing.iter();
    let names = missing.map(|file| (file.folder.clone(), file.name.clone()));
    found.with_other_content = names.filter(|name| listed.contains(name)).collect();
    Ok(found)
}

impl InputScan {
    /// True if there is nothing to ingest.
    pub fn is_nothing_new(&self) -> bool {
        self.new_files.is_empty()
            && self.missing.is_empty()
            && self.damage.is_none()
            && self.reorder.is_none()
    }

    /// True if the content of a known file is in an input folder.
    pub(crate) fn has_content_of(&self, file: &LedgerFile) -> bool {
        self.paths.contains_key(&content(file))
    }

    /// Number of known files whose content is there.
    pub(crate) fn n_known(&self) -> u64 {
        self.paths.len() as u64
    }

    /// Records that finaldata.csv does not hold the committed rows. The first reason stays.
    pub fn note_damage(&mut self, reason: String) {
        self.damage.get_or_insert(reason);
    }

    /// Records the loss of the fingerprints of the evaluated rows that an earlier run found, if any.
    pub fn note_earlier_loss(&mut self, history: &History) -> anyhow::Result<()> {
        if let Some(loss) = noted_loss(history)? {
            self.lose_fingerprints(loss);
        }
        Ok(())
    }

    /// Records that the fingerprints of the evaluated rows are lost: they are computed again from
    /// finaldata.csv, and the rows are put in a new order.
    pub(crate) fn lose_fingerprints(&mut self, reason: String) {
        self.reorder.get_or_insert_with(|| lost(&reason));
        self.lost_fingerprints.get_or_insert(reason);
    }

    /// True if a known file cannot be read now. Such a file does not count as removed.
    fn is_blocked(&self, file: &LedgerFile) -> bool {
        self.waiting
            .iter()
            .any(|entry| entry.covers(&file.folder, &file.name))
    }

    /// True if a missing file is there with other content than was ingested.
    pub(crate) fn has_other_content(&self, file: &LedgerFile) -> bool {
        let name = (file.folder.clone(), file.name.clone());
        self.with_other_content.contains(&name)
    }

    /// The entry because of which a known file cannot be read now, or `None` if all can be read.
    pub(crate) fn why_blocked(&self, ledger: &Ledger) -> Option<SkippedEntry> {
        let file = ledger.files.iter().find(|file| {
            file.status != FileStatus::Copy && !self.has_content_of(file) && self.is_blocked(file)
        })?;
        let mut waiting = self.waiting.iter();
        waiting
            .find(|entry| entry.covers(&file.folder, &file.name))
            .cloned()
    }

    /// Notes the reason for a new order of the rows that can wait, if there is one, and defers the
    /// rebuild while a known file cannot be read. Returns true if a rebuild was deferred.
    ///
    /// Call this after the scan, before [`Self::is_nothing_new`]: with nothing but a deferred rebuild
    /// to do, there is nothing new.
    pub fn defer_blocked_rebuild(&mut self, ledger: &Ledger, live: Option<&Manifest>) -> bool {
        self.note_deferrable_reorder(live, false);
        let blocked = self.why_blocked(ledger);
        blocked.is_some_and(|blocked| self.defer_reorder(&blocked, |file| is_fitted_to(live, file)))
    }

    /// Notes the reason for a new order of the rows that can wait, if there is one. `are_rows_back` is
    /// true if a new file has rows that were evaluated before.
    pub(crate) fn note_deferrable_reorder(&mut self, live: Option<&Manifest>, are_rows_back: bool) {
        let is_training_file = |file: &NewFile| is_fitted_to(live, file);
        let reason = if !self.missing.is_empty() {
            Some("input files are gone or have changed")
        } else if self.new_files.iter().any(is_training_file) {
            Some("files that the deployed model was fitted to came back")
        } else if are_rows_back {
            Some("rows that were evaluated before came back")
        } else {
            None
        };
        self.deferrable_reorder = reason.map(str::to_owned);
    }

    /// Defers a rebuild that can wait, because the known file of `blocked` cannot be read now. Everything
    /// else goes on: files that were removed stay ingested. A new file waits if it takes the place of such
    /// a file, or if `needs_rebuild` is true for it.
    ///
    /// Returns false if there is no rebuild, or if it cannot wait.
    pub(crate) fn defer_reorder(
        &mut self,
        blocked: &SkippedEntry,
        needs_rebuild: impl Fn(&NewFile) -> bool,
    ) -> bool {
        let is_urgent = self.reorder.is_some() || self.damage.is_some() || self.is_first;
        if is_urgent || self.deferrable_reorder.take().is_none() {
            return false;
        }
        let removed = std::mem::take(&mut self.missing);
        let names: BTreeSet<(&str, &str)> = removed
            .iter()
            .map(|file| (file.folder.as_str(), file.name.as_str()))
            .collect();
        let (waiting, new_files): (Vec<NewFile>, Vec<NewFile>) =
            std::mem::take(&mut self.new_files)
                .into_iter()
                .partition(|new| {
                    let name = (new.file.folder.as_str(), new.file.name.as_str());
                    names.contains(&name) || needs_rebuild(new)
                });
        self.new_files = new_files;
        let reason = format!("finaldata.csv has to be rebuilt first, which needs {blocked}");
        for NewFile { file, .. } in &waiting {
            self.wait(file, &reason, false);
        }
        let kept = removed.iter().map(LedgerFile::path);
        let waiting = waiting.iter().map(|NewFile { file, .. }| file);
        let waiting = waiting.map(|file| format!("{}/{}", file.folder, file.name));
        let deferred = self.deferred.get_or_insert_with(|| {
            Box::new(DeferredRebuild {
                blocked: format!("{}/{}", blocked.folder, blocked.name),
                reason: blocked.reason.clone(),
                ..DeferredRebuild::default()
            })
        });
        deferred.kept.extend(kept);
        deferred.waiting.extend(waiting);
        true
    }

    /// Report of an ingestion without new input.
    pub fn report_nothing_new(&self, ledger: &Ledger) -> IngestReport {
        IngestReport {
            ignored: self.ignored.clone(),
            waiting: self.waiting.clone(),
            empty_folders: self.empty_folders.clone(),
            deferred: self.deferred.clone(),
            total_rows: ledger.rows,
            ..IngestReport::default()
        }
    }

    /// The ledger with the current names and stamps. `None` if nothing changed.
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
        for HashedFile { file, sha256 } in &self.restamped {
            let positions = of_name.get(&(file.folder.as_str(), file.name.as_str()));
            let is_this = |position: &&usize| {
                let known = &ledger.files[**position];
                known.sha256 == *sha256 || known.status == FileStatus::Copy
            };
            // Of several entries with the same name, the last counts.
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
                    run: None,
                }),
            }
        }
        Some(restamped)
    }

    fn add_known(&mut self, file: FoundFile, sha256: String, is_restamped: bool) {
        let hashed = HashedFile { file, sha256 };
        self.paths
            .entry(hashed.content())
            .or_insert_with(|| hashed.file.path.clone());
        if is_restamped {
            self.restamped.push(hashed);
        }
    }

    /// True if a file may be read. Otherwise adds the file and the reason to `waiting`.
    fn is_ready(&mut self, file: &FoundFile, config: &Config, now: Timestamp) -> bool {
        let settle = config
            .ingestion
            .settle_seconds
            .saturating_mul(1_000_000_000);
        let settle = i64::try_from(settle).unwrap_or(i64::MAX);
        match ends_mid_line(file) {
            Ok(true) if settle > 0 && since_last_change(file, now).is_none() => {
                self.wait(
                    file,
                    "the last line is incomplete, and the file has a time in the future, so it may still be written to: correct the clock or the time (`touch`)",
                    true,
                );
                false
            }
            Ok(true) if since_last_change(file, now).is_some_and(|age| age < settle) => {
                self.wait(
                    file,
                    "the last line is incomplete; the file may still be written to",
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

    /// Returns the file with its digest. On failure, adds the file and the reason to `waiting`.
    fn with_digest(
        &mut self,
        mut file: FoundFile,
        digest: anyhow::Result<(String, u64)>,
        now: Timestamp,
    ) -> Option<HashedFile> {
        match digest {
            Ok((_, length)) if length != file.stamp.size => {
                self.wait(&file, "it is being written", false);
                None
            }
            Ok((sha256, _)) => {
                if is_within_clock_grain(&file, now) {
                    file.stamp = FileStamp::default();
                }
                Some(HashedFile { file, sha256 })
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

impl From<HashedFile> for NewFile {
    fn from(HashedFile { file, sha256 }: HashedFile) -> Self {
        Self {
            file,
            sha256: Some(sha256),
        }
    }
}

impl HashedFile {
    pub(crate) fn content(&self) -> Content {
        (self.file.folder.clone(), self.sha256.clone())
    }
}

fn ends_mid_line(found: &FoundFile) -> std::io::Result<bool> {
    if is_compressed(&found.path) {
        // Reading a truncated compressed file reports the error.
        return Ok(false);
    }
    let mut file = regular::open(&found.path)?;
    let tail = found.stamp.size.min(2);
    file.seek(SeekFrom::End(-(tail as i64)))?;
    let mut last = Vec::new();
    file.take(tail).read_to_end(&mut last)?;
    // A line break of UTF-16 in little-endian order ends with a zero.
    Ok(!matches!(
        last[..],
        [.., b'\n' | b'\r'] | [b'\n' | b'\r', 0]
    ))
}

/// True if the deployed model was fitted to this content. While a model is deployed, the scan hashes
/// every file, so the digest is known.
fn is_fitted_to(live: Option<&Manifest>, file: &NewFile) -> bool {
    is_training_data(live, file.sha256.as_deref())
}

/// True if the deployed model was fitted to the content with this SHA-256.
pub(crate) fn is_training_data(live: Option<&Manifest>, sha256: Option<&str>) -> bool {
    let is_this = |live: &Manifest| {
        let mut fitted = live.data.files.iter().map(|file| file.sha256.as_str());
        fitted.any(|fitted| Some(fitted) == sha256)
    };
    live.is_some_and(is_this)
}

/// Reason why the recorded order of rows cannot be kept, or `None`.
fn reason_to_reorder(config: &Config, prepared: &Prepared) -> anyhow::Result<Option<String>> {
    let ledger = &prepared.ledger;
    Ok(if ledger.committed_bytes == 0 {
        None
    } else if ledger.schema != config.data_digest() {
        Some("the schema or a setting of ingestion has changed".into())
    } else if let Some(loss) = loss(&config.layout, ledger)? {
        Some(lost(&loss))
    } else if prepared.has_scattered_evaluated_rows {
        Some("the deployed model was fitted to rows that are scattered among others".into())
    } else {
        None
    })
}

/// Reason for a new order of the rows, after the fingerprints of the evaluated rows were lost.
fn lost(reason: &str) -> String {
    format!("the fingerprints of the evaluated rows were lost: {reason}")
}

/// Reason to rebuild finaldata.csv that is visible without reading it, or `None`.
pub(crate) fn damage(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    if ledger.rebuilding {
        return Ok(Some("the last rebuild was interrupted".into()));
    }
    if ledger.committed_bytes == 0 {
        return Ok(None);
    }
    let short = |path: PathBuf, committed: u64| {
        let length = files::length_if_present(&path)?.unwrap_or(0);
        let is_short = length < committed;
        anyhow::Ok(is_short.then(|| format!("{} was cut or removed", path.display())))
    };
    match short(config.layout.final_data(), ledger.committed_bytes)? {
        None => short(config.layout.rejected_rows(), ledger.rejected_bytes),
        cut => Ok(cut),
    }
}

#[cfg(test)]
mod tests;
