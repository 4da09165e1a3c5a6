//! The score of the deployed model by run.

use common::history::ChangeByHand;
use common::numbers::{Scores, count};
use diagnostics::Verdict;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::absence::{ListOfHistory, PipelineState};
use super::address::paths;
use super::cells::Entry;
use super::changes_by_hand::{self, OfChange, changes_note};
use super::frame::{Frame, Place};
use super::overview::outcome_in_words;
use crate::figure::RunEvent;
use crate::page::figure;
use crate::page::tables::{Column, or_dash, table};
use crate::report::score_history::{CAPTION, event, score_history};
use crate::report::{EvaluatedRun, Part};

/// A page of the scores.
pub struct ScorePage {
    /// The present time.
    pub now: Timestamp,
    /// The runs that evaluated the deployed model, the newest first.
    pub runs: Part<Paged<EvaluatedRun>>,
    /// The changes by hand after the oldest of these runs and before the newer page, the newest first.
    pub changes: Vec<ChangeByHand>,
    /// State of the pipeline. A page without scores tells from it what to do.
    pub state: PipelineState,
}

impl ScorePage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Score),
            title: "Score over time".into(),
            subtitle: html! { "F1 of the deployed model on the new rows of each run" },
            content: LIST.page(&self.runs, &self.state, |runs| content(runs, &self.changes)),
            now: self.now,
        }
        .html()
    }
}

/// What each column shows for a change by hand of the live release.
const OF_CHANGE: [OfChange; 8] = [
    OfChange::Run,
    OfChange::Kind,
    OfChange::Release,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Sentence,
];

const LIST: ListOfHistory<'_> = ListOfHistory {
    path: paths::SCORE,
    parameters: &[],
    subject: "The scores",
    nothing: "No run has evaluated a deployed model yet.",
    nothing_older: NO_OLDER_EVALUATION,
    links: ["Newest runs", "Older runs"],
};

/// Sentence for a page after the last run that evaluated a deployed model.
pub(super) const NO_OLDER_EVALUATION: &str = "No older run evaluated a deployed model.";

fn content(runs: &Paged<EvaluatedRun>, changes: &[ChangeByHand]) -> Markup {
    let before = runs.items.iter().skip(1).map(Some).chain([None]);
    let runs_with_earlier = runs.items.iter().zip(before);
    // Only a change of the live release can change the score.
    let of_release = changes
        .iter()
        .filter(|change| change.is_of_release())
        .cloned();
    let entries = record::with_changes(runs_with_earlier, |(run, _)| run.run, of_release);
    let rows = changes_by_hand::rows(&entries, |(run, before)| cells(run, *before), &OF_CHANGE);
    html! {
        @if !runs.items.is_empty() {
            div.figures.single { (figure(CAPTION, score_history(runs.items.iter()))) }
        }
        (table(
            "Scores by run",
            &[
                Column::Number("Run"),
                Column::Text("Outcome"),
                Column::Text("Release after the run"),
                Column::Number("Rows with a label"),
                Column::Number("F1"),
                Column::Number("95 % interval"),
                Column::Text("Model drift"),
                Column::Sentence("Deployed model"),
            ],
            &rows,
        ))
        (changes_note(changes))
    }
}

fn cells(run: &EvaluatedRun, before: Option<&EvaluatedRun>) -> Vec<Entry> {
    let interval = run.interval.into_iter().flatten();
    let scores = Scores::of(run.score.into_iter().chain(interval));
    let number = |score: f64| scores.number(score);
    let ends = |[from, to]: [f64; 2]| format!("{} to {}", number(from), number(to));
    let is_first_model = run.outcome == Some(record::Outcome::ColdStart);
    vec![
        Entry::run(run.run),
        Entry::text(outcome_in_words(run.outcome.as_ref())),
        Entry::release_or_none(run.release.as_deref()),
        Entry::text(run.rows.map(count).unwrap_or_default()),
        Entry::text(or_dash(run.score.map(number))),
        Entry::text(run.interval.map(ends).unwrap_or_default()),
        Entry::text(run.model_verdict.map_or("", model_verdict_in_words)),
        Entry::Sentence(
            match event(run, before) {
                Some(RunEvent::Deployment) if is_first_model => "first",
                Some(RunEvent::Deployment) => "replaced",
                Some(RunEvent::Refusal) => "kept, candidate refused",
                Some(RunEvent::ByHand) => "changed by hand before",
                None => "",
            }
            .to_owned(),
        ),
    ]
}

/// The verdict on model drift in words.
pub(super) fn model_verdict_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "no drift",
        Verdict::Drift => "drift",
        Verdict::InsufficientData => "too few rows",
    }
}
