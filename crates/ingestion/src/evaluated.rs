//! Evaluated rows: rows that a deployed model was scored on or fitted to.
//!
//! The state folder keeps the fingerprints of these rows in a file that only grows. A row that
//! comes back in another file is therefore not evaluated twice. The ledger says how many
//! fingerprints of the file count.

use std::collections::HashSet;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::digest::{Hasher, HashingReader};
use common::ledger::{FileStatus, Ledger, LedgerFile, RebuildBase};
use common::{Config, Failure, History, Layout, digest, files, regular};
use dataset::{Fingerprint, FingerprintKey, each_fingerprint};

const FINGERPRINT_BYTES: u64 = size_of::<Fingerprint>() as u64;
/// Bytes of the file per read.
const READ_BYTES: u64 = 1024 * 1024;

/// Byte length of `count` fingerprints. Saturates, so that a corrupt count never equals a real
/// length.
fn byte_length(count: u64) -> u64 {
    count.saturating_mul(FINGERPRINT_BYTES)
}

/// True if the key is the one of the ledger, and the file holds as many fingerprints as the ledger
/// says.
///
/// Returns an error if a file cannot be examined: only a missing file counts as lost.
pub fn is_intact(layout: &Layout, ledger: &Ledger) -> anyhow::Result<bool> {
    Ok(loss(layout, ledger)?.is_none())
}

/// Reason why the fingerprints of the evaluated rows are lost, or `None`. Reads the key only: the
/// content of the other file is checked where it is read.
pub(crate) fn loss(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let path = layout.fingerprint_key();
    if ledger.rows > 0 {
        match FingerprintKey::load(layout) {
            Ok(None) => return Ok(Some(format!("{} is missing", path.display()))),
            Ok(Some(key)) if !is_key_of(&key, ledger) => {
                return Ok(Some(format!("{} was changed", path.display())));
            }
            Err(error) if files::is_access_error(&error) => return Err(error),
            // The command that uses the key reports the error.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    let path = layout.evaluated_fingerprints();
    let length = files::length_if_present(&path)?.unwrap_or(0);
    let is_short = length < byte_length(ledger.evaluated_fingerprints);
    Ok(is_short.then(|| format!("{} was cut or removed", path.display())))
}

/// Reason why the fingerprints of the evaluated rows are lost, or `None`. Reads all of them.
pub fn loss_of_content(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    if let Some(loss) = loss(layout, ledger)? {
        return Ok(Some(loss));
    }
    match each_evaluated(layout, ledger, 0, READ_BYTES, |_| Ok(())) {
        Ok(()) => Ok(None),
        Err(error) if error.is::<ChangedFingerprints>() => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Name of the history document with a loss that a run found but could not repair.
const FOUND_LOSS: &str = "loss of the fingerprints of evaluated rows";

/// Records that the file does not hold the committed fingerprints, for the next run, which computes them
/// again.
pub fn note_loss(history: &History, loss: &ChangedFingerprints) -> anyhow::Result<()> {
    history.save_document(FOUND_LOSS, &Some(loss.to_string()))
}

/// The loss that an earlier run found; `None` if it found none, or if the loss is repaired.
pub(crate) fn noted_loss(history: &History) -> anyhow::Result<Option<String>> {
    Ok(history.document(FOUND_LOSS)?.flatten())
}

/// True if the ledger has this key, or has no key because an older program wrote it.
fn is_key_of(key: &FingerprintKey, ledger: &Ledger) -> bool {
    ledger.state.key.is_empty() || ledger.state.key == key.digest()
}

/// Error: the file does not hold the fingerprints of the evaluated rows that were committed.
#[derive(Debug)]
pub struct ChangedFingerprints {
    path: PathBuf,
}

impl fmt::Display for ChangedFingerprints {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} was changed", self.path.display())
    }
}

impl std::error::Error for ChangedFingerprints {}

/// One flag per fingerprint: true if it belongs to an evaluated row. The error is
/// [`ChangedFingerprints`] if the file does not hold the committed fingerprints.
pub fn find_evaluated(
    layout: &Layout,
    ledger: &Ledger,
    wanted: &[Fingerprint],
) -> anyhow::Result<Vec<bool>> {
    let asked: HashSet<Fingerprint> = wanted.iter().copied().collect();
    let mut found = HashSet::new();
    let count = ledger.evaluated_fingerprints;
    each_evaluated(layout, ledger, count, READ_BYTES, |rows| {
        found.extend(rows.iter().filter(|row| asked.contains(row)).copied());
        Ok(())
    })?;
    Ok(wanted.iter().map(|row| found.contains(row)).collect())
}

/// Passes the first `count` committed fingerprints to `take`, about `bytes` bytes per call. What was
/// taken counts once this function returns without an error: all committed fingerprints are read and
/// compared with their digest.
pub(crate) fn each_evaluated(
    layout: &Layout,
    ledger: &Ledger,
    count: u64,
    bytes: u64,
    mut take: impl FnMut(&[Fingerprint]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if ledger.evaluated_fingerprints == 0 {
        return Ok(());
    }
    let path = layout.evaluated_fingerprints();
    let context = || format!("failed to read {}", path.display());
    let mut file = HashingReader::new(regular::open(&path).with_context(context)?);
    let max_rows = (bytes / FINGERPRINT_BYTES).max(1);
    let (mut left, mut to_take) = (ledger.evaluated_fingerprints, count);
    let mut read = Vec::new();
    while left > 0 {
        let wanted = left.min(max_rows);
        read.clear();
        Read::by_ref(&mut file)
            .take(byte_length(wanted))
            .read_to_end(&mut read)
            .with_context(context)?;
        let (fingerprints, _) = read.as_chunks::<{ size_of::<Fingerprint>() }>();
        if fingerprints.len() as u64 != wanted {
            return Err(changed(path));
        }
        let fingerprints = fingerprints.iter().take(to_take.min(wanted) as usize);
        let rows: Vec<Fingerprint> = fingerprints
            .map(|bytes| Fingerprint::from_le_bytes(*bytes))
            .collect();
        if !rows.is_empty() {
            take(&rows)?;
        }
        to_take -= rows.len() as u64;
        left -= wanted;
    }
    let is_known = !ledger.state.evaluated.is_empty();
    if is_known && file.into_hasher().state() != ledger.state.evaluated {
        return Err(changed(path));
    }
    Ok(())
}

fn changed(path: PathBuf) -> anyhow::Error {
    let message = format!("{}: run `ingestion` to rebuild it", path.display());
    anyhow::Error::new(Failure::input_output(message)).context(ChangedFingerprints { path })
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
        append_fingerprints(layout, &mut ledger, newly)?;
        ledger.evaluated_rows = rows;
    }
    Ok(ledger)
}

/// Returns a ledger in which the first `rows` rows of finaldata.csv are evaluated, like
/// [`mark_evaluated`]. Their fingerprints are read from the file, so that memory holds few of them.
pub fn mark_rows_evaluated(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
    rows: u64,
) -> anyhow::Result<Ledger> {
    let mut marked = ledger.clone();
    if rows > ledger.evaluated_rows {
        let mut appender = Appender::open(&config.layout, ledger)?;
        let newly = ledger.evaluated_rows..rows;
        each_fingerprint(config, ledger, key, newly, |rows| appender.append(rows))?;
        appender.finish(&mut marked)?;
        marked.evaluated_rows = rows;
    }
    Ok(marked)
}

/// Generates a key if there is none, and computes the fingerprints of the evaluated rows again.
///
/// A new key is written last: no command trusts the fingerprint file unless the ledger has the digest
/// of the key.
pub(crate) fn rebuild_fingerprints(
    config: &Config,
    history: &History,
    key: Option<FingerprintKey>,
    mut ledger: Ledger,
) -> anyhow::Result<(FingerprintKey, Ledger)> {
    let (key, is_new) = match key.filter(|key| is_key_of(key, &ledger)) {
        Some(key) => (key, false),
        None => (FingerprintKey::generate()?, true),
    };
    ledger.state.key = key.digest();
    if ledger.evaluated_fingerprints > 0 {
        let evaluated = 0..ledger.evaluated_rows;
        ledger.evaluated_fingerprints = 0;
        ledger.state.evaluated = Vec::new();
        let mut appender = Appender::open(&config.layout, &ledger)?;
        match each_fingerprint(config, &ledger, &key, evaluated, |rows| {
            appender.append(rows)
        }) {
            Ok(()) => appender.finish(&mut ledger)?,
            Err(error) if files::is_access_error(&error) => return Err(error),
            Err(error) => tracing::warn!(
                "the fingerprints of the evaluated rows were lost, and so were the rows: {error:#}"
            ),
        }
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
    if noted_loss(history)?.is_some() {
        history.save_document(FOUND_LOSS, &None::<String>)?;
    }
    Ok((key, ledger))
}

/// Writes fingerprints after the committed ones of the file, and counts them in the ledger, which the
/// caller commits.
pub(crate) fn append_fingerprints(
    layout: &Layout,
    ledger: &mut Ledger,
    fingerprints: &[Fingerprint],
) -> anyhow::Result<()> {
    if fingerprints.is_empty() {
        return Ok(());
    }
    let mut appender = Appender::open(layout, ledger)?;
    appender.append(fingerprints)?;
    appender.finish(ledger)
}

/// Appends fingerprints after the committed ones of the file.
struct Appender {
    path: PathBuf,
    hasher: Hasher,
    writer: files::FileWriter,
    /// Number of fingerprints in the file.
    count: u64,
}

impl Appender {
    fn open(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Self> {
        let path = layout.evaluated_fingerprints();
        let count = ledger.evaluated_fingerprints;
        Ok(Self {
            hasher: running_digest(&path, ledger)?,
            writer: files::open_for_appending(&path, byte_length(count))?,
            count,
            path,
        })
    }

    fn append(&mut self, fingerprints: &[Fingerprint]) -> anyhow::Result<()> {
        for fingerprint in fingerprints {
            let bytes = fingerprint.to_le_bytes();
            self.hasher.update(&bytes);
            self.writer
                .write_all(&bytes)
                .with_context(|| format!("failed to write {}", self.path.display()))?;
        }
        self.count += fingerprints.len() as u64;
        Ok(())
    }

    /// Syncs the file and counts the fingerprints in the ledger, which the caller commits.
    fn finish(self, ledger: &mut Ledger) -> anyhow::Result<()> {
        files::close(self.writer)?;
        ledger.evaluated_fingerprints = self.count;
        ledger.state.evaluated = self.hasher.state();
        Ok(())
    }
}

/// Running SHA-256 of the committed fingerprints. Reads them only if an older program wrote them.
fn running_digest(path: &Path, ledger: &Ledger) -> anyhow::Result<Hasher> {
    if ledger.evaluated_fingerprints == 0 {
        return Ok(Hasher::new());
    }
    if let Some(hasher) = Hasher::continuing(&ledger.state.evaluated) {
        return Ok(hasher);
    }
    digest::running(path, byte_length(ledger.evaluated_fingerprints))?
        .ok_or_else(|| changed(path.to_owned()))
}
