//! What stands in finaldata.csv, as far as appending has to know it, and how that is kept from
//! one ingestion to the next.
//!
//! It is kept in a *carry* file and in files of sorted fingerprints, both written after the
//! ledger's commit and not synced: the carry counts only if it is of the committed bytes, the
//! files only while their checksums hold, and all of it is made anew from finaldata.csv otherwise.
//!
//! While finaldata.csv has the size, time and inode that it had then, its content is taken to be
//! the same. Its time is set a nanosecond apart from the clock's, so no later write can repeat it.

use std::collections::HashSet;
use std::fs;

use common::artifact::{self, Format};
use common::digest::{self, Hasher};
use common::ledger::{FileStamp, Ledger};
use common::{Config, Layout, Schema, files};
use dataset::passes::RunningProfile;
use dataset::{
    Fingerprint, FingerprintKey, FingerprintSet, StoredRun, Table, firsts, read_final_data,
};
use serde::{Deserialize, Serialize};

use crate::lay::{Keep, Reading};

/// Begins the names of the files of fingerprints.
const ROWS: &str = "rows";

const FORMAT: Format = Format {
    name: "risk ingestion carry",
    version: 1,
};

/// What appending continues from.
pub(crate) struct Standing {
    /// The running digest of the file.
    pub(crate) hasher: Hasher,
    /// What its rows look like.
    pub(crate) profile: RunningProfile,
    /// Which rows it holds.
    pub(crate) known: FingerprintSet,
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Carry {
    /// Of which bytes of finaldata.csv it is.
    committed_bytes: u64,
    digest: String,
    /// The running digest of those bytes.
    hasher: Vec<u8>,
    /// What the file system said of the file.
    stamp: FileStamp,
    /// A fingerprint that says under which key the others are.
    key: Fingerprint,
    profile: RunningProfile,
    runs: Vec<StoredRun>,
}

impl Standing {
    /// That of a file without rows.
    pub(crate) fn of_no_rows(reading: &Reading<'_>) -> Self {
        let Reading {
            layout,
            schema,
            memory,
            ..
        } = reading;
        Self {
            hasher: Hasher::new(),
            profile: RunningProfile::new(schema),
            known: FingerprintSet::new(&layout.row_fingerprints(), ROWS, memory.known()),
        }
    }

    /// That of the committed rows.
    ///
    /// An error when finaldata.csv does not hold them.
    pub(crate) fn of_committed(
        config: &Config,
        ledger: &Ledger,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Self> {
        let layout = &config.layout;
        let carried = Carry::load(layout, ledger, reading.key, reading.schema).and_then(|carry| {
            let known = FingerprintSet::open(
                &layout.row_fingerprints(),
                ROWS,
                reading.memory.known(),
                &carry.runs,
            );
            known
                .inspect_err(|error| tracing::warn!("{error:#}; it is made anew"))
                .ok()
                .map(|known| (carry, known))
        });
        let Some((carry, known)) = carried else {
            return Self::read(config, ledger, reading);
        };
        if !carry.has_stamp_of(layout)
            && let Some(damage) = damage(layout, ledger)?
        {
            anyhow::bail!(damage);
        }
        Ok(Self {
            hasher: Hasher::continuing(&carry.hasher).unwrap_or_default(),
            profile: carry.profile,
            known,
        })
    }

    /// That of the committed rows, made anew by reading them all.
    fn read(config: &Config, ledger: &Ledger, reading: &Reading<'_>) -> anyhow::Result<Self> {
        let mut standing = Self::of_no_rows(reading);
        let mut waiting = Vec::new();
        let mut block = Table::new(reading.schema);
        let hasher = read_final_data(config, ledger, reading.key, |rows| {
            block.append_all(rows);
            standing.profile.add(&block, 0..block.rows());
            block.clear();
            waiting.extend_from_slice(&rows.fingerprints);
            if size_of_val(waiting.as_slice()) as u64 >= reading.memory.pending() / 4 {
                standing.insert(&mut waiting)?;
            }
            Ok(())
        })?;
        standing.insert(&mut waiting)?;
        Ok(Self { hasher, ..standing })
    }

    fn insert(&mut self, waiting: &mut Vec<Fingerprint>) -> anyhow::Result<()> {
        let rows = firsts(std::iter::once(waiting.as_slice()));
        waiting.clear();
        self.known.insert(rows.fingerprints)
    }

    /// Keeps it for the next ingestion; the ledger that it belongs to is committed.
    ///
    /// What cannot be kept is made anew then, so that is no error of this one.
    pub(crate) fn keep(&mut self, reading: &Reading<'_>, ledger: &Ledger) {
        if let Err(error) = self.try_to_keep(reading, ledger) {
            tracing::warn!("the next ingestion has to read finaldata.csv whole: {error:#}");
        }
    }

    fn try_to_keep(&mut self, reading: &Reading<'_>, ledger: &Ledger) -> anyhow::Result<()> {
        let layout = reading.layout;
        self.profile.shrink();
        let carry = Carry {
            committed_bytes: ledger.committed_bytes,
            digest: ledger.digest.clone(),
            hasher: self.hasher.state(),
            stamp: files::set_time_apart(&layout.final_data())
                .map(|metadata| FileStamp::of(&metadata))
                .unwrap_or_default(),
            key: key_check(reading.key),
            profile: self.profile.clone(),
            runs: self.known.store()?,
        };
        let bytes = artifact::encode(FORMAT, &carry)?;
        files::replace_unsynced(&layout.ingestion_carry(), &bytes)?;
        remove_all_but(layout, &carry.runs)
    }
}

impl Carry {
    /// What was kept, if it is of the committed bytes and of this key.
    fn load(
        layout: &Layout,
        ledger: &Ledger,
        key: &FingerprintKey,
        schema: &Schema,
    ) -> Option<Self> {
        let bytes = fs::read(layout.ingestion_carry()).ok()?;
        let carry: Self = artifact::decode(FORMAT, &bytes)
            .inspect_err(|error| {
                tracing::warn!(
                    "{}: {error}; it is made anew",
                    layout.ingestion_carry().display()
                );
            })
            .ok()?;
        let hasher = Hasher::continuing(&carry.hasher)?;
        let is_of_these = carry.committed_bytes == ledger.committed_bytes
            && carry.digest == ledger.digest
            && hasher.finish() == ledger.digest
            && carry.key == key_check(key)
            && carry.profile.can_be_of(ledger.rows, schema);
        is_of_these.then_some(carry)
    }

    fn has_stamp_of(&self, layout: &Layout) -> bool {
        let found = layout.final_data().metadata();
        self.stamp != FileStamp::default()
            && found.is_ok_and(|metadata| FileStamp::of(&metadata) == self.stamp)
    }
}

/// Whether finaldata.csv is as the last ingestion left it, from what costs little to see.
pub(crate) fn is_as_it_was_left(config: &Config, ledger: &Ledger) -> anyhow::Result<bool> {
    let layout = &config.layout;
    let Some(key) = FingerprintKey::load(layout)? else {
        return Ok(false);
    };
    let carry = Carry::load(layout, ledger, &key, &config.schema);
    Ok(carry.is_some_and(|carry| carry.has_stamp_of(layout)))
}

/// Which of these rows, by their fingerprints, stand in finaldata.csv.
pub fn are_ingested(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
    rows: &[Fingerprint],
) -> anyhow::Result<Vec<bool>> {
    let reading = Reading::of(config, key, Keep::Nothing);
    let known = Standing::of_committed(config, ledger, &reading)?.known;
    let asked = firsts(std::iter::once(rows));
    let found = known.contains(&asked.fingerprints)?;
    let pairs = asked.fingerprints.into_iter().zip(found);
    let found: HashSet<Fingerprint> = pairs
        .filter_map(|(fingerprint, found)| found.then_some(fingerprint))
        .collect();
    Ok(rows.iter().map(|row| found.contains(row)).collect())
}

/// Why finaldata.csv is not what was committed, found by reading all of it; `None` when it is.
pub(crate) fn damage(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let path = layout.final_data();
    let found = digest::of_file_start(&path, ledger.committed_bytes)?;
    let is_whole = found.as_ref() == Some(&ledger.digest);
    Ok((!is_whole).then(|| format!("{} was changed", path.display())))
}

/// Forgets what was kept, so that it is made anew.
pub(crate) fn forget(layout: &Layout) -> anyhow::Result<()> {
    files::remove_file(&layout.ingestion_carry())
}

/// A fingerprint that no row has, by which one key is told from another.
fn key_check(key: &FingerprintKey) -> Fingerprint {
    key.of_row(b"", &[], None)
}

/// Removes the files of fingerprints that are of no use any more.
fn remove_all_but(layout: &Layout, runs: &[StoredRun]) -> anyhow::Result<()> {
    let folder = layout.row_fingerprints();
    if runs.is_empty() && !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !runs.iter().any(|run| name == run.name.as_str()) {
            files::remove_file(&entry.path())?;
        }
    }
    Ok(())
}
