//! A history that is damaged, or that somebody else wrote: what is not done with it, and what its
//! owner can do.

use std::fmt;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use crate::Layout;

/// The history holds what no program of ours wrote.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Damaged(String);

/// The error for something in the history that cannot be read.
pub(super) fn unreadable(what: &str, problem: &dyn fmt::Display) -> Damaged {
    Damaged(format!(
        "the {what} in the history cannot be read: {problem}"
    ))
}

/// Trusts nothing that the file brings besides rows: no trigger or view of it takes effect, no
/// function is called from its definitions, and its pages are checked as they are read.
pub(super) fn distrust(connection: &Connection) -> rusqlite::Result<()> {
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

/// Whether all pages hold together, before the first of them is written.
///
/// It reads the whole file: some milliseconds for the usual one.
pub(super) fn check(connection: &Connection) -> anyhow::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Damaged(found.replace('\n', " ")).into());
    }
    Ok(())
}

/// The error, with what to do where its cause is a damaged history.
pub fn with_remedy(error: anyhow::Error, layout: &Layout) -> anyhow::Error {
    if !is_damage(&error) {
        return error;
    }
    error.context(format!(
        "the history {} is damaged: put a backup in its place, or move it away; then the next run begins a new one, takes all input in again, judges again what the live model was not fitted to, and the list of past runs is lost",
        layout.history().display()
    ))
}

/// Whether an error says that the file of the history is damaged, rather than out of reach.
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
        // A value of another type than we write.
        None => true,
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                // A table or column is not there, or is there already.
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
