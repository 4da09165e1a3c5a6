//! Evaluated rows: rows that a deployed model was scored on or fitted to.
//!
//! The state folder keeps the fingerprints of these rows in a file that only grows. A row that
//! comes back in another file is therefore not evaluated twice. The ledger says how many
//! fingerprints of the file count.

use std::io::{Read, Write};

use anyhow::Context;
use common::ledger::{FileStatus, Ledger, LedgerFile, RebuildBase};
use common::{Config, Failure, History, Layout, files, regular};
use dataset::{Fingerprint, FingerprintKey, load_fingerprints};

const FINGERPRINT_BYTES: u64 = size_of::<Fingerprint>() as u64;
/// Bytes of the file per read.
const READ_BYTES: u64 = 1024 * 1024;

/// Byte length of `count` fingerprints. Saturates, so that a corrupt count never equals a real
/// length.
fn byte_length(count: u64) -> u64 {
    count.saturating_mul(FINGERPRINT_BYTES)
}

/// True if the key exists and the file holds as many fingerprints as the ledger says.
pub fn is_intact(layout: &Layout, ledger: &Ledger) -> bool {
    let length = layout
        .evaluated_fingerprints()
        .metadata()
        .map_or(0, |metadata| metadata.len());
    let is_keyed = ledger.rows == 0 || layout.fingerprint_key().exists();
    is_keyed && length >= byte_length(ledger.evaluated_fingerprints)
}

/// The first `count` evaluated fingerprints. Returns an error if the file holds fewer.
pub fn evaluated_fingerprints(layout: &Layout, count: u64) -> anyhow::Result<Vec<Fingerprint>> {
    let mut evaluated = Vec::new();
    each_evaluated(layout, count, READ_BYTES, |rows| {
        evaluated.extend_from_slice(rows);
        Ok(())
    })?;
    Ok(evaluated)
}

/// Passes the first `count` evaluated fingerprints to `take`, about `bytes` bytes per call. Returns
/// an error if the file holds fewer.
pub(crate) fn each_evaluated(
    layout: &Layout,
    count: u64,
    bytes: u64,
    mut take: impl FnMut(&[Fingerprint]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let path = layout.evaluated_fingerprints();
    let context = || format!("failed to read {}", path.display());
    let mut file = regular::open(&path).with_context(context)?;
    let max_rows = (bytes / FINGERPRINT_BYTES).max(1);
    let (mut left, mut read) = (count, Vec::new());
    while left > 0 {
        let wanted = left.min(max_rows);
        read.clear();
        Read::by_ref(&mut file)
            .take(byte_length(wanted))
            .read_to_end(&mut read)
            .with_context(context)?;
        let (fingerprints, _) = read.as_chunks::<{ size_of::<Fingerprint>() }>();
        if fingerprints.len() as u64 != wanted {
            return Err(Failure::input_output(format!(
                "{} does not hold {count} fingerprints: run `ingestion` to rebuild them",
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

/// Returns a ledger in which the first `rows` rows of the data are evaluated. The caller commits
/// this ledger.
///
/// `last` holds the fingerprints of the last rows up to `rows`, at least of those not yet
/// evaluated. These fingerprints are appended and synced first, and count once the ledger is
/// committed.
pub fn mark_evaluated(
    layout: &Layout,
    ledger: &Ledger,
    last: &[Fingerprint],
    rows: u64,
) -> anyhow::Result<Ledger> {
    let n_newly = rows.saturating_sub(ledger.evaluated_rows) as usize;
    let newly = last
        .len()
        .checked_sub(n_newly)
        .and_then(|evaluated| last.get(evaluated..));
    let newly = newly.context("more rows were evaluated than fingerprints were given")?;
    let mut ledger = ledger.clone();
    if !newly.is_empty() {
        ledger.evaluated_fingerprints =
            append_fingerprints(layout, ledger.evaluated_fingerprints, newly)?;
        ledger.evaluated_rows = rows;
    }
    Ok(ledger)
}

/// Generates a key if there is none, and computes the fingerprints of the evaluated rows again.
///
/// The key is written last: while the key is missing, no command trusts the fingerprint file.
pub(crate) fn rebuild_fingerprints(
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
    if ledger.evaluated_fingerprints > 0 {
        let rows = match load_fingerprints(config, &ledger, &key) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(
                    "the fingerprints of the evaluated rows were lost, and so were the rows: {error:#}"
                );
                Vec::new()
            }
        };
        let evaluated = rows
            .get(..ledger.evaluated_rows as usize)
            .unwrap_or_default();
        ledger.evaluated_fingerprints = append_fingerprints(&config.layout, 0, evaluated)?;
        let is_copy = |file: &&LedgerFile| file.status == FileStatus::Copy;
        ledger.base = RebuildBase {
            files: ledger.files.len() - ledger.files.iter().filter(is_copy).count(),
            evaluated_fingerprints: ledger.evaluated_fingerprints,
        };
        ledger.rebuilding = true;
        history.save_ledger(&ledger)?;
    }
    if is_new {
        key.save(&config.layout)?;
    }
    Ok((key, ledger))
}

/// Writes fingerprints after the first `count` of the file. Returns the new number.
pub(crate) fn append_fingerprints(
    layout: &Layout,
    count: u64,
    fingerprints: &[Fingerprint],
) -> anyhow::Result<u64> {
    if fingerprints.is_empty() {
        return Ok(count);
    }
    let path = layout.evaluated_fingerprints();
    let mut writer = files::open_for_appending(&path, byte_length(count))?;
    for fingerprint in fingerprints {
        writer
            .write_all(&fingerprint.to_le_bytes())
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    files::close(writer)?;
    Ok(count + fingerprints.len() as u64)
}
