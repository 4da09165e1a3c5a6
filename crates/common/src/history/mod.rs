//! The history store: what ran, what it found, how long it took, and the ledger.
//!
//! One SQLite file in the state folder, written under the run lock and read by everyone. Values
//! of the stages (the record of a run, the summary of the data) are kept as JSON: their types
//! live in the crates that produce them. A transaction here is a commit point of the pipeline.

mod alert_rows;
mod damage;
mod integrity;
mod ledger_rows;
mod open;
mod schema;
mod verdict_rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::alert_rows::{OpenCondition, WaitingAlert};
pub(crate) use self::damage::Damaged;
use self::damage::unreadable;
pub use self::damage::{is_damage, with_remedy};
pub use self::verdict_rows::StoredVerdict;

/// An open history.
pub struct History {
    connection: Connection,
    path: PathBuf,
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
    /// What could not be done, with the file that it concerns.
    fn failed_to(&self, what: &str) -> String {
        format!("failed to {what} in the history {}", self.path.display())
    }

    /// Runs `work` as one transaction: all of its writes happen or none. Within another
    /// transaction it is a part of that one, which may go on without it.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if !self.connection.is_autocommit() {
            return self.part_of_transaction(work);
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

    fn part_of_transaction<T>(
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
            // Then the whole transaction is undone, and its commit fails.
            tracing::warn!("{error:#}");
        }
        done
    }

    /// Opens a run and gives it its number.
    pub fn begin_run<T: Serialize>(&self, now: Timestamp, record: &T) -> anyhow::Result<i64> {
        self.connection
            .execute(
                "INSERT INTO runs (started_at, record) VALUES (?1, ?2)",
                params![now.to_string(), serde_json::to_string(record)?],
            )
            .with_context(|| self.failed_to("record the run"))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Updates what an open run has recorded.
    pub fn save_run<T: Serialize>(&self, run: i64, record: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "UPDATE runs SET record = ?2 WHERE id = ?1",
                params![run, serde_json::to_string(record)?],
            )
            .with_context(|| self.failed_to("record the run's progress"))?;
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
            .with_context(|| self.failed_to("record the run's outcome"))?;
        Ok(())
    }

    /// Forgets all but the newest `keep` runs with this outcome, with their stages and verdicts.
    pub fn prune_runs(&self, outcome: &str, keep: u32) -> anyhow::Result<()> {
        let newest_to_go =
            "SELECT id FROM runs WHERE outcome = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
        let to_go = format!("SELECT id FROM runs WHERE outcome = ?1 AND id <= ({newest_to_go})");
        for statement in [
            format!("DELETE FROM stages WHERE run IN ({to_go})"),
            format!("DELETE FROM verdicts WHERE run IN ({to_go})"),
            format!("DELETE FROM estimates WHERE run IN ({to_go})"),
            format!("DELETE FROM runs WHERE id IN ({to_go})"),
        ] {
            self.connection
                .execute(&statement, params![outcome, keep])
                .with_context(|| self.failed_to("prune the runs"))?;
        }
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

    /// The newest runs that ended and whose record has an object under this name, newest first.
    ///
    /// `member` is a plain word of ours.
    pub fn finished_runs_with<T: DeserializeOwned>(
        &self,
        member: &str,
        limit: i64,
    ) -> anyhow::Result<Vec<StoredRun<T>>> {
        // A record that is no JSON is taken, so that it is told of.
        let has_member = format!(
            "CASE WHEN json_valid(record) THEN json_type(record, '$.{member}') = 'object' ELSE 1 END"
        );
        let which = format!("WHERE finished_at IS NOT NULL AND {has_member} ORDER BY id DESC");
        self.stored_runs(&which, limit)
    }

    fn stored_runs<T: DeserializeOwned>(
        &self,
        which: &str,
        limit: i64,
    ) -> anyhow::Result<Vec<StoredRun<T>>> {
        let context = || self.failed_to("read the runs");
        let mut statement = self
            .connection
            .prepare(&format!("SELECT id, record FROM runs {which} LIMIT ?1"))
            .with_context(context)?;
        let rows = statement
            .query_map([limit], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
            .with_context(context)?;
        rows.map(|row| {
            let (id, record) = row.with_context(context)?;
            let record = serde_json::from_str(&record)
                .map_err(|error| unreadable(&format!("record of run {id}"), &error))?;
            Ok(StoredRun { id, record })
        })
        .collect()
    }

    /// How the newest run that ended came out; `None` before the first.
    pub fn last_run(&self) -> anyhow::Result<Option<LastRun>> {
        let context = || self.failed_to("read the runs");
        let last: Option<(i64, String, String)> = self
            .connection
            .query_row(
                "SELECT id, outcome, finished_at FROM runs
                 WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()
            .with_context(context)?;
        last.map(|(run_id, outcome, finished_at)| {
            Ok(LastRun {
                run_id,
                outcome,
                finished_at: time(&finished_at)?,
            })
        })
        .transpose()
    }

    /// When the newest run ended whose outcome is none of these; `None` before one.
    pub fn last_end_but_for(&self, outcomes: [&str; 2]) -> anyhow::Result<Option<Timestamp>> {
        let last: Option<String> = self
            .connection
            .query_row(
                "SELECT finished_at FROM runs
                 WHERE finished_at IS NOT NULL AND outcome NOT IN (?1, ?2)
                 ORDER BY id DESC LIMIT 1",
                outcomes,
                |row| row.get(0),
            )
            .optional()
            .with_context(|| self.failed_to("read the runs"))?;
        last.map(|finished_at| time(&finished_at)).transpose()
    }

    /// How many runs were forgotten by [`Self::prune_runs`].
    pub fn pruned_runs(&self) -> anyhow::Result<u64> {
        // Numbers are given without gaps, and the newest run is never forgotten.
        let pruned: i64 = self
            .connection
            .query_row(
                "SELECT COALESCE(MAX(id), 0) - COUNT(*) FROM runs",
                [],
                |row| row.get(0),
            )
            .with_context(|| self.failed_to("read the runs"))?;
        Ok(u64::try_from(pruned).unwrap_or(0))
    }

    /// How many of the kept runs ended with each outcome.
    pub fn runs_by_outcome(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let context = || self.failed_to("read the runs");
        let mut statement = self
            .connection
            .prepare(
                "SELECT outcome, COUNT(*) FROM runs
                 WHERE finished_at IS NOT NULL AND outcome IS NOT NULL GROUP BY outcome",
            )
            .with_context(context)?;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
            })
            .with_context(context)?;
        rows.map(|row| row.with_context(context)).collect()
    }

    /// A run that ended; `None` when there is none of that number.
    pub fn finished_run<T: DeserializeOwned>(
        &self,
        id: i64,
    ) -> anyhow::Result<Option<StoredRun<T>>> {
        let which = format!("WHERE finished_at IS NOT NULL AND id = {id}");
        Ok(self.stored_runs(&which, 1)?.pop())
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
            .with_context(|| self.failed_to("record a stage's duration"))?;
        Ok(())
    }

    /// The newest recorded durations of a stage, newest first.
    pub fn stage_durations(&self, stage: &str, limit: i64) -> anyhow::Result<Vec<StageDuration>> {
        let context = || self.failed_to("read the durations");
        let mut statement = self
            .connection
            .prepare(
                "SELECT stage, run, started_at, seconds FROM stages
                 WHERE stage = ?1 ORDER BY id DESC LIMIT ?2",
            )
            .with_context(context)?;
        let rows = statement
            .query_map(params![stage, limit], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                ))
            })
            .with_context(context)?;
        rows.map(|row| {
            let (stage, run, started_at, seconds) = row.with_context(context)?;
            Ok(StageDuration {
                stage,
                run,
                started_at: time(&started_at)?,
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
            .with_context(|| self.failed_to("record a score"))?;
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
            .with_context(|| self.failed_to("read the scores"))
    }

    /// Keeps a document that replaces the one of the same name.
    pub fn save_document<T: Serialize>(&self, name: &str, document: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO documents (name, content) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                params![name, serde_json::to_string(document)?],
            )
            .with_context(|| self.failed_to(&format!("record the {name}")))?;
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
            .with_context(|| self.failed_to(&format!("read the {name}")))?;
        content
            .map(|content| {
                serde_json::from_str(&content).map_err(|error| unreadable(name, &error).into())
            })
            .transpose()
    }
}

fn time(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|error| unreadable("time of a run", &error).into())
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
    /// How the deployed model predicts all rows.
    pub const PREDICTIONS: &str = "predictions of all rows";
    /// SHA-256 of the live model that the ledger was last held against.
    pub const RECONCILED_MODEL: &str = "reconciled model";
    /// When the live release was last changed by hand.
    pub const CHANGED_BY_HAND: &str = "last change by hand";
    /// Which predictions wait for a class.
    pub const AWAITING: &str = "predictions that wait for a class";
    /// What the batches since the live release went live say of its model together.
    pub const SCORE_SUMS: &str = "sums of the score test";
}

#[cfg(test)]
mod tests;
