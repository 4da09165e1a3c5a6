//! An open history, and its transactions.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::Connection;

use super::damage::unreadable;
use super::seal::{self, Seal};
use crate::Failure;

/// An open history.
pub struct History {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// Temporary folder with a copy of the history, if the copy is read instead of the file. A
    /// killed writer left a journal that must be rolled back first.
    pub(super) _copy: Option<tempfile::TempDir>,
    /// Seals the file of a writer. Fields are dropped in this order, so the connection is closed by
    /// then.
    pub(super) _seal: Option<Seal>,
}

impl History {
    /// Error context: the failed action and the file.
    pub(super) fn failed_to(&self, what: &str) -> String {
        format!("failed to {what} in the history {}", self.path.display())
    }

    /// Runs `work` as one transaction: all of its writes happen or none. A nested call becomes a
    /// savepoint: if it fails, the outer transaction may continue.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if !self.connection.is_autocommit() {
            return self.nested_transaction(work);
        }
        // No lock is held here, so the file may be opened and closed.
        let before = seal::counter(&self.path).ok().flatten();
        let transaction = self
            .connection
            .unchecked_transaction()
            .with_context(|| self.failed_to("begin a transaction"))?;
        let done = work(self)?;
        // SQLite undoes a whole transaction where the disk is full. A part of the work that may fail
        // has then written its error to the log.
        if self.connection.is_autocommit() {
            let undone = "the change was undone: perhaps the disk is full, the log has the reason";
            return Err(Failure::input_output(undone)).with_context(|| self.failed_to("commit"));
        }
        transaction
            .commit()
            .inspect_err(|_| self.stop_writing_if_committed(before))
            .with_context(|| self.failed_to("commit"))?;
        Ok(done)
    }

    /// Refuses all further writes if a commit is complete although it returned an error. This happens if the
    /// system refuses to release a lock.
    ///
    /// This program's view of the history is then out of date. The next program continues from the history.
    fn stop_writing_if_committed(&self, before: Option<u32>) {
        let now = seal::counter(&self.path).ok().flatten();
        if now == before || seal::is_open(&self.path) {
            return;
        }
        tracing::warn!(
            "the change of the history is complete although an error followed: this program writes no more"
        );
        if let Err(error) = self.connection.pragma_update(None, "query_only", true) {
            tracing::debug!("{error}");
        }
    }

    fn nested_transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let execute = |statements: &str| {
            self.connection
                .execute_batch(statements)
                .with_context(|| self.failed_to("keep a part of a transaction apart"))
        };
        execute("SAVEPOINT part")?;
        let done = work(self);
        if done.is_ok() {
            execute("RELEASE part")?;
        } else if let Err(error) = execute("ROLLBACK TO part; RELEASE part") {
            // The whole transaction is undone in this case, and its commit fails.
            tracing::warn!("{error:#}");
        }
        done
    }

    /// Copies the committed history to a new file.
    pub fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        let text = path.to_str().ok_or_else(|| {
            Failure::configuration(format!(
                "{} is not a UTF-8 path: name another folder in TMPDIR",
                path.display()
            ))
        })?;
        self.connection
            .execute("VACUUM INTO ?1", [text])
            .with_context(|| format!("failed to copy the history to {}", path.display()))?;
        Ok(())
    }
}

/// Parses a time of a run from the text in the history.
pub(super) fn time(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|error| unreadable("time of a run", &error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, classify};
    use crate::history::tests::layout;

    #[test]
    fn after_a_commit_that_is_complete_and_failed_nothing_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let history = History::open(&layout).unwrap();
        let counter = || seal::counter(&layout.history()).unwrap();
        // As where the system refuses to release the lock.
        let before = counter();
        history.save_document("note", &"committed").unwrap();
        history.stop_writing_if_committed(before);
        let error = history.save_document("note", &"failed").unwrap_err();
        assert_eq!(classify(&error), Exit::InputOutput);
        drop(history);
        let history = History::open(&layout).unwrap();
        let note: Option<String> = history.document("note").unwrap();
        assert_eq!(note.as_deref(), Some("committed"));
        // A commit that was undone, as on a full disk: the failure can be recorded.
        history.stop_writing_if_committed(counter());
        history.save_document("note", &"failed").unwrap();
    }
}
