//! The history store: runs, findings, durations, and the ledger.
//!
//! One SQLite file in the state folder, written under the run lock and read by all programs. Values
//! of stages, such as run records, are stored as JSON: their types live in the crates that produce
//! them. A transaction of the history is a commit point of the pipeline.

mod alert_rows;
mod damage;
pub mod documents;
mod estimate_rows;
mod integrity;
mod ledger_rows;
mod open;
mod run_pages;
mod run_rows;
mod schema;
mod score_rows;
mod stage_rows;
mod stage_timer;

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::Connection;

pub use self::alert_rows::{OpenCondition, WaitingAlert};
pub(crate) use self::damage::Damaged;
use self::damage::unreadable;
pub use self::damage::{is_damage, with_remedy};
pub use self::run_rows::{LastRun, StoredRun};
pub use self::score_rows::StoredScore;
pub use self::stage_rows::{STAGES, StageDuration};
pub use self::stage_timer::StageTimer;

/// An open history.
pub struct History {
    connection: Connection,
    path: PathBuf,
    /// Temporary folder with a copy, which is read while another process's journal is hot.
    _copy: Option<tempfile::TempDir>,
}

impl History {
    /// Error context: the failed action and the file.
    fn failed_to(&self, what: &str) -> String {
        format!("failed to {what} in the history {}", self.path.display())
    }

    /// Runs `work` as one transaction: all of its writes happen or none. A nested call becomes a
    /// savepoint, and the outer transaction may continue after its failure.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if !self.connection.is_autocommit() {
            return self.nested_transaction(work);
        }
        let transaction = self
            .connection
            .unchecked_transaction()
            .with_context(|| self.failed_to("begin a transaction"))?;
        let done = work(self)?;
        transaction
            .commit()
            .with_context(|| self.failed_to("commit"))?;
        Ok(done)
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
            // The whole transaction is then undone, and its commit fails.
            tracing::warn!("{error:#}");
        }
        done
    }

    /// Copies the committed history to a new file.
    pub fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        let text = path
            .to_str()
            .with_context(|| format!("{} is no UTF-8 path", path.display()))?;
        self.connection
            .execute("VACUUM INTO ?1", [text])
            .with_context(|| format!("failed to copy the history to {}", path.display()))?;
        Ok(())
    }
}

fn time(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|error| unreadable("time of a run", &error).into())
}

#[cfg(test)]
mod tests;
