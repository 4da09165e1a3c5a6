//! The seal of the history: its SHA-256 in a file beside it.
//!
//! SQLite notices an invalid page, but not a changed digit in a valid page. The seal is written when the
//! history is closed. SQLite counts the transactions of a file in its header. There are three cases:
//! - The counter equals the sealed one: the content must have the sealed SHA-256.
//! - The counter is higher: the last writer was killed before it could seal. Nothing is known.
//! - The counter is lower: the file is an older copy, which does not fit the other files.
//!
//! A seal without a history shows that the history is lost.
//!
//! Undoing a transaction restores the counter, but not the content of unused pages, because SQLite does not
//! keep their old content. So the seal is removed before an incomplete transaction is undone. A history that
//! was written to is sealed again, even if its counter equals the sealed one.
//!
//! The seal is not synced to disk. A lost or damaged seal proves nothing.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::damage::Damaged;
use super::open::with_suffix;
use crate::artifact::{self, Format};
use crate::ledger::FileStamp;
use crate::{digest, files, regular};

const FORMAT: Format = Format {
    name: "risk history seal",
    version: 1,
};
/// Place of the counter of transactions in the header of an SQLite file, four bytes in big-endian
/// order.
const COUNTER_AT: usize = 24;
const COUNTER_BYTES: usize = 4;

/// Seals the history once it is dropped, after the connection was closed.
pub(super) struct Seal {
    history: PathBuf,
    /// The file before the connection was opened.
    before: Option<FileStamp>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    /// Transactions that the file has seen, by its header.
    counter: u32,
    /// SHA-256 of the whole file.
    sha256: String,
}

impl Seal {
    /// The seal to write when this history is closed. `before` is from [`before_opening`].
    pub(super) fn of(history: &Path, before: Option<FileStamp>) -> Self {
        Self {
            history: history.to_owned(),
            before,
        }
    }
}

/// Removes the seal if the opening will undo a transaction. Returns the stamp of the history.
pub(super) fn before_opening(history: &Path) -> anyhow::Result<Option<FileStamp>> {
    if is_open(history) {
        files::remove_file(&path_of(history))?;
    }
    Ok(stamp(history))
}

fn stamp(history: &Path) -> Option<FileStamp> {
    let metadata = history.metadata().ok()?;
    Some(FileStamp::of(&metadata))
}

impl Drop for Seal {
    fn drop(&mut self) {
        if let Err(error) = seal(&self.history, self.before) {
            tracing::warn!(
                "the history was not sealed, so a change of its file is not noticed until the next program seals it: {error:#}"
            );
        }
    }
}

/// The file of the seal.
fn path_of(history: &Path) -> PathBuf {
    with_suffix(history, "-seal")
}

fn seal(history: &Path, before: Option<FileStamp>) -> anyhow::Result<()> {
    if is_open(history) {
        // A transaction failed and could not be undone, as on a full disk. The next program undoes it,
        // and then the history is as it was sealed before.
        return Ok(());
    }
    let Some(counter) = counter(history)? else {
        return Ok(());
    };
    let is_sealed = stored(history)?.is_some_and(|sealed| sealed.counter == counter);
    if is_sealed && stamp(history) == before {
        return Ok(());
    }
    let (sha256, _) = digest::of_file(history)?;
    let bytes = artifact::encode(FORMAT, &Sealed { counter, sha256 })?;
    files::replace_unsynced(&path_of(history), &bytes)
}

/// An error if the history does not have the content that it was closed with, is an older copy, or is
/// missing or empty. Never an error without a seal.
pub(super) fn verify(history: &Path) -> anyhow::Result<()> {
    let Some(sealed) = stored(history)? else {
        return Ok(());
    };
    let problem = match counter(history)? {
        None => "it is missing or cut, but its seal is there",
        Some(counter) if counter < sealed.counter => "it is an older copy",
        Some(counter) if counter > sealed.counter => return Ok(()),
        Some(_) if digest::of_file(history)?.0 == sealed.sha256 => return Ok(()),
        // A run may have written meanwhile. SQLite rolls an incomplete transaction back.
        Some(counter) if self::counter(history)? != Some(counter) || is_open(history) => {
            return Ok(());
        }
        Some(_) => "its checksum does not match",
    };
    Err(Damaged::new(format!(
        "{problem} (if that was done on purpose, remove {})",
        path_of(history).display()
    ))
    .into())
}

/// True if the journal shows a transaction that is not complete.
pub(super) fn is_open(history: &Path) -> bool {
    let journal = with_suffix(history, "-journal").metadata();
    journal.is_ok_and(|metadata| metadata.len() > 0)
}

/// The seal, unless it is missing or damaged.
fn stored(history: &Path) -> anyhow::Result<Option<Sealed>> {
    let Some(bytes) = files::read_if_present(&path_of(history))? else {
        return Ok(None);
    };
    Ok(artifact::decode(FORMAT, &bytes).ok())
}

/// Why the content of the seal cannot be read; `None` if it can, or if there is no seal.
pub(super) fn damage(history: &Path) -> Option<String> {
    let path = path_of(history);
    let bytes = files::read_if_present(&path).ok()??;
    let decoded = artifact::decode::<Sealed>(FORMAT, &bytes);
    let error = decoded.err()?;
    Some(format!("{}: {error}", path.display()))
}

/// The counter of transactions; `None` if the file is missing or has no whole header.
pub(super) fn counter(history: &Path) -> anyhow::Result<Option<u32>> {
    let mut header = [0; COUNTER_AT + COUNTER_BYTES];
    let read = |mut file: File| file.read_exact(&mut header);
    match regular::open(history).and_then(read) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::NotFound) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("failed to read {}", history.display()));
        }
    }
    let counter = header.last_chunk::<COUNTER_BYTES>();
    Ok(counter.map(|bytes| u32::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::layout;
    use crate::history::{History, is_damage};

    /// Opens the history for writing; returns the problem.
    fn problem(layout: &crate::Layout) -> Option<String> {
        let error = History::open(layout).err()?;
        assert!(is_damage(&error), "{error:#}");
        Some(format!("{error:#}"))
    }

    #[test]
    fn a_changed_byte_and_an_older_copy_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let path = layout.history();
        let save = |content: &str| {
            let history = History::open(&layout).unwrap();
            history.save_document("note", &content).unwrap();
        };
        save("17 rows");
        let older = regular::read(&path).unwrap();
        save("18 rows");
        let whole = regular::read(&path).unwrap();
        let at = whole.windows(7).rposition(|text| text == b"18 rows");
        let mut changed = whole.clone();
        changed[at.unwrap()] = b'7';
        for (content, says) in [
            (&changed, Some("checksum does not match")),
            (&older, Some("is an older copy")),
            (&Vec::new(), Some("is missing or cut")),
            (&whole, None),
        ] {
            files::replace(&path, content).unwrap();
            let found = problem(&layout);
            assert_eq!(found.is_some(), says.is_some(), "{found:?}");
            let found = found.unwrap_or_default();
            assert!(found.contains(says.unwrap_or_default()), "{found}");
            assert_eq!(History::check_seal(&layout).is_err(), says.is_some());
            let Some(reader) = History::read(&layout).unwrap() else {
                continue;
            };
            let problems = reader.integrity_problems().unwrap();
            assert_eq!(problems.is_empty(), says.is_none(), "{problems:?}");
        }
        files::remove_file(&path).unwrap();
        assert!(problem(&layout).is_some_and(|found| found.contains("is missing")));
        assert!(!path.exists());
        // A person decides that the older copy counts.
        files::replace(&path, &older).unwrap();
        files::remove_file(&path_of(&path)).unwrap();
        assert_eq!(problem(&layout), None);
    }

    #[test]
    fn a_transaction_that_could_not_be_undone_is_not_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let (path, journal) = (layout.history(), with_suffix(&layout.history(), "-journal"));
        drop(History::open(&layout).unwrap());
        let sealed = || regular::read(&path_of(&path)).unwrap();
        let before = sealed();
        // The first page is written, and the journal has the page as it was.
        let mut bytes = regular::read(&path).unwrap();
        bytes[COUNTER_AT + COUNTER_BYTES - 1] += 1;
        files::replace(&path, &bytes).unwrap();
        files::replace(&journal, b"the page as it was").unwrap();
        seal(&path, None).unwrap();
        assert!(
            sealed() == before,
            "the next program undoes the transaction"
        );
        files::remove_file(&journal).unwrap();
        seal(&path, None).unwrap();
        assert!(sealed() != before, "the transaction is complete");
    }

    #[test]
    fn a_transaction_that_was_cut_short_or_undone_is_no_damage_though_unused_pages_changed() {
        const KIB: usize = 1024;
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let (path, journal) = (layout.history(), with_suffix(&layout.history(), "-journal"));
        let history = History::open(&layout).unwrap();
        history
            .save_document("note", &"a".repeat(200 * KIB))
            .unwrap();
        history.save_document("note", &"short").unwrap();
        drop(history);
        let sealed = regular::read(&path_of(&path)).unwrap();
        let history = History::open(&layout).unwrap();
        let begin = "PRAGMA cache_size = 1; BEGIN";
        history.connection.execute_batch(begin).unwrap();
        history
            .save_document("note", &"b".repeat(100 * KIB))
            .unwrap();
        history
            .save_document("other", &"c".repeat(60 * KIB))
            .unwrap();
        let left = [&path, &journal].map(|path| regular::read(path).unwrap());
        assert!(left[1].len() > KIB, "the journal should be hot");
        history.connection.execute_batch("ROLLBACK").unwrap();
        let undone = regular::read(&path).unwrap();
        drop(history);
        assert_eq!(problem(&layout), None, "it was undone");
        // The files of a program that was killed in the middle.
        for (path, content) in [
            (&path, &left[0]),
            (&journal, &left[1]),
            (&path_of(&path), &sealed),
        ] {
            files::replace(path, content).unwrap();
        }
        let history = History::open(&layout).unwrap();
        assert_eq!(
            history.document::<String>("note").unwrap().as_deref(),
            Some("short")
        );
        drop(history);
        assert_eq!(problem(&layout), None, "it was cut short");
        // Otherwise the test shows nothing: the sealed content is not there any more.
        files::replace(&path_of(&path), &sealed).unwrap();
        files::replace(&path, &undone).unwrap();
        assert!(problem(&layout).is_some());
    }

    #[test]
    fn a_lost_or_damaged_seal_and_a_killed_writer_prove_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        drop(History::open(&layout).unwrap());
        let seal = path_of(&layout.history());
        let first = regular::read(&seal).unwrap();
        let history = History::open(&layout).unwrap();
        history.save_document("note", &"killed").unwrap();
        drop(history);
        for left in [&first[..], b"", b"no seal", &first[..first.len() / 2]] {
            files::replace(&seal, left).unwrap();
            assert_eq!(problem(&layout), None);
            assert!(
                stored(&layout.history()).unwrap().is_some(),
                "it is sealed again"
            );
        }
    }
}
