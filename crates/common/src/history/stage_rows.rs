//! The durations of stages, one row per stage that ran.

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;

use super::store::{History, time};

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

/// Duration of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageDuration {
    /// Name of the stage, for example `training`.
    pub stage: String,
    /// Run of the stage; `None` when it was run by hand.
    pub run: Option<i64>,
    /// When the stage began.
    pub started_at: Timestamp,
    /// Duration in seconds.
    pub seconds: f64,
}

impl History {
    /// Records the duration of a stage.
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

    /// The newest durations of a stage, newest first.
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
}
