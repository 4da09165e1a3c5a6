//! Opening the history, to write or to read.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::damage::{check, distrust};
use super::{History, schema};
use crate::files::OutputFile;
use crate::{Layout, faults, files, regular};

/// How long a reader or writer waits for the other's transaction, which takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction takes milliseconds; so many copies in a row do not all meet one.
const MOST_COPIES: u32 = 5;

impl History {
    /// Opens the history for writing, making or upgrading it; the caller holds the run lock.
    pub fn open(layout: &Layout) -> anyhow::Result<Self> {
        files::create_folder(layout.state())?;
        let path = layout.history();
        open_for_writing(&path)
            .with_context(|| format!("failed to open the history {}", path.display()))
    }

    /// Opens the history for reading; `None` when there is none yet.
    ///
    /// Nothing is written beside the history, not even by SQLite: where a killed writer left a
    /// hot journal, both files are copied to a temporary folder and read there.
    pub fn read(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let path = layout.history();
        if !path.exists() {
            return Ok(None);
        }
        let history = match open_for_reading(&path) {
            Err(error) if needs_recovery(&error) => read_copy(&path),
            opened => opened.map(|connection| History {
                connection,
                path: path.clone(),
                _copy: None,
            }),
        };
        history
            .and_then(|history| {
                // The run that was to make it was cut short: nothing was ever recorded.
                let is_made = schema::version(&history.connection)? > 0;
                Ok(is_made.then_some(history))
            })
            .with_context(|| format!("failed to read the history {}", path.display()))
    }
}

fn open_for_writing(path: &Path) -> anyhow::Result<History> {
    // Made by us first: what SQLite will put into it concerns its owner and the owner's group.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o640);
    OutputFile::open(path, &mut options)?;
    check_files(path)?;
    faults::watch_sqlite();
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    distrust(&connection)?;
    // A newer or damaged one is left as it is.
    schema::version(&connection)?;
    check(&connection)?;
    connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    schema::migrate(&connection)?;
    Ok(History {
        connection,
        path: path.to_owned(),
        _copy: None,
    })
}

fn open_for_reading(path: &Path) -> anyhow::Result<Connection> {
    check_files(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    distrust(&connection)?;
    // Nothing is read before it is asked for; a hot journal shows here.
    schema::version(&connection)?;
    Ok(connection)
}

/// Whether SQLite refuses to read because it would have to roll back first.
fn needs_recovery(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<rusqlite::Error>())
        .any(|cause| {
            matches!(
                cause.sqlite_error_code(),
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
            )
        })
}

fn read_copy(path: &Path) -> anyhow::Result<History> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("history.db");
    copy_with_journal(path, &copy)?;
    let connection = Connection::open(&copy)?;
    distrust(&connection)?;
    Ok(History {
        connection,
        path: path.to_owned(),
        _copy: Some(folder),
    })
}

/// The journal is copied first: of a writer that begins in between, the copy then holds too little
/// rather than half. Where the journal has changed meanwhile, both are copied again.
fn copy_with_journal(path: &Path, copy: &Path) -> anyhow::Result<()> {
    let journal = journal_of(path);
    let state = || {
        let metadata = journal.metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok()))
    };
    for _ in 0..MOST_COPIES {
        let before = state();
        if before.is_some() {
            regular::copy(&journal, &journal_of(copy))?;
        }
        regular::copy(path, copy)?;
        if state() == before {
            break;
        }
    }
    Ok(())
}

fn journal_of(path: &Path) -> PathBuf {
    beside(path, "-journal")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// An error where SQLite would wait for the other end of a pipe.
fn check_files(path: &Path) -> anyhow::Result<()> {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let file = beside(path, ending);
        regular::check(&file).with_context(|| format!("failed to open {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::layout;

    #[test]
    fn a_newer_history_is_named_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let history = History::open(&layout).unwrap();
        history
            .connection
            .pragma_update(None, "user_version", 99)
            .unwrap();
        drop(history);
        let error = History::read(&layout).err().expect("refused");
        assert!(format!("{error:#}").contains("version 99"), "{error:#}");
    }

    #[test]
    fn a_reader_of_an_interrupted_write_sees_the_state_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let written = layout(folder.path());
        let history = History::open(&written).unwrap();
        history.save_document("note", &"before").unwrap();
        // A killed writer's files, as they stood in the middle of its transaction: a cache this
        // small spills changed pages into the file while the journal still holds the old ones.
        history
            .connection
            .execute_batch("PRAGMA cache_size = 1; BEGIN")
            .unwrap();
        history.save_document("note", &"x".repeat(200_000)).unwrap();
        history
            .save_document("other", &"y".repeat(200_000))
            .unwrap();
        let copy = tempfile::tempdir().unwrap();
        let killed = layout(copy.path());
        std::fs::create_dir_all(killed.state()).unwrap();
        for name in ["history.db", "history.db-journal"] {
            std::fs::copy(written.state().join(name), killed.state().join(name)).unwrap();
        }
        let journal = killed.state().join("history.db-journal");
        let before = std::fs::read(&journal).unwrap();
        assert!(!before.is_empty(), "the journal should be hot");

        let reader = History::read(&killed).unwrap().unwrap();
        assert_eq!(
            reader.document::<String>("note").unwrap().as_deref(),
            Some("before")
        );
        assert_eq!(std::fs::read(&journal).unwrap(), before);
    }

    #[test]
    fn a_history_that_was_only_begun_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        std::fs::create_dir_all(layout.state()).unwrap();
        crate::files::replace(&layout.history(), b"").unwrap();
        assert!(History::read(&layout).unwrap().is_none());
    }
}
