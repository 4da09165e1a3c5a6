//! The history store: what ran, what it found, how long it took, and the ledger.
//!
//! One SQLite file in the state folder, written under the run lock and read by everyone. Values
//! of the stages (the record of a run, the summary of the data) are kept as JSON: their types
//! live in the crates that produce them. A transaction here is a commit point of the pipeline.

mod integrity;
mod ledger_rows;
mod open;
mod schema;

use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use integrity::is_damage;

/// An open history.
pub struct History {
    connection: Connection,
    /// Holds the copy that is read while another process's journal is hot.
    _copy: Option<tempfile::TempDir>,
}

/// One line of the list of runs.
#[derive(Clone, Debug)]
pub struct StoredRun<T> {
    /// Number of the run, counting up from 1.
    pub id: i64,
    /// What the run recorded.
    pub record: T,
}

/// How the newest run that ended came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastRun {
    /// Number of the run.
    pub run_id: i64,
    /// Its outcome, for example `steady`.
    pub outcome: String,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// How long one stage took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageDuration {
    /// Name of the stage, for example `training`.
    pub stage: String,
    /// The run it belonged to; `None` when it was run by hand.
    pub run: Option<i64>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// F1 of one model on the test data.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredScore {
    /// SHA-256 of the model file.
    pub model: String,
    /// F1 of class 1.
    pub f1: f64,
}

impl History {
    /// Runs `work` as one transaction: all of its writes happen or none.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .context("failed to begin a transaction of the history")?;
        let done = work(self)?;
        transaction
            .commit()
            .context("failed to commit to the history")?;
        Ok(done)
    }

    /// Opens a run and gives it its number.
    pub fn begin_run<T: Serialize>(&self, now: Timestamp, record: &T) -> anyhow::Result<i64> {
        self.connection
            .execute(
                "INSERT INTO runs (started_at, record) VALUES (?1, ?2)",
                params![now.to_string(), serde_json::to_string(record)?],
            )
            .context("failed to record the run")?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Updates what an open run has recorded.
    pub fn save_run<T: Serialize>(&self, run: i64, record: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "UPDATE runs SET record = ?2 WHERE id = ?1",
                params![run, serde_json::to_string(record)?],
            )
            .context("failed to record the run's progress")?;
        Ok(())
    }

    /// Closes a run.
    pub fn finish_run<T: Serialize>(
        &self,
        run: i64,
        now: Timestamp,
        outcome: &str,
        record: &T,
    ) -> anyhow::Result<()> {
        self.connection
            .execute(
                "UPDATE runs SET record = ?2, outcome = ?3, finished_at = ?4 WHERE id = ?1",
                params![
                    run,
                    serde_json::to_string(record)?,
                    outcome,
                    now.to_string()
                ],
            )
            .context("failed to record the run's outcome")?;
        Ok(())
    }

    /// Forgets all but the newest `keep` runs with this outcome.
    pub fn prune_runs(&self, outcome: &str, keep: u32) -> anyhow::Result<()> {
        self.connection
            .execute(
                "DELETE FROM runs WHERE outcome = ?1 AND id <= (
                     SELECT id FROM runs WHERE outcome = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                params![outcome, keep],
            )
            .context("failed to prune the runs of the history")?;
        Ok(())
    }

    /// The runs that began and never ended, oldest first; normally none or one.
    pub fn unfinished_runs<T: DeserializeOwned>(&self) -> anyhow::Result<Vec<StoredRun<T>>> {
        self.stored_runs("WHERE finished_at IS NULL ORDER BY id", i64::MAX)
    }

    /// The newest runs that ended, newest first.
    pub fn finished_runs<T: DeserializeOwned>(
        &self,
        limit: i64,
    ) -> anyhow::Result<Vec<StoredRun<T>>> {
        self.stored_runs("WHERE finished_at IS NOT NULL ORDER BY id DESC", limit)
    }

    fn stored_runs<T: DeserializeOwned>(
        &self,
        which: &str,
        limit: i64,
    ) -> anyhow::Result<Vec<StoredRun<T>>> {
        let context = "failed to read the runs of the history";
        let mut statement = self
            .connection
            .prepare(&format!("SELECT id, record FROM runs {which} LIMIT ?1"))
            .context(context)?;
        let rows = statement
            .query_map([limit], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
            .context(context)?;
        rows.map(|row| {
            let (id, record) = row.context(context)?;
            let record = serde_json::from_str(&record)
                .with_context(|| format!("failed to read the record of run {id}"))?;
            Ok(StoredRun { id, record })
        })
        .collect()
    }

    /// How the newest run that ended came out; `None` before the first.
    pub fn last_run(&self) -> anyhow::Result<Option<LastRun>> {
        let context = "failed to read the runs of the history";
        let last: Option<(i64, String, String)> = self
            .connection
            .query_row(
                "SELECT id, outcome, finished_at FROM runs
                 WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()
            .context(context)?;
        last.map(|(run_id, outcome, finished_at)| {
            Ok(LastRun {
                run_id,
                outcome,
                finished_at: finished_at.parse().context(context)?,
            })
        })
        .transpose()
    }

    /// Copies the history as it is committed now to a new file.
    pub fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        let text = path
            .to_str()
            .with_context(|| format!("{} is no UTF-8 path", path.display()))?;
        self.connection
            .execute("VACUUM INTO ?1", [text])
            .with_context(|| format!("failed to copy the history to {}", path.display()))?;
        Ok(())
    }

    /// Records how long a stage took.
    pub fn record_stage(&self, duration: &StageDuration) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO stages (run, stage, started_at, seconds) VALUES (?1, ?2, ?3, ?4)",
                params![
                    duration.run,
                    duration.stage,
                    duration.started_at.to_string(),
                    duration.seconds
                ],
            )
            .context("failed to record a stage's duration")?;
        Ok(())
    }

    /// The newest recorded durations of a stage, newest first.
    pub fn stage_durations(&self, stage: &str, limit: i64) -> anyhow::Result<Vec<StageDuration>> {
        let context = "failed to read the durations of the history";
        let mut statement = self
            .connection
            .prepare(
                "SELECT stage, run, started_at, seconds FROM stages
                 WHERE stage = ?1 ORDER BY id DESC LIMIT ?2",
            )
            .context(context)?;
        let rows = statement
            .query_map(params![stage, limit], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                ))
            })
            .context(context)?;
        rows.map(|row| {
            let (stage, run, started_at, seconds) = row.context(context)?;
            Ok(StageDuration {
                stage,
                run,
                started_at: started_at.parse().context(context)?,
                seconds,
            })
        })
        .collect()
    }

    /// Records a model's score on the test data.
    pub fn record_score(&self, now: Timestamp, score: &StoredScore) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO scores (recorded_at, model, f1) VALUES (?1, ?2, ?3)",
                params![now.to_string(), score.model, score.f1],
            )
            .context("failed to record a score")?;
        Ok(())
    }

    /// The score recorded last.
    pub fn latest_score(&self) -> anyhow::Result<Option<StoredScore>> {
        self.connection
            .query_row(
                "SELECT model, f1 FROM scores ORDER BY id DESC LIMIT 1",
                [],
                |row| {
                    Ok(StoredScore {
                        model: row.get(0)?,
                        f1: row.get(1)?,
                    })
                },
            )
            .optional()
            .context("failed to read the scores of the history")
    }

    /// Keeps a document that replaces the one of the same name.
    pub fn save_document<T: Serialize>(&self, name: &str, document: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO documents (name, content) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                params![name, serde_json::to_string(document)?],
            )
            .with_context(|| format!("failed to record the {name}"))?;
        Ok(())
    }

    /// The document of that name.
    pub fn document<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let content: Option<String> = self
            .connection
            .query_row(
                "SELECT content FROM documents WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
            .optional()
            .with_context(|| format!("failed to read the {name} of the history"))?;
        content
            .map(|content| {
                serde_json::from_str(&content)
                    .with_context(|| format!("failed to read the {name} of the history"))
            })
            .transpose()
    }
}

/// The stages whose durations are recorded, in the order of a run.
pub const STAGES: [&str; 8] = [
    "ingestion",
    "judging",
    "training",
    "scoring",
    "gate",
    "deployment",
    "reporting",
    "apicalls",
];

/// Names of the documents that more than one crate reads.
pub mod documents {
    /// Summary statistics of the ingested data.
    pub const SUMMARY: &str = "summary of the data";
    /// SHA-256 of the live model that the ledger was last held against.
    pub const RECONCILED_MODEL: &str = "reconciled model";
    /// When the live release was last changed by hand.
    pub const CHANGED_BY_HAND: &str = "last change by hand";
}

#[cfg(test)]
mod tests;
