//! The state that appending to finaldata.csv continues from, and its storage between ingestions.
//!
//! A *carry* file and files of sorted fingerprints store this state. Both are written after the
//! ledger's commit and are not synced. The carry counts only if it belongs to the committed bytes.
//! The fingerprint files count only while their checksums match. Otherwise the state is rebuilt
//! from finaldata.csv.
//!
//! While size, modification time and inode of finaldata.csv are unchanged, its content is assumed
//! to be unchanged. The modification time is set one nanosecond apart from the clock, so that no
//! later write can repeat it.

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

use crate::memory::EVALUATED_RUN_PREFIX;
use crate::reading::Reading;
use crate::summary_state::SummaryState;

/// Prefix of the names of the fingerprint files.
const ROW_RUN_PREFIX: &str = "rows";

const FORMAT: Format = Format {
    name: "risk ingestion carry",
    version: 3,
};

/// State that appending continues from.
pub(crate) struct AppendState {
    /// Running SHA-256 of finaldata.csv.
    pub(crate) hasher: Hasher,
    /// Summary of the rows.
    pub(crate) summary_state: SummaryState,
    /// Fingerprints of the rows.
    pub(crate) known: FingerprintSet,
}

/// The stored form of [`AppendState`], in the file `ingestion.carry`.
#[derive(Serialize, Deserialize)]
struct Carry<'a> {
    /// Length in bytes of the finaldata.csv that the carry belongs to.
    committed_bytes: u64,
    digest: String,
    /// Running SHA-256 of those bytes.
    hasher: Vec<u8>,
    /// Size, time and inode of finaldata.csv.
    stamp: FileStamp,
    /// A fingerprint that identifies the key of the other fingerprints.
    key: Fingerprint,
    #[serde(rename = "summarised")]
    summary_state: Cow<'a, SummaryState>,
    runs: Vec<StoredRun>,
}

impl AppendState {
    /// State of a file without rows.
    pub(crate) fn empty(reading: &Reading<'_>) -> Self {
        let Reading {
            layout,
            schema,
            memory,
            ..
        } = reading;
        Self {
            hasher: Hasher::new(),
            summary_state: SummaryState::new(schema),
            known: FingerprintSet::new(
                &layout.row_fingerprints(),
                ROW_RUN_PREFIX,
                memory.known_rows(),
            ),
        }
    }

    /// Loads the state of the committed rows. Returns the reason if finaldata.csv does not hold the
    /// committed rows.
    pub(crate) fn load(
        config: &Config,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let layout = &config.layout;
        let Some((carry, hasher)) = Carry::load(layout, ledger, reading.key, reading.schema) else {
            return Self::read(config, ledger, reading);
        };
        let (folder, memory) = (layout.row_fingerprints(), reading.memory.known_rows());
        let known = match FingerprintSet::open(&folder, ROW_RUN_PREFIX, memory, &carry.runs) {
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
            summary_state: carry.summary_state.into_owned(),
            known,
        }))
    }

    /// Rebuilds the state by reading all committed rows.
    fn read(
        config: &Config,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let mut append_state = Self::empty(reading);
        let mut waiting = Vec::new();
        let mut block = Table::new(reading.schema);
        let mut unwritten = None;
        let read = read_final_data(config, ledger, Some(reading.key), |rows| {
            block.append_all(rows);
            append_state.summary_state.add(&block, 0..block.rows());
            block.clear();
            waiting.extend_from_slice(&rows.fingerprints);
            if size_of_val(waiting.as_slice()) as u64 >= reading.memory.pending_rows() / 4 {
                if let Err(error) = append_state.known.add(&waiting) {
                    unwritten = Some(error);
                    anyhow::bail!("its rows cannot be remembered");
                }
                waiting.clear();
            }
            Ok(())
        });
        match (read, unwritten) {
            // A full disk, for example, is not damage of the file that was read.
            (_, Some(error)) => Err(error),
            (Err(error), None) => Ok(Err(error.root_cause().to_string())),
            (Ok(hasher), None) => {
                append_state.known.add(&waiting)?;
                Ok(Ok(Self {
                    hasher,
                    ..append_state
                }))
            }
        }
    }

    /// Stores the state for the next ingestion. Call this after the ledger is committed.
    ///
    /// A failure is logged only: the next ingestion rebuilds the state.
    pub(crate) fn store(&mut self, reading: &Reading<'_>, ledger: &Ledger, stamp: FileStamp) {
        match self.try_to_store(reading, ledger, stamp) {
            Ok(runs) => remove_runs_except(reading.layout, &runs),
            Err(error) => {
                tracing::warn!("the next ingestion has to read finaldata.csv whole: {error:#}");
            }
        }
    }

    fn try_to_store(
        &mut self,
        reading: &Reading<'_>,
        ledger: &Ledger,
        stamp: FileStamp,
    ) -> anyhow::Result<Vec<StoredRun>> {
        self.summary_state.shrink();
        let carry = Carry {
            committed_bytes: ledger.committed_bytes,
            digest: ledger.digest.clone(),
            hasher: self.hasher.state(),
            stamp,
            key: key_fingerprint(reading.key),
            summary_state: Cow::Borrowed(&self.summary_state),
            runs: self.known.store()?,
        };
        let bytes = artifact::encode(FORMAT, &carry)?;
        files::replace_unsynced(&reading.layout.ingestion_carry(), &bytes)?;
        Ok(carry.runs)
    }
}

impl Carry<'_> {
    /// Loads the carry and its running digest. Returns `None` unless the carry belongs to the
    /// committed bytes and to this key.
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
            && carry.key == key_fingerprint(key)
            && n_known == Some(ledger.rows)
            && carry.summary_state.fits(ledger.rows, schema);
        is_of_these.then_some((carry, hasher))
    }

    fn has_stamp_of(&self, layout: &Layout) -> bool {
        let found = layout.final_data().metadata();
        self.stamp != FileStamp::default()
            && found.is_ok_and(|metadata| FileStamp::of(&metadata) == self.stamp)
    }
}

/// Gives the freshly written finaldata.csv a modification time that no later write can repeat.
/// Returns the new stamp, or the default stamp if the time cannot be set.
pub(crate) fn set_distinct_time(layout: &Layout) -> FileStamp {
    let path = layout.final_data();
    match files::set_back_modified_time(&path) {
        Ok(metadata) => FileStamp::of(&metadata),
        Err(error) => {
            // The next ingestion then compares the digest, which takes longer.
            tracing::debug!("{}: {error}", path.display());
            FileStamp::default()
        }
    }
}

/// Reason why finaldata.csv differs from what was committed, or `None`. Reads the whole file only
/// if it was written to since the commit.
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

/// Reason why finaldata.csv differs from what was committed, or `None`. Reads all committed bytes.
pub(crate) fn damage(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let path = layout.final_data();
    let found = digest::of_file_start(&path, ledger.committed_bytes)?;
    let is_whole = found.as_ref() == Some(&ledger.digest);
    Ok((!is_whole).then(|| format!("{} was changed", path.display())))
}

/// Removes the carry, so that the next ingestion rebuilds the state.
pub(crate) fn remove_carry(layout: &Layout) -> anyhow::Result<()> {
    files::remove_file(&layout.ingestion_carry())
}

/// A fingerprint that no row has. It differs between two keys.
fn key_fingerprint(key: &FingerprintKey) -> Fingerprint {
    key.of_row(b"", &[], None)
}

/// Removes the fingerprint files that an unfinished write left.
pub(crate) fn remove_unused_runs(layout: &Layout) {
    let runs = regular::read(&layout.ingestion_carry())
        .ok()
        .and_then(|bytes| artifact::decode::<Carry<'_>>(FORMAT, &bytes).ok())
        .map(|carry| carry.runs);
    remove_runs_except(layout, &runs.unwrap_or_default());
}

/// Removes fingerprint files that are no longer used. A file that cannot be removed is left to the
/// next ingestion.
fn remove_runs_except(layout: &Layout, runs: &[StoredRun]) {
    let folder = layout.row_fingerprints();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_ours =
            is_run_name(&name, ROW_RUN_PREFIX) || is_run_name(&name, EVALUATED_RUN_PREFIX);
        if is_ours
            && !runs.iter().any(|run| name == run.name.as_str())
            && let Err(error) = files::remove_file(&entry.path())
        {
            tracing::warn!("old fingerprints could not be removed: {error:#}");
        }
    }
}
