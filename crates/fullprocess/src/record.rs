//! The record of a run: what the history keeps, `--json` prints, the report shows, and the exit
//! code follows.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use common::cli::Report;
use common::exit::Exit;
use common::ledger::{FileStatus, RowCounts};
use diagnostics::{DependencyCounts, Verdicts};
use ingestion::IngestReport;
use jiff::Timestamp;
use scoring::{Comparison, Verdict};
use serde::{Deserialize, Serialize};

use crate::decide::{Decision, Evidence};
use crate::notices::Notice;
use crate::unlabelled::Written;

/// How a run came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The first model was fitted and deployed.
    ColdStart,
    /// There was no new input.
    NothingNew,
    /// The deployed model holds on the new rows.
    Steady,
    /// The score test found model drift, and the model is kept because its score is higher.
    DriftNoted,
    /// The model had drifted; a better one is deployed.
    Redeployed,
    /// The model had drifted, but the candidate was worse.
    CandidateRefused,
    /// The model had drifted, but none could be fitted.
    TrainingRefused,
    /// Data changed, but there was nothing to judge the model by.
    NotJudged,
    /// The run failed before it had decided anything.
    Failed,
    /// The run was cut short before it had decided, or cannot be finished as it was decided.
    Interrupted,
}

impl Outcome {
    /// Its name in the history and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::ColdStart => "cold_start",
            Self::NothingNew => "nothing_new",
            Self::Steady => "steady",
            Self::DriftNoted => "drift_noted",
            Self::Redeployed => "redeployed",
            Self::CandidateRefused => "candidate_refused",
            Self::TrainingRefused => "training_refused",
            Self::NotJudged => "not_judged",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Something a run does that outlasts it; done once, also when the run is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The candidate and its score are in the model folder.
    Trained,
    /// The candidate is the live release.
    Published,
    /// The new rows count as judged.
    Judged,
    /// The report is written.
    Reported,
    /// The API was called.
    Called,
}

/// Everything about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Number of the run; `None` for a dry run.
    pub run_id: Option<i64>,
    /// How it came out; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// Whether this is only what a run would do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Why it came out so.
    pub reason: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The release that is live after it.
    pub release: Option<String>,
    /// F1 of the deployed model on the rows that decide.
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
    /// Files by what became of them.
    pub files: FileCounts,
    /// Rows by what became of them, and how many there are.
    pub rows: RowTotals,
    /// Seconds by stage.
    pub seconds: BTreeMap<String, f64>,
    /// What was taken in; `None` when there was nothing.
    pub ingestion: Option<IngestReport>,
    /// SHA-256 of finaldata.csv that the decision was taken on.
    pub data: Option<String>,
    /// What was found.
    pub evidence: Option<Evidence>,
    /// What was decided.
    pub decision: Option<Decision>,
    /// SHA-256 of the candidate that comparison and verdict are about.
    pub candidate_model: Option<String>,
    /// The candidate beside the deployed model.
    pub comparison: Option<Comparison>,
    /// Whether the candidate was let through.
    pub verdict: Option<Verdict>,
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// What hinders the pipeline, though the run went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// A notice is new, or was last said a cool-down ago: it is printed with `--quiet` too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_due_notice: bool,
    /// Endpoints that answered, of how many.
    pub api: Option<ApiOutcome>,
    /// How the crates stand that this program is built from; `None` unless this run asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<DependencyCounts>,
    /// What is done.
    pub effects: BTreeSet<Effect>,
    /// What was foreseen, until it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreseen: Option<Written>,
}

/// Files by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCounts {
    /// Taken in.
    pub ingested: usize,
    /// Refused whole.
    pub rejected: usize,
    /// No client data by their nature.
    pub ignored: usize,
    /// Left for the next run.
    pub waiting: usize,
    /// Gone since the last run.
    pub removed: usize,
}

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowTotals {
    /// Of the files of this run.
    #[serde(flatten)]
    pub taken: RowCounts,
    /// Never judged before this run.
    pub new: u64,
    /// In finaldata.csv.
    pub total: u64,
}

/// How the API calls went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiOutcome {
    /// Endpoints called.
    pub calls: usize,
    /// What failed, one sentence a call.
    pub failures: Vec<String>,
}

impl RunRecord {
    /// The record of a run that begins.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            run_id: None,
            outcome: None,
            dry_run: false,
            reason: String::new(),
            started_at: now,
            finished_at: None,
            release: None,
            new_score: None,
            new_score_interval: None,
            deployed_score: None,
            deployed_score_interval: None,
            candidate_score: None,
            candidate_score_interval: None,
            files: FileCounts::default(),
            rows: RowTotals::default(),
            seconds: BTreeMap::new(),
            ingestion: None,
            data: None,
            evidence: None,
            decision: None,
            candidate_model: None,
            comparison: None,
            verdict: None,
            warnings: Vec::new(),
            notices: Vec::new(),
            has_due_notice: false,
            api: None,
            dependencies: None,
            effects: BTreeSet::new(),
            foreseen: None,
        }
    }

    /// Notes what was taken in.
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
        self.rows.taken = report.rows;
        self.rows.total = report.total_rows;
        self.ingestion = Some(report);
    }

    /// Adds what somebody should know, once: a run that is resumed may have said it before.
    pub(crate) fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// How a run comes out that keeps the deployed model.
    pub(crate) fn outcome_of_keeping(&self) -> Outcome {
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

    /// What the new rows say of the deployed model and its features.
    pub(crate) fn verdicts(&self) -> Option<&Verdicts> {
        self.evidence.as_ref()?.verdicts.as_ref()
    }

    /// Takes back what the record says of predictions, unless the rows count as judged: then they
    /// are predicted once more, and meet their classes by another run.
    pub(crate) fn forget_what_was_not_kept(&mut self) {
        self.foreseen = None;
        if self.effects.contains(&Effect::Judged) {
            return;
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.expectation = None;
            evidence.realised.clear();
        }
    }

    /// The crates that were found withdrawn.
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
        let has_warnings = self
            .ingestion
            .as_ref()
            .is_some_and(|report| report.new_warnings().next().is_some());
        let has_yanked = !self.yanked().is_empty();
        let has_drift = self
            .verdicts()
            .is_some_and(|verdicts| verdicts.verdict == diagnostics::Verdict::Drift);
        !is_routine
            || has_rejections
            || has_warnings
            || self.has_due_notice
            || has_yanked
            || has_drift
            || self.dry_run
            || self.exit() != Exit::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_dependencies_only_a_yanked_one_is_worth_a_mail() {
        let with = |dependencies| RunRecord {
            outcome: Some(Outcome::Steady),
            dependencies: Some(dependencies),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        };
        let quiet = with(DependencyCounts {
            outdated: 3,
            unknown: 2,
            ..DependencyCounts::default()
        });
        assert!(!quiet.needs_attention());
        assert!(!quiet.to_string().contains("yanked"), "{quiet}");
        let loud = with(DependencyCounts {
            yanked: vec!["x 1.0.0".into()],
            ..DependencyCounts::default()
        });
        assert!(loud.needs_attention());
        assert!(loud.to_string().contains("yanked     x 1.0.0"), "{loud}");
        assert_eq!(loud.exit(), Exit::Done);
    }
}
