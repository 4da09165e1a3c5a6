//! The runs, one row each: begun, updated, closed and pruned.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::damage::unreadable;
use super::store::{History, time};

/// A run and its record, as JSON text or read as `T`.
#[derive(Clone, Debug)]
pub struct StoredRun<T> {
    /// Number of the run, counting up from 1.
    pub id: i64,
    /// Start of the run.
    pub started_at: Timestamp,
    /// End of the run; `None` while it is open.
    pub finished_at: Option<Timestamp>,
    /// Name of the outcome; `None` while the run is open.
    pub outcome: Option<String>,
    /// The record.
    pub record: T,
}

/// The newest run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LastRun {
    /// Number of the run.
    pub run_id: i64,
    /// Name of the outcome, for example `steady`.
    pub outcome: String,
    /// End of the run.
    #[schemars(with = "crate::DateTime")]
    pub finished_at: Timestamp,
}

impl<T> StoredRun<T> {
    /// The same run with its record in another form.
    pub(super) fn with_record<R>(self, record: R) -> StoredRun<R> {
        StoredRun {
            id: self.id,
            started_at: self.started_at,
            finished_at: self.finished_at,
            outcome: self.outcome,
            record,
        }
    }
}

impl<T: AsRef<str>> StoredRun<T> {
    /// Reads the record; an error if it is not JSON or does not match `R`.
    pub fn read<R: DeserializeOwned>(&self) -> anyhow::Result<R> {
        let read = serde_json::from_str(self.record.as_ref());
        Ok(read.map_err(|error| unreadable(&format!("record of run {}", self.id), &error))?)
    }
}

impl History {
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

    /// Saves the record of an open run.
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

    /// Removes all runs with this outcome except the newest `keep`, with their stages and
    /// estimates. The newest run of all stays in any case, as [`Self::last_run`] returns it.
    pub fn prune_runs(&self, outcome: &str, keep: u32) -> anyhow::Result<()> {
        let newest_to_go =
            "SELECT id FROM runs WHERE outcome = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
        let to_go = format!(
            "SELECT id FROM runs WHERE outcome = ?1 AND id <= ({newest_to_go})
             AND id < (SELECT MAX(id) FROM runs)"
        );
        for statement in [
            format!("DELETE FROM stages WHERE run IN ({to_go})"),
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

    fn stored_runs<T: DeserializeOwned>(
        &self,
        which: &str,
        limit: i64,
    ) -> anyhow::Result<Vec<StoredRun<T>>> {
        let mut runs = Vec::new();
        self.visit_runs(&format!("{which} LIMIT {limit}"), |run| {
            let record = run.read()?;
            runs.push(run.with_record(record));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(runs)
    }

    /// Number of the oldest run that ended; `None` without one.
    pub fn first_finished_run(&self) -> anyhow::Result<Option<i64>> {
        self.connection
            .query_row(
                "SELECT MIN(id) FROM runs WHERE finished_at IS NOT NULL",
                [],
                |row| row.get(0),
            )
            .with_context(|| self.failed_to("read the runs"))
    }

    /// The newest run that ended; `None` before the first.
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

    /// End of the newest run whose outcome is not one of these; `None` if there is none.
    pub fn last_end_except(&self, outcomes: [&str; 2]) -> anyhow::Result<Option<Timestamp>> {
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

    /// Number of runs that [`Self::prune_runs`] removed.
    pub fn pruned_runs(&self) -> anyhow::Result<u64> {
        // Run numbers have no gaps, and `prune_runs` never removes the newest run.
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

    /// Number of kept runs by outcome.
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
}

#[cfg(test)]
mod tests {
    use crate::history::StageDuration;
    use crate::history::tests::{now, opened};

    #[test]
    fn runs_are_unfinished_until_they_are_finished() {
        let (_folder, history) = opened();
        let first = history.begin_run(now(), &"begun").unwrap();
        history.save_run(first, &"judged").unwrap();
        let open = history.unfinished_runs::<String>().unwrap();
        assert_eq!((open[0].id, open[0].record.as_str()), (first, "judged"));
        history
            .finish_run(first, now(), "steady", &"steady")
            .unwrap();
        assert!(history.unfinished_runs::<String>().unwrap().is_empty());
        assert_eq!(history.finished_runs::<String>(5).unwrap().len(), 1);
    }

    #[test]
    fn only_the_oldest_runs_of_the_outcome_are_pruned() {
        let (_folder, history) = opened();
        for outcome in ["idle", "busy", "idle", "idle", "busy", "idle"] {
            let run = history.begin_run(now(), &outcome).unwrap();
            let duration = StageDuration {
                stage: "ingestion".into(),
                run: Some(run),
                started_at: now(),
                seconds: 0.1,
            };
            history.record_stage(&duration).unwrap();
            history.finish_run(run, now(), outcome, &outcome).unwrap();
        }
        history.prune_runs("idle", 2).unwrap();
        let durations = history.stage_durations("ingestion", 10).unwrap();
        assert_eq!(durations.len(), 4, "durations go with their run");
        let kept = history.finished_runs::<String>(10).unwrap();
        let kept: Vec<i64> = kept.iter().map(|run| run.id).collect();
        assert_eq!(kept, [6, 5, 4, 2]);
        assert_eq!(history.pruned_runs().unwrap(), 2);
        let counts = history.runs_by_outcome().unwrap();
        assert_eq!(counts, [("busy".into(), 2), ("idle".into(), 2)].into());
        let found = history.finished_run(5).unwrap().unwrap();
        assert_eq!(found.outcome.as_deref(), Some("busy"));
        assert_eq!(found.read::<String>().unwrap(), "busy");
        assert!(history.finished_run(1).unwrap().is_none());
        assert_eq!(history.last_end_except(["busy", "idle"]).unwrap(), None);
        let last = history.last_end_except(["busy", "other"]).unwrap();
        assert_eq!(last, Some(now()));
    }

    #[test]
    fn the_newest_run_stays_though_no_run_of_its_outcome_is_kept() {
        let (_folder, history) = opened();
        for run in 1..=3 {
            let id = history.begin_run(now(), &"idle").unwrap();
            history.finish_run(id, now(), "idle", &"idle").unwrap();
            history.prune_runs("idle", 0).unwrap();
            assert_eq!(history.last_run().unwrap().map(|run| run.run_id), Some(run));
            assert_eq!(history.pruned_runs().unwrap(), run as u64 - 1);
        }
    }
}
