//! The clock of a stage.

use std::time::Instant;

use jiff::Timestamp;

use super::stage_rows::StageDuration;

/// A stage that is running.
#[derive(Debug)]
pub struct StageTimer {
    stage: &'static str,
    run: Option<i64>,
    started_at: Timestamp,
    clock: Instant,
}

impl StageTimer {
    /// Starts the clock of a stage that a person runs.
    pub fn start(stage: &'static str) -> Self {
        Self {
            stage,
            run: None,
            started_at: crate::clock::now(),
            clock: Instant::now(),
        }
    }

    /// Starts the clock of a stage of a run.
    pub fn start_in_run(stage: &'static str, run: i64) -> Self {
        Self {
            run: Some(run),
            ..Self::start(stage)
        }
    }

    /// When the stage began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Stops the clock, and logs the duration.
    pub fn stop(self) -> StageDuration {
        let seconds = self.clock.elapsed().as_secs_f64();
        tracing::info!(stage = self.stage, seconds, "done");
        StageDuration {
            stage: self.stage.into(),
            run: self.run,
            started_at: self.started_at,
            seconds,
        }
    }
}
