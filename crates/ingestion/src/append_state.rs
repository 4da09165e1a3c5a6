//! The state of finaldata.csv that appending continues from, stored from one ingestion to the next.
//!
//! The state is stored in a *carry* file and in files of sorted fingerprints. Both are written after
//! the ledger's commit and not synced. The carry is used only if it belongs to the committed bytes, the
//! fingerprint files only while their checksums are right. Otherwise all of it is rebuilt from
//! finaldata.csv.
//!
//! While size, time and inode of finaldata.csv are unchanged, its content counts as unchanged. Its time
//! is set a nanosecond apart from the clock's, so that no later write can repeat it.

use std::borrow::Cow;
use std::fs;

use common::artifact::{self, Format};
use common::digest::{self, Hasher};
use common::ledger::{FileStamp, Ledger};
use common::{Config, Layout, Schema, files, regular};
use dataset::{
    Fingerprint, FingerprintKey, FingerprintSet, StoredRun, Table, is_run_name, read_final_data,
};
use serde::{Deserialize, Serialize};

use crate::lay::Reading;
use crate::memory::JUDGED;
use crate::summarised::Summarised;

/// Prefix of the names of the fingerprint files.
const ROWS: &str = "rows";

const FORMAT: Format = Format {
    name: "risk ingestion carry",
    version: 3,
};

/// The state that appending continues from.
pub(crate) struct AppendState {
    /// Running digest of finaldata.csv.
    pub(crate) hasher: Hasher,
    /// Summary of the rows.
    pub(crate) summarised: Summarised,
    /// Fingerprints of the rows.
    pub(crate) known: FingerprintSet,
}

/// The stored form of the state.
#[derive(Serialize, Deserialize)]
struct Carry<'a> {
    /// Length of finaldata.csv that the state belongs to.
    committed_bytes: u64,
    digest: String,
    /// The running digest of those bytes.
    hasher: Vec<u8>,
    /// Size, time and inode of finaldata.csv.
    stamp: FileStamp,
    /// Fingerprint that identifies the key of the others.
    key: Fingerprint,
    summarised: Cow<'a, Summarised>,
    runs: Vec<StoredRun>,
}

impl AppendState {
    /// The state of a file without rows.
    pub(crate) fn empty(reading: &Reading<'_>) -> Self {
        let Reading {
            layout,
            schema,
            memory,
            ..
        } = reading;
        Self {
            hasher: Hasher::new(),
            summarised: Summarised::new(schema),
            known: FingerprintSet::new(&layout.row_fingerprints(), ROWS, memory.known()),
        }
    }

    /// The state of the committed rows, or why finaldata.csv does not hold them.
    pub(crate) fn committed(
        config: &Config,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let layout = &config.layout;
        let Some((carry, hasher)) = Carry::load(layout, ledger, reading.key, reading.schema) else {
            return Self::read(config, ledger, reading);
        };
        let (folder, memory) = (layout.row_fingerprints(), reading.memory.known());
        let known = match FingerprintSet::open(&folder, ROWS, memory, &carry.runs) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!("{error:#}");
                return Self::read(config, ledger, reading);
            }
        };
        if !carry.has_stamp_of(layout)
            && let Some(damage) = damage(layout, ledger)?
        {
            return Ok(Err(damage));
        }
        Ok(Ok(Self {
            hasher,
            summarised: carry.summarised.into_owned(),
            known,
        }))
    }

    /// The state of the committed rows, rebuilt by reading them all.
    fn read(
        config: &Config,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let mut state = Self::empty(reading);
        let mut waiting = Vec::new();
        let mut block = Table::new(reading.schema);
        let mut unwritten = None;
        let read = read_final_data(config, ledger, Some(reading.key), |rows| {
            block.append_all(rows);
            state.summarised.add(&block, 0..block.rows());
            block.clear();
            waiting.extend_from_slice(&rows.fingerprints);
            if size_of_val(waiting.as_slice()) as u64 >= reading.memory.pending() / 4 {
                if let Err(error) = state.known.add(&waiting) {
                    unwritten = Some(error);
                    anyhow::bail!("its rows cannot be remembered");
                }
                waiting.clear();
            }
            Ok(())
        });
        match (read, unwritten) {
            // The disk is full, for example; that is no damage of what was read.
            (_, Some(error)) => Err(error),
            (Err(error), None) => Ok(Err(error.root_cause().to_string())),
            (Ok(hasher), None) => {
                state.known.add(&waiting)?;
                Ok(Ok(Self { hasher, ..state }))
            }
        }
    }

    /// Stores the state for the next ingestion; the ledger that it belongs to is committed.
    ///
    /// A failure is logged: the next ingestion rebuilds the state.
    pub(crate) fn keep(&mut self, reading: &Reading<'_>, ledger: &Ledger, stamp: FileStamp) {
        match self.try_to_keep(reading, ledger, stamp) {
            Ok(runs) => remove_all_but(reading.layout, &runs),
            Err(error) => {
                tracing::warn!("the next ingestion has to read finaldata.csv whole: {error:#}");
            }
        }
    }

    fn try_to_keep(
        &mut self,
        reading: &Reading<'_>,
        ledger: &Ledger,
        stamp: FileStamp,
    ) -> anyhow::Result<Vec<StoredRun>> {
        self.summarised.shrink();
        let carry = Carry {
            committed_bytes: ledger.committed_bytes,
            digest: ledger.digest.clone(),
            hasher: self.hasher.state(),
            stamp,
            key: key_check(reading.key),
            summarised: Cow::Borrowed(&self.summarised),
            runs: self.known.store()?,
        };
        let bytes = artifact::encode(FORMAT, &carry)?;
        files::replace_unsynced(&reading.layout.ingestion_carry(), &bytes)?;
        Ok(carry.runs)
    }
}

impl Carry<'_> {
    /// The stored state with its running digest, if it belongs to the committed bytes and this key.
    fn load(
        layout: &Layout,
        ledger: &Ledger,
        key: &FingerprintKey,
        schema: &Schema,
    ) -> Option<(Self, Hasher)> {
        let bytes = regular::read(&layout.ingestion_carry()).ok()?;
        let carry: Self = artifact::decode(FORMAT, &bytes)
            .inspect_err(|error| {
                tracing::warn!(
                    "{}: {error}; it is rebuilt",
                    layout.ingestion_carry().display()
                );
            })
            .ok()?;
        let hasher = Hasher::continuing(&carry.hasher)?;
        let n_known = carry
            .runs
            .iter()
            .try_fold(0_u64, |sum, run| sum.checked_add(run.length));
        let is_of_these = carry.committed_bytes == ledger.committed_bytes
            && carry.digest == ledger.digest
            && hasher.clone().finish() == ledger.digest
            && carry.key == key_check(key)
            && n_known == Some(ledger.rows)
            && carry.summarised.can_be_of(ledger.rows, schema);
        is_of_these.then_some((carry, hasher))
    }

    fn has_stamp_of(&self, layout: &Layout) -> bool {
        let found = layout.final_data().metadata();
        self.stamp != FileStamp::default()
            && found.is_ok_and(|metadata| FileStamp::of(&metadata) == self.stamp)
    }
}

/// What the file system says of finaldata.csv, which was just written, once no later write can
/// leave it so; the stamp of no file where the file system cannot tell.
pub(crate) fn set_apart(layout: &Layout) -> FileStamp {
    let path = layout.final_data();
    match files::set_time_apart(&path) {
        Ok(metadata) => FileStamp::of(&metadata),
        Err(error) => {
            // Then the next ingestion compares its digest, which takes longer.
            tracing::debug!("{}: {error}", path.display());
            FileStamp::default()
        }
    }
}

/// Why finaldata.csv is not what was committed, found by reading all of it unless nobody has
/// written to it since; `None` when it is.
pub(crate) fn damage_since(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let carry = regular::read(&layout.ingestion_carry())
        .ok()
        .and_then(|bytes| artifact::decode::<Carry<'_>>(FORMAT, &bytes).ok());
    let is_as_left = carry.is_some_and(|carry| {
        carry.committed_bytes == ledger.committed_bytes
            && carry.digest == ledger.digest
            && carry.has_stamp_of(layout)
    });
    if is_as_left {
        return Ok(None);
    }
    damage(layout, ledger)
}

/// Why finaldata.csv is not what was committed, found by reading all of it; `None` when it is.
pub(crate) fn damage(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let path = layout.final_data();
    let found = digest::of_file_start(&path, ledger.committed_bytes)?;
    let is_whole = found.as_ref() == Some(&ledger.digest);
    Ok((!is_whole).then(|| format!("{} was changed", path.display())))
}

/// Removes the stored state, so that it is rebuilt.
pub(crate) fn forget(layout: &Layout) -> anyhow::Result<()> {
    files::remove_file(&layout.ingestion_carry())
}

/// Fingerprint that no row has. It differs from key to key.
fn key_check(key: &FingerprintKey) -> Fingerprint {
    key.of_row(b"", &[], None)
}

/// Removes the fingerprint files of a failed ingestion.
pub(crate) fn sweep(layout: &Layout) {
    let runs = regular::read(&layout.ingestion_carry())
        .ok()
        .and_then(|bytes| artifact::decode::<Carry<'_>>(FORMAT, &bytes).ok())
        .map(|carry| carry.runs);
    remove_all_but(layout, &runs.unwrap_or_default());
}

/// Removes the fingerprint files that are not in use. A file that cannot be removed is left to the
/// next ingestion.
fn remove_all_but(layout: &Layout, runs: &[StoredRun]) {
    let folder = layout.row_fingerprints();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_ours = is_run_name(&name, ROWS) || is_run_name(&name, JUDGED);
        if is_ours
            && !runs.iter().any(|run| name == run.name.as_str())
            && let Err(error) = files::remove_file(&entry.path())
        {
            tracing::warn!("old fingerprints could not be removed: {error:#}");
        }
    }
}
