//! A damaged or foreign history: protection against it, and advice for its owner.

use std::fmt;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use crate::Layout;

/// The history holds content that no program of the pipeline wrote.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Damaged(String);

impl Damaged {
    /// The history is damaged in this way.
    pub(crate) fn new(problem: String) -> Self {
        Self(problem)
    }
}

/// The error for unreadable content of the history.
pub(super) fn unreadable(what: &str, problem: &dyn fmt::Display) -> Damaged {
    Damaged(format!(
        "the {what} in the history cannot be read: {problem}"
    ))
}

/// Restricts what the file itself can do: no triggers, no views, no functions in definitions. Pages
/// are checked as they are read.
pub(super) fn restrict_features(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.pragma_update(None, "cell_size_check", true)
}

/// Checks the consistency of all pages before the first write.
///
/// Reads the whole file, which takes milliseconds for the usual size.
pub(crate) fn check_pages(connection: &Connection) -> anyhow::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Damaged(found.replace('\n', " ")).into());
    }
    Ok(())
}

/// Adds advice to an error that a damaged history caused.
pub fn with_remedy(error: anyhow::Error, layout: &Layout) -> anyhow::Error {
    if !is_damage(&error) {
        return error;
    }
    error.context(format!(
        "the history {0} is damaged: put a backup in its place and remove its seal {0}-seal, or move both away; then the next run begins a new one, takes all input in again, evaluates again the rows that the live model was not fitted to, and the list of past runs is lost",
        layout.history().display()
    ))
}

/// True if an error means that the history file is damaged, rather than unreachable.
pub fn is_damage(error: &anyhow::Error) -> bool {
    error.chain().any(says_damage)
}

fn says_damage(cause: &(dyn std::error::Error + 'static)) -> bool {
    if cause.is::<Damaged>() {
        return true;
    }
    let Some(cause) = cause.downcast_ref::<rusqlite::Error>() else {
        return false;
    };
    match cause.sqlite_error_code() {
        // A value of an unexpected type.
        None => true,
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                // A table or column is missing, or already exists.
                | ErrorCode::Unknown
        ),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::History;
    use crate::exit::{Exit, classify};
    use crate::history::tests::layout;

    #[test]
    fn only_a_damaged_history_gets_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let full = std::io::Error::other("disk full");
        let other = with_remedy(anyhow::Error::new(full).context("failed to write"), &layout);
        assert!(!format!("{other:#}").contains("history"), "{other:#}");
        let damaged = Err::<(), _>(unreadable("ledger", &"it contradicts itself"))
            .context("ingestion")
            .unwrap_err();
        let explained = with_remedy(damaged, &layout);
        assert_eq!(classify(&explained), Exit::InputOutput);
        let text = format!("{explained:#}");
        assert!(
            text.contains("history.db is damaged: put a backup"),
            "{text}"
        );
        assert!(text.ends_with("it contradicts itself"), "{text}");
    }

    #[test]
    fn nothing_in_the_file_is_executed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        drop(History::open(&layout).unwrap());
        let tampered = Connection::open(layout.history()).unwrap();
        tampered
            .execute_batch(
                "CREATE TRIGGER forget AFTER INSERT ON documents BEGIN DELETE FROM documents; END;
                 CREATE VIEW other AS SELECT * FROM documents;",
            )
            .unwrap();
        drop(tampered);
        let history = History::open(&layout).unwrap();
        history.save_document("note", &"kept").unwrap();
        let kept: Option<String> = history.document("note").unwrap();
        assert_eq!(kept.as_deref(), Some("kept"));
        let seen = history.connection.prepare("SELECT * FROM other");
        assert!(seen.is_err(), "a view is looked through");
    }
}
