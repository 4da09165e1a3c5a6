//! The record of a run: what the history keeps, `--json` prints, the report shows, and the exit
//! code follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use common::cli::Report;
use common::exit::Exit;
use common::history::STAGES;
use common::ledger::{FileStatus, RowCounts};
use diagnostics::{DependencyCounts, Verdicts};
use ingestion::IngestReport;
use jiff::Timestamp;
use scoring::{Comparison, Verdict};
use serde::{Deserialize, Serialize};

use crate::decide::{Decision, Evidence};
use crate::unlabelled::Expectation;

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
    /// F1 of the deployed model on the test data.
    pub deployed_score: Option<f64>,
    /// F1 of the candidate on the test data.
    pub candidate_score: Option<f64>,
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
    /// Endpoints that answered, of how many.
    pub api: Option<ApiOutcome>,
    /// How the crates stand that this program is built from; `None` unless this run asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<DependencyCounts>,
    /// What is done.
    pub effects: BTreeSet<Effect>,
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
            deployed_score: None,
            candidate_score: None,
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
            api: None,
            dependencies: None,
            effects: BTreeSet::new(),
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
            removed: report.removed.len(),
        };
        self.rows.taken = report.rows;
        self.rows.total = report.total_rows;
        self.ingestion = Some(report);
    }

    /// What the new rows say of the deployed model and its features.
    pub(crate) fn verdicts(&self) -> Option<&Verdicts> {
        self.evidence.as_ref()?.verdicts.as_ref()
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
        let has_yanked = !self.yanked().is_empty();
        let has_drift = self
            .verdicts()
            .is_some_and(|verdicts| verdicts.verdict == diagnostics::Verdict::Drift);
        !is_routine
            || has_rejections
            || has_yanked
            || has_drift
            || self.dry_run
            || self.exit() != Exit::Done
    }
}

impl fmt::Display for RunRecord {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.map_or("open", Outcome::name);
        match (self.run_id, self.dry_run) {
            (_, true) => writeln!(to, "dry run, nothing was changed: {outcome}")?,
            (Some(run), _) => writeln!(to, "run {run}: {outcome}")?,
            (None, _) => writeln!(to, "{outcome}")?,
        }
        writeln!(to, "  why        {}", self.reason)?;
        if let Some(release) = &self.release {
            writeln!(to, "  live       release {release}")?;
        }
        self.write_input(to)?;
        self.write_scores(to)?;
        self.write_verdicts(to)?;
        self.write_predictions(to)?;
        if let Some(verdict) = &self.verdict {
            for reason in &verdict.reasons {
                writeln!(to, "  gate       {reason}")?;
            }
        }
        if let Some(api) = &self.api {
            writeln!(
                to,
                "  API        {} of {} calls answered",
                api.calls.saturating_sub(api.failures.len()),
                api.calls
            )?;
            for failure in &api.failures {
                writeln!(to, "  API        {failure}")?;
            }
        }
        for warning in &self.warnings {
            writeln!(to, "  warning    {warning}")?;
        }
        for yanked in self.yanked() {
            writeln!(
                to,
                "  yanked     {yanked}, which this program is built from; see `diagnostics`"
            )?;
        }
        self.write_seconds(to)
    }
}

impl RunRecord {
    fn write_input(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ingestion) = &self.ingestion else {
            return Ok(());
        };
        let (files, rows) = (self.files, self.rows);
        if files == FileCounts::default() {
            return writeln!(to, "  rows       {} in finaldata.csv", rows.total);
        }
        writeln!(
            to,
            "  files      {} ingested, {} rejected, {} ignored, {} waiting, {} removed",
            files.ingested, files.rejected, files.ignored, files.waiting, files.removed
        )?;
        writeln!(
            to,
            "  rows       {} read = {} kept + {} duplicate + {} rejected; {} new of {} in finaldata.csv",
            rows.taken.read,
            rows.taken.kept,
            rows.taken.duplicate,
            rows.taken.rejected,
            rows.new,
            rows.total
        )?;
        for file in &ingestion.files {
            if let Some(reason) = &file.reason {
                writeln!(to, "  refused    {}/{}: {reason}", file.folder, file.name)?;
            }
            for rejection in &file.rejections {
                writeln!(to, "  refused    {}/{}:{rejection}", file.folder, file.name)?;
            }
            let more = (file.rows.rejected as usize).saturating_sub(file.rejections.len());
            if more > 0 {
                writeln!(
                    to,
                    "  refused    {}/{}: {more} more rows, see rejectedrows.csv",
                    file.folder, file.name
                )?;
            }
        }
        for name in &ingestion.removed {
            writeln!(to, "  removed    {name} is gone, and so are its rows")?;
        }
        if let Some(reason) = &ingestion.rebuilt {
            writeln!(to, "  made anew  finaldata.csv: {reason}")?;
        }
        for (what, entries) in [
            ("ignored", &ingestion.ignored),
            ("waiting", &ingestion.waiting),
        ] {
            for entry in entries {
                writeln!(to, "  {what:10} {entry}")?;
            }
        }
        Ok(())
    }

    fn write_scores(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scores = [
            ("deployed model on the new data", self.new_score),
            ("deployed model on the test data", self.deployed_score),
            ("candidate on the test data", self.candidate_score),
        ];
        for (what, score) in scores {
            if let Some(score) = score {
                writeln!(to, "  F1         {score:.4} {what}")?;
            }
        }
        Ok(())
    }

    fn write_verdicts(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(verdicts) = self.verdicts() else {
            return Ok(());
        };
        let model = verdicts.model.to_string();
        // Where the evidence decides the reason says so already.
        if !self.reason.contains(&model) {
            writeln!(to, "  model      {model}")?;
        }
        for finding in verdicts.of_features() {
            writeln!(to, "  features   {finding}")?;
        }
        Ok(())
    }

    fn write_predictions(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(evidence) = &self.evidence else {
            return Ok(());
        };
        let f1 = |f1: Option<f64>| f1.map_or("undefined".into(), |f1| format!("{f1:.4}"));
        if let Some(Expectation { estimate, .. }) = &evidence.expectation {
            writeln!(
                to,
                "  estimate   F1 {} on {} new rows without a class (estimate; blind to concept drift)",
                f1(estimate.f1),
                estimate.rows
            )?;
        }
        for realised in &evidence.realised {
            writeln!(
                to,
                "  realised   F1 {} on {} rows of run {} whose class has come; {} was estimated",
                f1(realised.realised_f1),
                realised.rows,
                realised.run,
                f1(realised.estimated_f1)
            )?;
        }
        Ok(())
    }

    fn write_seconds(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds.is_empty() {
            return Ok(());
        }
        let stages: Vec<String> = STAGES
            .iter()
            .filter_map(|stage| Some((stage, self.seconds.get(*stage)?)))
            .map(|(stage, seconds)| format!("{stage} {seconds:.3}"))
            .collect();
        writeln!(to, "  seconds    {}", stages.join(", "))
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
