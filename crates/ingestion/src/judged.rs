//! Which rows were judged: a deployed model was scored on them or fitted to them.
//!
//! Their fingerprints are kept in the state folder, appended and never forgotten, so that a row
//! which comes back in another file is not judged twice. The file counts as far as the ledger
//! says.

use std::io::{Read, Write};

use anyhow::Context;
use common::ledger::{FileStatus, Ledger, LedgerFile, RebuildBase};
use common::{Config, Failure, History, Layout, files, regular};
use dataset::{Fingerprint, FingerprintKey, load_fingerprints};

const FINGERPRINT_BYTES: u64 = size_of::<Fingerprint>() as u64;
/// Bytes of the file that are read at a time.
const BYTES_AT_ONCE: u64 = 1024 * 1024;

/// The length of so many; no file has that of a count beyond measure, which is then seen.
fn length_of(count: u64) -> u64 {
    count.saturating_mul(FINGERPRINT_BYTES)
}

/// Whether the key and as many fingerprints as the ledger says are there.
pub fn is_intact(layout: &Layout, ledger: &Ledger) -> bool {
    let length = layout
        .judged_fingerprints()
        .metadata()
        .map_or(0, |metadata| metadata.len());
    let is_keyed = ledger.rows == 0 || layout.fingerprint_key().exists();
    is_keyed && length >= length_of(ledger.judged_fingerprints)
}

/// The first `count` judged fingerprints.
pub fn judged_fingerprints(layout: &Layout, count: u64) -> anyhow::Result<Vec<Fingerprint>> {
    let mut judged = Vec::new();
    each_judged(layout, count, BYTES_AT_ONCE, |rows| {
        judged.extend_from_slice(rows);
        Ok(())
    })?;
    Ok(judged)
}

/// Hands the first `count` judged fingerprints to `take`, about `bytes` of them at a time.
pub(crate) fn each_judged(
    layout: &Layout,
    count: u64,
    bytes: u64,
    mut take: impl FnMut(&[Fingerprint]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let path = layout.judged_fingerprints();
    let context = || format!("failed to read {}", path.display());
    let mut file = regular::open(&path).with_context(context)?;
    let at_once = (bytes / FINGERPRINT_BYTES).max(1);
    let (mut left, mut read) = (count, Vec::new());
    while left > 0 {
        let wanted = left.min(at_once);
        read.clear();
        Read::by_ref(&mut file)
            .take(length_of(wanted))
            .read_to_end(&mut read)
            .with_context(context)?;
        let (fingerprints, _) = read.as_chunks::<{ size_of::<Fingerprint>() }>();
        if fingerprints.len() as u64 != wanted {
            return Err(Failure::input_output(format!(
                "{} does not hold {count} fingerprints: run `ingestion`, they are made anew",
                path.display(),
            ))
            .into());
        }
        let fingerprints = fingerprints.iter();
        let rows: Vec<Fingerprint> = fingerprints
            .map(|bytes| Fingerprint::from_le_bytes(*bytes))
            .collect();
        take(&rows)?;
        left -= wanted;
    }
    Ok(())
}

/// The ledger in which the first `rows` rows of the data are judged; the caller commits it.
///
/// `last` are the fingerprints of the last rows before that, of those at least that are not judged
/// yet; they are appended and synced first, and count once the ledger says so.
pub fn mark_judged(
    layout: &Layout,
    ledger: &Ledger,
    last: &[Fingerprint],
    rows: u64,
) -> anyhow::Result<Ledger> {
    let n_newly = rows.saturating_sub(ledger.judged_rows) as usize;
    let newly = last
        .len()
        .checked_sub(n_newly)
        .and_then(|judged| last.get(judged..));
    let newly = newly.context("more rows were judged than were at hand")?;
    let mut ledger = ledger.clone();
    if !newly.is_empty() {
        ledger.judged_fingerprints = append(layout, ledger.judged_fingerprints, newly)?;
        ledger.judged_rows = rows;
    }
    Ok(ledger)
}

/// Draws a key where there is none, and fingerprints the judged rows anew.
///
/// The key is written last: while it is missing, nobody trusts the fingerprints beside it.
pub(crate) fn renew_fingerprints(
    config: &Config,
    history: &History,
    key: Option<FingerprintKey>,
    mut ledger: Ledger,
) -> anyhow::Result<(FingerprintKey, Ledger)> {
    let is_new = key.is_none();
    let key = match key {
        Some(key) => key,
        None => FingerprintKey::generate()?,
    };
    if ledger.judged_fingerprints > 0 {
        let rows = match load_fingerprints(config, &ledger, &key) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(
                    "the fingerprints of the judged rows were lost, and so were the rows: {error:#}"
                );
                Vec::new()
            }
        };
        let judged = rows.get(..ledger.judged_rows as usize).unwrap_or_default();
        ledger.judged_fingerprints = append(&config.layout, 0, judged)?;
        let is_copy = |file: &&LedgerFile| file.status == FileStatus::Copy;
        ledger.base = RebuildBase {
            files: ledger.files.len() - ledger.files.iter().filter(is_copy).count(),
            judged_fingerprints: ledger.judged_fingerprints,
        };
        ledger.rebuilding = true;
        history.save_ledger(&ledger)?;
    }
    if is_new {
        key.save(&config.layout)?;
    }
    Ok((key, ledger))
}

/// Appends after the first `count` fingerprints and returns how many there are then.
pub(crate) fn append(
    layout: &Layout,
    count: u64,
    fingerprints: &[Fingerprint],
) -> anyhow::Result<u64> {
    if fingerprints.is_empty() {
        return Ok(count);
    }
    let path = layout.judged_fingerprints();
    let mut writer = files::open_at(&path, length_of(count))?;
    for fingerprint in fingerprints {
        writer
            .write_all(&fingerprint.to_le_bytes())
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    files::close(writer)?;
    Ok(count + fingerprints.len() as u64)
}
