//! The record of a run: what it found, what it decided, and what it did.
//!
//! One [`RunRecord`] is what the history stores, `--json` prints, the run's report and the server
//! show, and the exit code follows. What a run is to do is decided by a pure function ([`decide`])
//! of its [`Evidence`] and a [`Policy`]. Nothing here
//! changes a file.

mod action;
mod counts;
mod decision;
mod evidence;
mod needed_labels;
mod notice;
mod outcome;
mod predictions;
mod regime;
mod review;
mod run_record;
mod stored;

pub use action::Action;
pub use counts::{ApiOutcome, FileCounts, RowTotals};
pub use decision::{Decision, Policy, decide};
pub use evidence::{AllRows, DeployedModel, Evidence, F1, FileWithoutTarget};
pub use needed_labels::NeededLabels;
pub use notice::{Notice, NoticeKind};
pub use outcome::{Effect, Outcome};
pub use predictions::{
    EstimateKind, EstimatedPerformance, LabelledPredictions, PendingPredictions, PredictionFile,
    RealisedPerformance, RunEstimate,
};
pub use regime::Regime;
pub use review::{Hindsight, KeptModel, Review, ReviewedDecision};
pub use run_record::{
    CALLING_MAY_EXPLAIN_DRIFT, Performance, PerformanceRows, Question, RunRecord,
};
pub use stored::{RunFilter, newest_runs, visit_runs};
