//! Everything about one run.

mod summary;
pub(crate) mod text;

use std::collections::{BTreeMap, BTreeSet};

use common::cli::Report;
use common::exit::Exit;
use common::ledger::FileStatus;
use diagnostics::{DependencyCounts, Verdict, Verdicts};
use ingestion::IngestReport;
use jiff::Timestamp;
use model::WindowResult;
use schemars::JsonSchema;
use scoring::{CallListSummary, CallReport, Comparison, GateDecision, Metrics};
use serde::{Deserialize, Serialize};

use crate::counts::{ApiOutcome, FileCounts, RowTotals};
use crate::decision::Decision;
use crate::evidence::Evidence;
use crate::notice::Notice;
use crate::outcome::{Effect, Outcome};
use crate::predictions::PendingPredictions;
use crate::regime::Regime;

pub use self::summary::Question;
pub use self::summary::quality::{Performance, PerformanceRows};
pub use self::text::CALLING_MAY_EXPLAIN_DRIFT;

/// Everything about one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Run")]
pub struct RunRecord {
    /// Number of the run; `None` for a dry run.
    pub run_id: Option<i64>,
    /// How the run ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// True for a dry run: the record says what a run would do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// True if the stored record cannot be read. `reason` then says why. The start, the end and the outcome
    /// come from other columns of the history.
    #[serde(skip)]
    pub is_unreadable: bool,
    /// Reason of the outcome, as a sentence.
    pub reason: String,
    /// SHA-256 of the configuration file. `None` in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Start of the run.
    #[schemars(with = "common::DateTime")]
    pub started_at: Timestamp,
    /// End of the run.
    #[schemars(with = "Option<common::DateTime>")]
    pub finished_at: Option<Timestamp>,
    /// The release that is live after the run.
    pub release: Option<String>,
    /// F1 of the deployed model on the rows that the decision is based on (`drift.basis`).
    pub new_score: Option<f64>,
    /// 95 % interval of that F1.
    #[serde(default)]
    pub new_score_interval: Option<[f64; 2]>,
    /// F1 of the deployed model on the test data.
    pub deployed_score: Option<f64>,
    /// 95 % interval of that F1; releases of older programs have none.
    #[serde(default)]
    pub deployed_score_interval: Option<[f64; 2]>,
    /// F1 of the candidate on the test data.
    pub candidate_score: Option<f64>,
    /// 95 % interval of that F1.
    #[serde(default)]
    pub candidate_score_interval: Option<[f64; 2]>,
    /// Metrics of the candidate on the test data; records of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_metrics: Option<Metrics>,
    /// Counts of input files.
    pub files: FileCounts,
    /// Counts of rows.
    pub rows: RowTotals,
    /// Seconds by stage.
    pub seconds: BTreeMap<String, f64>,
    /// What was ingested; `None` when there was nothing.
    pub ingestion: Option<IngestReport>,
    /// SHA-256 of the committed finaldata.csv at the decision.
    pub data: Option<String>,
    /// What the run found.
    pub evidence: Option<Evidence>,
    /// What the run decided.
    pub decision: Option<Decision>,
    /// The regime after the decision; `None` if none is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// Training windows that were tried for the candidate. The first one is chosen unless another
    /// is significantly better. Empty if there was no choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowResult>,
    /// SHA-256 of the candidate that was compared.
    pub candidate_model: Option<String>,
    /// Comparison of the candidate with the deployed model on the same rows.
    pub comparison: Option<Comparison>,
    /// Decision of the gate on the candidate.
    #[serde(rename = "verdict")]
    pub gate: Option<GateDecision>,
    /// Counts of the call list; `None` if no client waits for an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_list: Option<CallListSummary>,
    /// Reason why the call list could not be made; `None` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_list_problem: Option<String>,
    /// Outcomes of called and held-out clients of all runs so far. `None` if none of their labels
    /// has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_outcomes: Option<CallReport>,
    /// Warnings, one sentence each.
    pub warnings: Vec<String>,
    /// Problems that a person has to fix, but that did not stop the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// True if a notice is new, or if `alerts.cool_down_hours` have passed since it was last shown. Such a run
    /// prints its report even with `--quiet`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_due_notice: bool,
    /// Results of the API calls.
    pub api: Option<ApiOutcome>,
    /// State of the program's dependencies; `None` unless this run checked them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<DependencyCounts>,
    /// Effects that are done.
    pub effects: BTreeSet<Effect>,
    /// Estimates for stored predictions, until they are committed.
    #[serde(default, alias = "foreseen", skip_serializing_if = "Option::is_none")]
    pub pending_predictions: Option<PendingPredictions>,
}

impl RunRecord {
    /// The record of a run that starts now.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            started_at: now,
            ..Self::default()
        }
    }

    /// Adds what was ingested.
    pub fn note_ingestion(&mut self, report: IngestReport) {
        let count = |status| {
            report
                .files
                .iter()
                .filter(|file| file.status == status)
                .count()
        };
        self.files = FileCounts {
            ingested: count(FileStatus::Ingested),
            rejected: count(FileStatus::Rejected),
            ignored: report.ignored.len(),
            waiting: report.waiting.len(),
            removed: report.removed_files(),
        };
        self.rows.of_files = report.rows;
        self.rows.total = report.total_rows;
        self.ingestion = Some(report);
    }

    /// Adds warnings that are not yet in the record, because a resumed run may repeat some.
    pub fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// The outcome of a run that keeps the deployed model.
    pub fn outcome_of_keeping(&self) -> Outcome {
        if self
            .evidence
            .as_ref()
            .is_some_and(Evidence::has_model_drift)
        {
            Outcome::DriftNoted
        } else {
            Outcome::Steady
        }
    }

    /// Drift verdicts on the deployed model and its features.
    pub fn verdicts(&self) -> Option<&Verdicts> {
        self.evidence.as_ref()?.verdicts.as_ref()
    }

    /// True if calling may be the cause of the model drift: held-out clients left as the deployed model
    /// predicted, called clients did not.
    pub fn drift_may_be_effect_of_calling(&self) -> bool {
        let calibration = self
            .call_outcomes
            .as_ref()
            .and_then(|it| it.calibration.as_ref());
        let (Some(calibration), Some(evidence)) = (calibration, &self.evidence) else {
            return false;
        };
        let tested = evidence.deployed.as_ref().map(|model| &model.release);
        calibration.only_called_differ
            && tested == Some(&calibration.model_version)
            && evidence.has_model_drift()
    }

    /// Removes pending predictions. If the rows do not count as evaluated, also removes estimated
    /// and realised performance and the reviews. Another run then predicts those rows again and
    /// finds their labels.
    pub fn forget_uncommitted_predictions(&mut self) {
        self.pending_predictions = None;
        if self.effects.contains(&Effect::Evaluated) {
            return;
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.estimated_performance = None;
            evidence.realised_performance.clear();
            evidence.reviews.clear();
        }
    }

    /// Names of dependencies that were withdrawn.
    fn yanked(&self) -> &[String] {
        let counts = self.dependencies.as_ref();
        counts.map_or(&[], |counts| &counts.yanked)
    }
}

impl Report for RunRecord {
    fn exit(&self) -> Exit {
        let has_api_failure = self
            .api
            .as_ref()
            .is_some_and(|api| !api.failures.is_empty());
        match self.outcome {
            Some(Outcome::TrainingRefused) => Exit::DataUnusable,
            _ if has_api_failure => Exit::ApiFailed,
            _ => Exit::Done,
        }
    }

    fn needs_attention(&self) -> bool {
        let is_routine = matches!(
            self.outcome,
            Some(Outcome::NothingNew | Outcome::Steady | Outcome::NotJudged)
        );
        let has_rejections = self
            .ingestion
            .as_ref()
            .is_some_and(IngestReport::has_rejections);
        // Warnings of the run itself do not count, because most of them repeat in each run.
        let has_file_warnings = self
            .ingestion
            .as_ref()
            .is_some_and(|report| report.new_warnings().next().is_some());
        let has_yanked = !self.yanked().is_empty();
        let has_drift = self
            .verdicts()
            .is_some_and(|verdicts| verdicts.verdict == Verdict::Drift);
        !is_routine
            || has_rejections
            || has_file_warnings
            || self.has_due_notice
            || has_yanked
            || has_drift
            || self.dry_run
            || self.exit() != Exit::Done
    }
}

#[cfg(test)]
mod tests;
