//! The score of the deployed model over the runs.

use diagnostics::Verdict;
use record::{Outcome, RunRecord};

use super::RunReport;
use super::page::Drawn;
use crate::figure::{RunEvent, ScoreHistory, ScorePoint};

/// Maximum number of runs that the figure shows.
pub(super) const MAX_RUNS: usize = 60;

pub(super) const CAPTION: &str =
    "F1 of the model that was deployed before each run, on the new rows of the run";

/// The figure of a run's report. `None` if the earlier runs cannot be read.
pub(super) fn figure(report: &RunReport<'_>) -> Option<Drawn> {
    let earlier = report.earlier.as_ref().ok()?;
    let history = score_history(earlier, report.record);
    Some(Drawn::new("score_history", CAPTION, history))
}

/// The score of each run that evaluated the deployed model, and what else happened to it. `earlier` are
/// the runs before `last`, the newest first.
pub(super) fn score_history(earlier: &[RunRecord], last: &RunRecord) -> ScoreHistory {
    let runs: Vec<&RunRecord> = std::iter::once(last)
        .chain(earlier)
        .filter(|run| run.evidence.is_some())
        .take(MAX_RUNS)
        .collect();
    // The run before each run, for changes by hand.
    let before = runs.iter().skip(1).map(Some).chain([None]);
    let mut points: Vec<ScorePoint> = runs
        .iter()
        .zip(before)
        .map(|(run, before)| point(run, before.copied()))
        .collect();
    points.reverse();
    ScoreHistory { points }
}

/// True if at least two runs have a score.
pub(super) fn is_worth_showing(history: &ScoreHistory) -> bool {
    let scored = history.points.iter().filter(|point| point.score.is_some());
    scored.count() >= 2
}

fn point(run: &RunRecord, before: Option<&RunRecord>) -> ScorePoint {
    let evidence = run.evidence.as_ref();
    let metrics = evidence.and_then(|it| it.on_new_rows.as_ref());
    let verdict = run.verdicts().map(|verdicts| verdicts.model.verdict);
    ScorePoint {
        run: run.run_id.unwrap_or_default(),
        score: metrics.and_then(|it| it.f1),
        interval: metrics.and_then(|it| it.f1_interval),
        event: event(run, before),
        has_model_drift: verdict == Some(Verdict::Drift),
    }
}

fn event(run: &RunRecord, before: Option<&RunRecord>) -> Option<RunEvent> {
    match run.outcome.as_ref()? {
        Outcome::ColdStart | Outcome::Redeployed => Some(RunEvent::Deployment),
        Outcome::CandidateRefused => Some(RunEvent::Refusal),
        _ => {
            let was_deployed = before?.release.as_ref()?;
            let is_deployed = run.release.as_ref()?;
            (was_deployed != is_deployed).then_some(RunEvent::ByHand)
        }
    }
}
