//! The state that appending to finaldata.csv continues from, and its storage between ingestions.
//!
//! A *carry* file and files of sorted fingerprints store this state. Both are written after the
//! ledger's commit and are not synced. The carry is valid only if it belongs to the committed
//! bytes. The fingerprint files are valid only if their checksums match. Otherwise the state is
//! rebuilt from finaldata.csv.
//!
//! While the stamp of finaldata.csv or rejectedrows.csv is unchanged, the content is assumed to be
//! unchanged. The modification time is set one nanosecond apart from the clock, so that no
//! later write can repeat it.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use common::artifact::{self, Format};
use common::digest::{self, Hasher};
use common::ledger::{FileStamp, Ledger};
use common::{Config, History, Layout, Schema, files, regular};
use dataset::{
    Fingerprint, FingerprintKey, FingerprintSet, StoredFingerprints, Table, Wanted, is_run_name,
    read_final_data,
};
use serde::{Deserialize, Serialize};

use crate::memory::{COMPARED_RUN_PREFIX, EVALUATED_RUN_PREFIX, OWN_RUN_PREFIX};
use crate::pairing::Pairing;
use crate::reading::Reading;
use crate::summary_state::SummaryState;

/// Prefix of the names of the fingerprint files.
const ROW_RUN_PREFIX: &str = "rows";
/// Prefixes of the names of all files of fingerprints that an ingestion writes.
const RUN_PREFIXES: [&str; 4] = [
    ROW_RUN_PREFIX,
    EVALUATED_RUN_PREFIX,
    COMPARED_RUN_PREFIX,
    OWN_RUN_PREFIX,
];

const FORMAT: Format = Format {
    name: "risk ingestion carry",
    version: 3,
};

/// State that appending continues from.
pub(crate) struct AppendState {
    /// Running SHA-256 of finaldata.csv.
    pub(crate) hasher: Hasher,
    /// Running SHA-256 of rejectedrows.csv.
    pub(crate) rejected_hasher: Hasher,
    /// Summary of the rows.
    pub(crate) summary_state: SummaryState,
    /// Fingerprints of the rows.
    pub(crate) known: FingerprintSet,
    /// The rows that wait for a late label. Changes count once the state is stored.
    pub(crate) pairing: Pairing,
}

/// The stored form of [`AppendState`], in the file `ingestion.carry`.
#[derive(Serialize, Deserialize)]
struct Carry<'a> {
    /// Length in bytes of the finaldata.csv that the carry belongs to.
    committed_bytes: u64,
    digest: String,
    /// Running SHA-256 of those bytes.
    hasher: Vec<u8>,
    /// Stamp of finaldata.csv.
    stamp: FileStamp,
    /// A fingerprint that identifies the key of the other fingerprints.
    key: Fingerprint,
    #[serde(rename = "summarised")]
    summary_state: Cow<'a, SummaryState>,
    runs: Vec<StoredFingerprints>,
    /// Running SHA-256 of rejectedrows.csv. Empty in a carry of an older program.
    #[serde(default)]
    rejected_hasher: Vec<u8>,
    /// Stamp of rejectedrows.csv.
    #[serde(default)]
    rejected_stamp: FileStamp,
    /// True if rows waited for a late label. `None` in a carry of an older program.
    #[serde(default)]
    has_waiting_rows: Option<bool>,
}

/// Stamps of the files that an ingestion wrote.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stamps {
    final_data: FileStamp,
    rejected_rows: FileStamp,
}

impl AppendState {
    /// State of a file without rows. Rows that are added before the place `first_new` count as evaluated.
    pub(crate) fn empty(
        reading: &Reading<'_>,
        history: &History,
        first_new: u64,
    ) -> anyhow::Result<Self> {
        let Reading {
            layout,
            schema,
            memory,
            ..
        } = reading;
        let mut pairing = Pairing::open(layout, history, schema, first_new)?;
        pairing.begin_rebuild()?;
        Ok(Self {
            hasher: Hasher::new(),
            rejected_hasher: Hasher::new(),
            summary_state: SummaryState::new(schema),
            known: FingerprintSet::new(
                &layout.row_fingerprints(),
                ROW_RUN_PREFIX,
                memory.known_rows(),
            ),
            pairing,
        })
    }

    /// Loads the state of the committed rows. Returns the reason if finaldata.csv does not hold the
    /// committed rows.
    pub(crate) fn load(
        config: &Config,
        history: &History,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let layout = &config.layout;
        let Some((carry, hasher)) = Carry::load(layout, ledger, reading.key, reading.schema) else {
            return Self::read_all(config, history, ledger, reading);
        };
        let pairing = Pairing::open(layout, history, reading.schema, ledger.evaluated_rows)?;
        let is_paired = match carry.has_waiting_rows {
            Some(has_rows) => pairing.belongs_to(&ledger.digest, has_rows),
            None => carry.summary_state.is_settled(),
        };
        if !is_paired {
            drop(pairing);
            return Self::read_all(config, history, ledger, reading);
        }
        let (folder, memory) = (layout.row_fingerprints(), reading.memory.known_rows());
        let known = match FingerprintSet::open(&folder, ROW_RUN_PREFIX, memory, &carry.runs) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!("{error:#}");
                drop(pairing);
                return Self::read_all(config, history, ledger, reading);
            }
        };
        if !carry.has_stamp_of(layout)
            && let Some(damage) = data_damage(layout, ledger)?
        {
            return Ok(Err(damage));
        }
        let rejected_hasher = match carry.rejected_hasher(layout, ledger) {
            Some(hasher) => hasher,
            None => match read_rejected(layout, ledger)? {
                Ok(hasher) => hasher,
                Err(damage) => return Ok(Err(damage)),
            },
        };
        Ok(Ok(Self {
            hasher,
            rejected_hasher,
            summary_state: carry.summary_state.into_owned(),
            known,
            pairing,
        }))
    }

    /// Rebuilds the state by reading all that is committed.
    fn read_all(
        config: &Config,
        history: &History,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let rejected_hasher = match read_rejected(&config.layout, ledger)? {
            Ok(hasher) => hasher,
            Err(damage) => return Ok(Err(damage)),
        };
        let read = Self::read(config, history, ledger, reading)?;
        Ok(read.map(|append_state| Self {
            rejected_hasher,
            ..append_state
        }))
    }

    /// Rebuilds the state of finaldata.csv by reading all committed rows.
    fn read(
        config: &Config,
        history: &History,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let mut append_state = Self::empty(reading, history, ledger.evaluated_rows)?;
        let mut waiting = Vec::new();
        let mut block = Table::new(reading.schema);
        let mut unwritten = None;
        let wanted = Wanted {
            key: Some(reading.key),
            ..Wanted::VALUES
        };
        let read = read_final_data(config, ledger, wanted, |rows| {
            block.append_all(rows);
            let added =
                append_state
                    .summary_state
                    .add(&block, 0..block.rows(), &mut append_state.pairing);
            if let Err(error) = added {
                unwritten = Some(error);
                anyhow::bail!("its labels cannot be paired");
            }
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
            (Err(error), None) if files::is_access_error(&error) => Err(error),
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
    pub(crate) fn store(
        &mut self,
        reading: &Reading<'_>,
        history: &History,
        ledger: &Ledger,
        stamps: Stamps,
    ) {
        match self.try_to_store(reading, history, ledger, stamps) {
            Ok(runs) => remove_runs_except(reading.layout, &runs),
            Err(error) => {
                tracing::warn!("the next ingestion has to read finaldata.csv whole: {error:#}");
            }
        }
    }

    fn try_to_store(
        &mut self,
        reading: &Reading<'_>,
        history: &History,
        ledger: &Ledger,
        stamps: Stamps,
    ) -> anyhow::Result<Vec<StoredFingerprints>> {
        self.pairing.commit(ledger, history)?;
        self.summary_state.shrink();
        let carry = Carry {
            committed_bytes: ledger.committed_bytes,
            digest: ledger.digest.clone(),
            hasher: self.hasher.state(),
            stamp: stamps.final_data,
            key: key_fingerprint(reading.key),
            summary_state: Cow::Borrowed(&self.summary_state),
            runs: self.known.store()?,
            rejected_hasher: self.rejected_hasher.state(),
            rejected_stamp: stamps.rejected_rows,
            has_waiting_rows: Some(self.pairing.has_rows()),
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

    /// True if finaldata.csv was not written to since the carry was stored.
    fn has_stamp_of(&self, layout: &Layout) -> bool {
        is_stamp_of(self.stamp, &layout.final_data())
    }

    /// True if rejectedrows.csv was not written to since the carry was stored.
    fn has_stamp_of_rejected(&self, layout: &Layout) -> bool {
        is_stamp_of(self.rejected_stamp, &layout.rejected_rows())
    }

    /// The running digest of rejectedrows.csv, if the file was not written to since.
    fn rejected_hasher(&self, layout: &Layout, ledger: &Ledger) -> Option<Hasher> {
        let hasher = Hasher::continuing(&self.rejected_hasher)?;
        let is_of_this =
            self.has_stamp_of_rejected(layout) && hasher.clone().finish() == ledger.rejected_digest;
        is_of_this.then_some(hasher)
    }
}

fn is_stamp_of(stamp: FileStamp, path: &Path) -> bool {
    let found = path.metadata();
    stamp != FileStamp::default() && found.is_ok_and(|metadata| FileStamp::of(&metadata) == stamp)
}

/// The running digest of rejectedrows.csv, or the reason if the file does not hold what was
/// committed. Reads all committed bytes.
fn read_rejected(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Result<Hasher, String>> {
    let path = layout.rejected_rows();
    let is_as_committed = |hasher: &Hasher| {
        // A ledger of an older program does not know the digest.
        ledger.rejected_digest.is_empty() || hasher.clone().finish() == ledger.rejected_digest
    };
    let found = digest::running(&path, ledger.rejected_bytes)?;
    Ok(found
        .filter(is_as_committed)
        .ok_or_else(|| format!("{} was changed", path.display())))
}

/// Gives the freshly written files modification times that no later write can repeat. Returns their
/// new stamps.
pub(crate) fn set_distinct_times(layout: &Layout) -> Stamps {
    Stamps {
        final_data: set_distinct_time(&layout.final_data()),
        rejected_rows: set_distinct_time(&layout.rejected_rows()),
    }
}

/// The new stamp, or the default stamp if the time cannot be set.
fn set_distinct_time(path: &Path) -> FileStamp {
    match files::set_back_modified_time(path) {
        Ok(metadata) => FileStamp::of(&metadata),
        Err(error) => {
            // The next ingestion then compares the digest, which takes longer.
            tracing::debug!("{}: {error}", path.display());
            FileStamp::default()
        }
    }
}

/// Reason why finaldata.csv or rejectedrows.csv differs from what was committed, or `None`. Reads
/// only the files that were written to since the commit.
pub(crate) fn damage_since(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let carry = regular::read(&layout.ingestion_carry())
        .ok()
        .and_then(|bytes| artifact::decode::<Carry<'_>>(FORMAT, &bytes).ok());
    let carry = carry.filter(|carry| {
        carry.committed_bytes == ledger.committed_bytes && carry.digest == ledger.digest
    });
    let is_data_as_left = carry.as_ref().is_some_and(|it| it.has_stamp_of(layout));
    if !is_data_as_left && let Some(damage) = data_damage(layout, ledger)? {
        return Ok(Some(damage));
    }
    if carry.is_some_and(|carry| carry.has_stamp_of_rejected(layout)) {
        return Ok(None);
    }
    Ok(read_rejected(layout, ledger)?.err())
}

/// Reason why finaldata.csv or rejectedrows.csv differs from what was committed, or `None`. Reads all
/// committed bytes.
pub(crate) fn damage(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    match data_damage(layout, ledger)? {
        None => Ok(read_rejected(layout, ledger)?.err()),
        damage => Ok(damage),
    }
}

fn data_damage(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
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
fn remove_runs_except(layout: &Layout, runs: &[StoredFingerprints]) {
    let folder = layout.row_fingerprints();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_ours = RUN_PREFIXES.iter().any(|prefix| is_run_name(&name, prefix));
        if is_ours
            && !runs.iter().any(|run| name == run.name.as_str())
            && let Err(error) = files::remove_file(&entry.path())
        {
            tracing::warn!("old fingerprints could not be removed: {error:#}");
        }
    }
}

/// Records the present finaldata.csv as unchanged, as if nobody could see a change.
#[cfg(test)]
pub(crate) fn restamp(layout: &Layout) {
    let bytes = regular::read(&layout.ingestion_carry()).unwrap();
    let mut carry: Carry<'_> = artifact::decode(FORMAT, &bytes).unwrap();
    carry.stamp = FileStamp::of(&layout.final_data().metadata().unwrap());
    let bytes = artifact::encode(FORMAT, &carry).unwrap();
    files::replace(&layout.ingestion_carry(), &bytes).unwrap();
}
