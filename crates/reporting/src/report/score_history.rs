//! The score of the deployed model over the runs.

use diagnostics::Verdict;
use record::Outcome;

use super::RunReport;
use super::earlier::{EvaluatedRun, MAX_RUNS};
use crate::figure::{RunEvent, ScoreHistory, ScorePoint};
use crate::page::NamedFigure;

pub(crate) const CAPTION: &str =
    "F1 of the model that was deployed before each run, on the new rows of the run";

/// The figure of a run's report. `None` if the earlier runs cannot be read.
pub(super) fn figure(report: &RunReport<'_>) -> Option<NamedFigure> {
    let earlier = report.earlier.as_ref().ok()?;
    let last = EvaluatedRun::of(report.record);
    let history = score_history(with_earlier(last.as_ref(), &earlier.runs));
    Some(NamedFigure::new("score_history", CAPTION, history))
}

/// A run and the runs before it, the newest first.
pub(crate) fn with_earlier<'a>(
    last: Option<&'a EvaluatedRun>,
    earlier: &'a [EvaluatedRun],
) -> impl Iterator<Item = &'a EvaluatedRun> {
    last.into_iter().chain(earlier).take(MAX_RUNS)
}

/// For each run that evaluated the deployed model: its score, and whether a model was deployed or refused.
/// The newest run comes first.
pub(crate) fn score_history<'a>(runs: impl Iterator<Item = &'a EvaluatedRun>) -> ScoreHistory {
    let runs: Vec<&EvaluatedRun> = runs.collect();
    // The run before each run, for changes by hand.
    let before = runs.iter().skip(1).copied().map(Some).chain([None]);
    let mut points: Vec<ScorePoint> = runs
        .iter()
        .zip(before)
        .map(|(run, before)| point(run, before))
        .collect();
    points.reverse();
    ScoreHistory { points }
}

/// True if at least two runs have a score.
pub(crate) fn is_worth_showing(history: &ScoreHistory) -> bool {
    let scored = history.points.iter().filter(|point| point.score.is_some());
    scored.count() >= 2
}

fn point(run: &EvaluatedRun, before: Option<&EvaluatedRun>) -> ScorePoint {
    ScorePoint {
        run: run.run,
        score: run.score,
        interval: run.interval,
        event: event(run, before),
        has_model_drift: run.model_verdict == Some(Verdict::Drift),
    }
}

/// What happened to the deployed model; `before` is the run before.
pub(crate) fn event(run: &EvaluatedRun, before: Option<&EvaluatedRun>) -> Option<RunEvent> {
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
