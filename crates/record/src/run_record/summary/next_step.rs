//! The line `next`: what a person should do after a run.

use common::ledger::{FileStatus, RowCounts};
use common::numbers::{count, counted};
use diagnostics::Verdict;
use ingestion::FileReport;

use crate::evidence::Evidence;
use crate::outcome::Outcome;
use crate::run_record::RunRecord;

/// Maximum share of rejected rows for which nothing needs to be done.
const MAX_REJECTED_SHARE: f64 = 0.05;

impl RunRecord {
    /// The next step; `None` for an outcome of a newer program.
    pub(super) fn next_step(&self) -> Option<String> {
        let outcome = self.outcome.as_ref()?;
        if matches!(outcome, Outcome::Other(_)) {
            return None;
        }
        let steps = self.steps();
        Some(match steps.is_empty() {
            true => self.nothing_to_do(outcome),
            false => steps.join("; "),
        })
    }

    /// What a person should do after the run, a step each. Empty if there is nothing to do, and for an
    /// outcome of a newer program.
    pub fn steps(&self) -> Vec<String> {
        let Some(outcome) = &self.outcome else {
            return Vec::new();
        };
        if self.is_unreadable || matches!(outcome, Outcome::Other(_)) {
            return Vec::new();
        }
        let of_outcome = match self.dry_run {
            true => dry_run_step(outcome),
            false => self.step_of_outcome(outcome),
        };
        let steps = [
            of_outcome.map(str::to_owned),
            self.step_of_rejected_files(),
            self.step_of_rejected_rows(),
            self.step_of_api(),
            self.step_of_feature_drift().map(str::to_owned),
            self.step_of_warnings(),
        ];
        steps.into_iter().flatten().collect()
    }

    /// The step of an outcome that concerns the live release. It no longer applies once another release is live.
    /// `None` for other outcomes.
    pub fn step_of_release(&self) -> Option<&'static str> {
        let outcome = self.outcome.as_ref()?;
        let is_of_release = matches!(
            outcome,
            Outcome::CandidateWaiting | Outcome::DriftNoted | Outcome::Redeployed
        );
        self.step_of_outcome(outcome).filter(|_| is_of_release)
    }

    fn step_of_outcome(&self, outcome: &Outcome) -> Option<&'static str> {
        match outcome {
            Outcome::CandidateWaiting => Some(
                "run `deployment` to deploy the new model, or leave it: the next one replaces it",
            ),
            Outcome::TrainingRefused => Some("fix what prevented the training, and run again"),
            Outcome::DriftNoted => Some(
                "set drift.trigger to \"evidence\", or retrain by hand: run `training`, then `scoring`, then `deployment`",
            ),
            Outcome::Redeployed if self.has_failed_the_gate() => Some(
                "look at the model: it failed the gate; `deployment --rollback` brings the old one back",
            ),
            Outcome::Failed | Outcome::Interrupted => Some("run `fullprocess --doctor`"),
            Outcome::NotJudged => self.evidence.as_ref().and_then(step_to_labels),
            Outcome::NothingNew if self.release.is_none() => {
                Some("add CSV files with known outcomes to an input folder")
            }
            _ => None,
        }
    }

    /// What to correct if new files were rejected: the first file by name, and the number of further ones.
    fn step_of_rejected_files(&self) -> Option<String> {
        let mut rejected = self
            .new_files()
            .filter(|file| file.status == FileStatus::Rejected);
        let first = rejected.next()?.path();
        Some(match rejected.count() {
            0 => format!("correct {first}, which was rejected, and add it again"),
            more => format!(
                "correct {first} and {}, which were rejected, and add them again",
                counted(more, "further file")
            ),
        })
    }

    /// What to correct if more than a few rows of the new files were rejected.
    fn step_of_rejected_rows(&self) -> Option<String> {
        let rows = self.rows_of_new_files();
        let is_small = rows.rejected as f64 <= MAX_REJECTED_SHARE * rows.read as f64;
        (!is_small).then(|| {
            format!(
                "fix the source: {}; correct them and add the file again",
                rejected_rows(rows)
            )
        })
    }

    /// What to check after feature drift. `None` without feature drift.
    pub fn step_of_feature_drift(&self) -> Option<&'static str> {
        let found = self.verdicts()?.worst_feature_verdict();
        (found == Verdict::Drift)
            .then_some("check whether the clients really changed, or the source has a fault")
    }

    fn step_of_api(&self) -> Option<String> {
        let api = self.api.as_ref()?;
        let n_failures = api.failures.len();
        (n_failures > 0).then(|| {
            format!(
                "check the server: {} of {} failed",
                count(n_failures),
                counted(api.calls, "API call")
            )
        })
    }

    /// The first notice or warning, and the number of further ones; `None` if there are none.
    fn step_of_warnings(&self) -> Option<String> {
        let ingestion = self.ingestion.as_ref();
        let of_files = ingestion.into_iter().flat_map(|it| it.new_warnings());
        let warnings = self.warnings.iter().cloned().chain(of_files);
        let warnings = warnings.map(|warning| format!("check this: {warning}"));
        let notices = self.notices.iter().map(|notice| notice.action());
        let mut all = notices.chain(warnings);
        let first = all.next()?;
        Some(match all.count() {
            0 => first,
            more => format!("{first}; the run has {}", counted(more, "further warning")),
        })
    }

    fn nothing_to_do(&self, outcome: &Outcome) -> String {
        let rows = self.rows_of_new_files();
        match outcome {
            Outcome::CandidateRefused => {
                "nothing now; if this repeats, look at the newest files and at `fullprocess --history`"
                    .into()
            }
            _ if rows.rejected > 0 => format!("nothing; {}", rejected_rows(rows)),
            _ => "nothing".into(),
        }
    }

    /// Files whose rejections no earlier run has reported.
    fn new_files(&self) -> impl Iterator<Item = &FileReport> {
        let files = self.ingestion.iter().flat_map(|report| &report.files);
        files.filter(|file| !file.is_repeated)
    }

    fn rows_of_new_files(&self) -> RowCounts {
        let rows = self.new_files().map(|file| file.rows);
        rows.fold(RowCounts::default(), RowCounts::plus)
    }
}

fn rejected_rows(rows: RowCounts) -> String {
    format!(
        "{} of {} {} rejected (rejectedrows.csv)",
        count(rows.rejected),
        counted(rows.read, "row"),
        if rows.rejected == 1 { "was" } else { "were" }
    )
}

/// The step after a dry run: to start a run, because a dry run changes nothing.
fn dry_run_step(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::NothingNew => None,
        _ => Some("run `fullprocess` to do this"),
    }
}

/// How new rows can get labels, if too few have one.
fn step_to_labels(evidence: &Evidence) -> Option<&'static str> {
    let is_waiting = evidence.deployed.is_some() && evidence.new_rows > 0;
    is_waiting.then_some("wait for labels, or add a file with outcomes")
}
