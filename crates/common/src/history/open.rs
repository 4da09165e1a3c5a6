//! Opening the history, for writing or reading.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::damage::{check_pages, restrict_features};
use super::schema;
use super::seal::{self, Seal};
use super::store::History;
use crate::files::OutputFile;
use crate::{Failure, Layout, faults, files, regular};

/// Maximum wait for a transaction of another process. A transaction takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of attempts to copy the history. A transaction takes milliseconds.
const MAX_COPIES: u32 = 5;
/// Pause before a further attempt, so that one transaction does not disturb them all.
const COPY_PAUSE: Duration = Duration::from_millis(20);

impl History {
    /// Opens the history for writing; creates or upgrades it first. The caller holds the run lock.
    pub fn open(layout: &Layout) -> anyhow::Result<Self> {
        files::create_folder(layout.state())?;
        let path = layout.history();
        if is_lost(&path)? {
            // Checked before the file is opened, because opening creates an empty file in its place.
            Self::check_seal(layout)?;
            if let Some(loss) = Self::loss(layout)? {
                tracing::warn!(
                    "{loss}: a new history begins without earlier runs and changes by hand, and all input is ingested again; if you have a backup of the history, put it there"
                );
            }
        }
        open_for_writing(&path)
            .with_context(|| format!("failed to open the history {}", path.display()))
    }

    /// An error if the history was changed, replaced by an older copy or lost since it was last closed.
    /// [`Self::open`] checks the same.
    pub fn check_seal(layout: &Layout) -> anyhow::Result<()> {
        seal::verify(&layout.history())
    }

    /// Says that the history is missing or empty, if other files show that there was one.
    pub fn loss(layout: &Layout) -> anyhow::Result<Option<String>> {
        let path = layout.history();
        if !is_lost(&path)? {
            return Ok(None);
        }
        let of_a_run = [
            layout.evaluated_fingerprints(),
            layout.ingestion_carry(),
            layout.final_data(),
            layout.current(),
        ];
        let other = of_a_run.iter().find(|path| path.symlink_metadata().is_ok());
        Ok(other.map(|other| {
            format!(
                "the history {} is missing or empty, although {} is there",
                path.display(),
                other.display()
            )
        }))
    }

    /// What is wrong with the seal, if its content is damaged. A missing seal is no damage, because older
    /// programs wrote no seal. The next program that closes the history writes the seal again.
    pub fn damage_of_seal(layout: &Layout) -> Option<String> {
        seal::damage(&layout.history())
    }

    /// Opens the history for reading; `None` if there is none yet.
    ///
    /// Nothing is written next to the history, not even by SQLite. A killed writer may leave a
    /// journal that must be rolled back first. History and journal are then copied to a temporary
    /// folder and read there.
    pub fn read(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let path = layout.history();
        if !files::exists(&path)? {
            return Ok(None);
        }
        let history = match open_for_reading(&path) {
            Err(error) if needs_recovery(&error) => read_copy(&path),
            opened => opened.map(|connection| History {
                connection,
                path: path.clone(),
                _copy: None,
                _seal: None,
            }),
        };
        history
            .and_then(|history| {
                // Version 0: the run that was creating the history was killed, so nothing is
                // recorded.
                let is_made = schema::version(&history.connection)? > 0;
                Ok(is_made.then_some(history))
            })
            .with_context(|| format!("failed to read the history {}", path.display()))
    }
}

/// True if the history is missing or empty.
fn is_lost(path: &Path) -> anyhow::Result<bool> {
    Ok(files::length_if_present(path)?.is_none_or(|length| length == 0))
}

fn open_for_writing(path: &Path) -> anyhow::Result<History> {
    let before = seal::before_opening(path)?;
    let connection = open_database(path, |connection| {
        // A newer or damaged history is left unchanged.
        schema::version(connection)?;
        check_pages(connection)?;
        if let Some(damage) = seal::damage(path) {
            tracing::warn!("{damage}");
        }
        seal::verify(path)
    })?;
    schema::migrate(&connection)?;
    Ok(History {
        connection,
        path: path.to_owned(),
        _copy: None,
        _seal: Some(Seal::of(path, before)),
    })
}

/// Opens a database of the state folder for writing, and makes it if there is none. A file that `check`
/// rejects is left unchanged.
pub(crate) fn open_database(
    path: &Path,
    check: impl FnOnce(&Connection) -> anyhow::Result<()>,
) -> anyhow::Result<Connection> {
    // The file is created before SQLite opens it, so that only the owner and the owner's group can
    // read it.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o640);
    OutputFile::open(path, &mut options)?;
    check_files(path)?;
    faults::watch_sqlite();
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    restrict_features(&connection)?;
    check(&connection)?;
    connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens a database of the state folder only to read it.
pub(crate) fn open_to_read(path: &Path) -> anyhow::Result<Connection> {
    check_files(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    restrict_features(&connection)?;
    Ok(connection)
}

fn open_for_reading(path: &Path) -> anyhow::Result<Connection> {
    let connection = open_to_read(path)?;
    // SQLite opens a file lazily. This first read detects a journal that must be rolled back.
    schema::version(&connection)?;
    Ok(connection)
}

/// True if SQLite refuses to read because it would have to roll back first.
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
    let states = || [path, &journal_of(path)].map(size_and_time);
    let (folder, copy) = copy_with_journal(path, states)?;
    let connection = Connection::open(copy)?;
    restrict_features(&connection)?;
    Ok(History {
        connection,
        path: path.to_owned(),
        _copy: Some(folder),
        _seal: None,
    })
}

/// Copies the history with its journal to a temporary folder, and returns the folder and the copy. If the
/// states of the two files changed meanwhile, a writer was at work, and both are copied again. Returns an error
/// if they changed during each of [`MAX_COPIES`] copies.
fn copy_with_journal(
    path: &Path,
    mut states: impl FnMut() -> [Option<SizeAndTime>; 2],
) -> anyhow::Result<(TempDir, PathBuf)> {
    let journal = journal_of(path);
    for _ in 0..MAX_COPIES {
        let before = states();
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("history.db");
        if before[1].is_some() {
            match regular::copy(&journal, &journal_of(&copy)) {
                // A writer has ended its transaction meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                copied => copied?,
            }
        }
        regular::copy(path, &copy)?;
        if states() == before {
            return Ok((folder, copy));
        }
        thread::sleep(COPY_PAUSE);
    }
    let message = format!(
        "{} is written all the time and cannot be read: try again when no run is working",
        path.display()
    );
    Err(Failure::input_output(message).into())
}

/// Size and modification time of a file.
type SizeAndTime = (u64, Option<SystemTime>);

/// Size and modification time of a file; `None` if there is none.
fn size_and_time(path: &Path) -> Option<SizeAndTime> {
    let metadata = path.metadata().ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

fn journal_of(path: &Path) -> PathBuf {
    with_suffix(path, "-journal")
}

pub(crate) fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Returns an error if one of the files is not a regular file. On a pipe, SQLite would wait for the other
/// end.
fn check_files(path: &Path) -> anyhow::Result<()> {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let file = with_suffix(path, ending);
        regular::check(&file).with_context(|| format!("failed to open {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::layout;

    #[test]
    fn a_newer_history_is_reported_and_not_changed() {
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
        // The files of a killed writer in the middle of its transaction. A cache this small writes
        // changed pages to the file while the journal still holds the old ones.
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
    fn a_copy_is_taken_only_of_files_that_did_not_change_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        crate::files::replace(&path, b"as it is").unwrap();
        // The states before and after each copy. The first two copies are disturbed.
        let mut looks = [1, 2, 2, 3, 3, 3].into_iter();
        let disturbed = || [Some((looks.next().unwrap(), None)), None];
        let (_folder, copy) = copy_with_journal(&path, disturbed).unwrap();
        assert_eq!(std::fs::read(copy).unwrap(), b"as it is");
        assert_eq!(looks.next(), None);

        let mut size = 0;
        let always_disturbed = || {
            size += 1;
            [Some((size, None)), None]
        };
        let error = copy_with_journal(&path, always_disturbed).unwrap_err();
        assert!(error.to_string().contains("try again"), "{error:#}");
        // A journal that is gone when it is to be copied.
        let mut journals = [true, false, false].into_iter();
        let ended = || [None, journals.next().unwrap().then_some((1, None))];
        copy_with_journal(&path, ended).unwrap();
    }

    #[test]
    fn an_empty_history_file_is_no_history() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        std::fs::create_dir_all(layout.state()).unwrap();
        crate::files::replace(&layout.history(), b"").unwrap();
        assert!(History::read(&layout).unwrap().is_none());
    }
}
