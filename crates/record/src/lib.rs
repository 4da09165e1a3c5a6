//! The record of a run: what the run found, what it decided, and what it did.
//!
//! The history stores one [`RunRecord`] for each run. `--json` prints it, and the run's report and
//! the server show it. The exit code depends on it. The function [`decide`] decides the next step
//! of a run. It is pure: the decision depends only on the [`Evidence`] and a [`Policy`]. This crate
//! changes no file.

mod action;
mod changes;
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
pub use changes::{RunOrChange, with_changes};
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
