//! The view of a run: the members that every list of runs shows, and those of one list.

use jiff::Timestamp;
use record::{Outcome, RunRecord};
use schemars::JsonSchema;
use serde::Serialize;

/// A run as a list shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{M}")]
pub(crate) struct RunView<'a, M> {
    /// Number of the run.
    run_id: Option<i64>,
    /// How the run ended.
    outcome: Option<&'a Outcome>,
    /// Reason of the outcome, as a sentence.
    reason: &'a str,
    /// Start of the run. Absent in lists of evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<common::DateTime>")]
    started_at: Option<Timestamp>,
    /// End of the run.
    #[schemars(with = "Option<common::DateTime>")]
    finished_at: Option<Timestamp>,
    /// The release that was live after the run; `null` if there was none.
    release: Option<&'a str>,
    /// F1 of the deployed model on the rows that the decision is based on (`drift.basis`), 0 to 1; `null`
    /// if it was not computed.
    #[schemars(range(min = 0, max = 1))]
    new_score: Option<f64>,
    /// 95 % interval of `new_score`: its lower and its upper end.
    new_score_interval: Option<[f64; 2]>,
    /// F1 of the deployed model on the test data, 0 to 1; `null` if it was not computed.
    #[schemars(range(min = 0, max = 1))]
    deployed_score: Option<f64>,
    /// 95 % interval of `deployed_score`: its lower and its upper end.
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
