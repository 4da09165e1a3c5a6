//! The runs with their reasons, page by page.

use common::history::ChangeByHand;
use common::numbers::{Scores, count};
use jiff::Timestamp;
use maud::{Markup, html};
use record::RunRecord;

use super::Paged;
use super::absence::{PipelineState, nothing_yet, unreadable_history};
use super::address::{self, paths};
use super::cells::Entry;
use super::changes_by_hand::{self, OfChange, changes_note};
use super::frame::{Frame, Place, field, pager};
use super::overview::outcome;
use crate::page::tables::{Column, or_dash, sentence, table};
use crate::report::Part;

/// A page of the runs.
pub struct RunsPage {
    /// The present time.
    pub now: Timestamp,
    /// The runs, the newest first.
    pub runs: Part<Paged<RunLine>>,
    /// The changes by hand after the oldest of these runs and before the newer page, the newest first.
    pub changes: Vec<ChangeByHand>,
    /// State of the pipeline. A page without runs tells from it what to do.
    pub state: PipelineState,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunLine {
    run: i64,
    ended: Option<Timestamp>,
    outcome: String,
    release: Option<String>,
    /// F1 on the new rows, and of the deployed model on the test data.
    scores: [Option<f64>; 2],
    new_rows: u64,
    seconds: f64,
    reason: String,
    has_report: bool,
}

impl RunLine {
    /// The line of a run.
    pub fn of(run: &RunRecord, has_report: bool) -> Self {
        Self {
            run: run.run_id.unwrap_or_default(),
            ended: run.finished_at,
            outcome: outcome(run),
            release: run.release.clone(),
            scores: [run.new_score, run.deployed_score],
            new_rows: run.rows.new,
            // Adding 0.0 turns the sum of an empty list, which is -0, into 0.
            seconds: run.seconds.values().sum::<f64>() + 0.0,
            reason: run.reason.clone(),
            has_report,
        }
    }

    /// The cells of the list of reports.
    pub(super) fn report_cells(&self) -> Vec<Entry> {
        vec![
            report_link(self.run, self.has_report),
            Entry::run(self.run),
            Entry::time_or_none(self.ended),
            Entry::text(&self.outcome),
            Entry::Sentence(sentence(&self.reason)),
        ]
    }

    fn cells(&self) -> Vec<Entry> {
        let shown = Scores::of(self.scores.into_iter().flatten());
        let score = |score: Option<f64>| Entry::text(or_dash(score.map(|it| shown.number(it))));
        vec![
            Entry::run(self.run),
            Entry::time_or_none(self.ended),
            Entry::text(&self.outcome),
            Entry::release_or_none(self.release.as_deref()),
            score(self.scores[0]),
            score(self.scores[1]),
            Entry::text(count(self.new_rows)),
            Entry::text(format!("{:.1}", self.seconds)),
            Entry::Sentence(sentence(&self.reason)),
            report_link(self.run, self.has_report),
        ]
    }
}

/// The link to the report of a run that has one.
fn report_link(run: i64, has_report: bool) -> Entry {
    match has_report {
        true => Entry::Link {
            to: address::report(run),
            text: format!("report\u{a0}{run}"),
        },
        false => Entry::NONE,
    }
}

/// What each column shows for a change by hand.
const OF_CHANGE: [OfChange; 10] = [
    OfChange::Run,
    OfChange::Time,
    OfChange::Kind,
    OfChange::Release,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Nothing,
    OfChange::Sentence,
    OfChange::Nothing,
];

impl RunsPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Runs),
            title: "Runs".into(),
            subtitle: html! { "Each run that ended, with its reason, the newest first" },
            content: match &self.runs {
                Err(_) => unreadable_history("The runs"),
                Ok(runs) if runs.items.is_empty() && runs.is_first && self.changes.is_empty() => {
                    nothing_yet("The runs", "No run has ended yet.", &self.state)
                }
                Ok(runs) => self.content(runs),
            },
            now: self.now,
        }
        .html()
    }

    fn content(&self, runs: &Paged<RunLine>) -> Markup {
        let number = |line: &&RunLine| line.run;
        let entries = record::with_changes(&runs.items, number, self.changes.iter().cloned());
        let rows = changes_by_hand::rows(&entries, |line| line.cells(), &OF_CHANGE);
        html! {
            form.filter method="get" action=(paths::RUNS) {
                (field("before", "Only runs before number", html! {
                    input #before name="before" type="text" inputmode="numeric" pattern="[0-9]*" autocomplete="off";
                }))
                button { "Show" }
            }
            @if rows.is_empty() { p.note { "There is no run before that number." } }
            (table(
                "Runs",
                &[
                    Column::Number("Run"),
                    Column::Text("Ended"),
                    Column::Text("Outcome"),
                    Column::Text("Release"),
                    Column::Number("F1 on new rows"),
                    Column::Number("F1 at deployment"),
                    Column::Number("New rows"),
                    Column::Number("Seconds"),
                    Column::Sentence("Why"),
                    Column::Text("Report"),
                ],
                &rows,
            ))
            (changes_note(&self.changes))
            (pager(paths::RUNS, &[], runs, ["Newest runs", "Older runs"]))
        }
    }
}
