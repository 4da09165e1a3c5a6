//! The view of a run: the members that every list of runs shows, and those of one list.

use jiff::Timestamp;
use record::{Outcome, RunRecord};
use serde::Serialize;

/// A run as a list shows it.
#[derive(Serialize)]
pub(super) struct RunView<'a, M> {
    run_id: Option<i64>,
    outcome: Option<&'a Outcome>,
    reason: &'a str,
    /// `None` in lists without the start of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    release: Option<&'a str>,
    new_score: Option<f64>,
    new_score_interval: Option<[f64; 2]>,
    deployed_score: Option<f64>,
    deployed_score_interval: Option<[f64; 2]>,
    #[serde(flatten)]
    own: M,
}

impl<'a, M> RunView<'a, M> {
    /// The view of a run without its start; `own` has the members of one list.
    pub(super) fn of(run: &'a RunRecord, own: M) -> Self {
        Self {
            run_id: run.run_id,
            outcome: run.outcome.as_ref(),
            reason: &run.reason,
            started_at: None,
            finished_at: run.finished_at,
            release: run.release.as_deref(),
            new_score: run.new_score,
            new_score_interval: run.new_score_interval,
            deployed_score: run.deployed_score,
            deployed_score_interval: run.deployed_score_interval,
            own,
        }
    }

    /// The view with the start of the run.
    pub(super) fn with_start(mut self, started_at: Timestamp) -> Self {
        self.started_at = Some(started_at);
        self
    }
}
