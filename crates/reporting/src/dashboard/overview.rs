//! The first page: the state now, what needs attention, and the answers of the newest run.

use common::history::OpenCondition;
use diagnostics::Dependencies;
use jiff::Timestamp;
use maud::{Markup, html};
use record::{Outcome, RunRecord};
use scoring::RankedClient;

use super::address::{self, paths};
use super::attention::{self, LiveRelease, UnfinishedRun};
use super::cells::named;
use super::frame::{Frame, Place, ago};
use crate::report::{EarlierRuns, Part, RunReport, first_screen};

/// What the first page shows.
pub struct Overview {
    /// The present time.
    pub now: Timestamp,
    /// Age of the last run, in hours, above which it is stale.
    pub stale_after_hours: u32,
    /// The release that is live.
    pub release: LiveRelease,
    /// The runs; `None` if there is no history yet.
    pub runs: Part<Option<RunsSoFar>>,
    /// The first clients of the call list.
    pub clients: Part<Vec<RankedClient>>,
}

/// What the first page shows of the runs.
#[derive(Default)]
pub struct RunsSoFar {
    /// The newest run that ended.
    pub last: Option<RunRecord>,
    /// True if it ended longer ago than it should have.
    pub is_stale: bool,
    /// The newest run that evaluated the deployed model, or deployed the first one.
    pub evaluated: Option<RunRecord>,
    /// The runs before that.
    pub earlier: EarlierRuns,
    /// The run that has not ended.
    pub unfinished: Option<UnfinishedRun>,
    /// The conditions that alerts have reported and that are not resolved.
    pub conditions: Vec<OpenCondition>,
    /// Number of alerts that wait after a failed delivery.
    pub waiting_alerts: u64,
}

impl Overview {
    /// The page.
    pub fn html(self) -> String {
        let now = self.now;
        let subtitle = self.subtitle();
        let attention = attention::section(&self);
        let content = html! {
            (attention)
            (self.newest_run())
        };
        Frame {
            place: Some(Place::Overview),
            title: "Overview".into(),
            subtitle,
            content,
            now,
        }
        .html()
    }

    fn subtitle(&self) -> Markup {
        let last = self.runs.as_ref().ok().and_then(Option::as_ref);
        let last = last.and_then(|runs| runs.last.as_ref());
        html! {
            @match &self.release {
                LiveRelease::None => "No model is deployed",
                LiveRelease::Served(release) => {
                    "Release " a href=(address::release(release)) { (release) } " is live"
                },
                LiveRelease::Damaged { .. } => "The live release cannot be used",
            }
            @if let Some(last) = last {
                @let ended = last.finished_at.unwrap_or(last.started_at);
                @let run = last.run_id.unwrap_or_default();
                " · last run " a href=(address::run(run)) { (run) } " (" (outcome(last)) ") ended "
                (ago(self.now, ended))
            }
        }
    }

    /// The answers of the newest run that evaluated new rows.
    fn newest_run(self) -> Markup {
        let Ok(Some(runs)) = self.runs else {
            return html! {};
        };
        let Some(record) = &runs.evaluated else {
            return html! {};
        };
        let run = record.run_id.unwrap_or_default();
        let report = RunReport {
            record,
            earlier: Ok(runs.earlier),
            deployed: Ok(None),
            clients: self.clients,
            dependencies: Ok(Dependencies::default()),
        };
        html! {
            section aria-labelledby="newest" {
                h2 #newest { "Newest run with new rows: " a href=(address::run(run)) { "run " (run) } }
                (first_screen::first_screen(&report))
                p {
                    a href=(paths::CALLS) { "The whole call list" } " · "
                    a href=(paths::SCORE) { "The score of each run" } " · "
                    a href=(paths::DRIFT) { "Drift by feature" }
                }
            }
        }
    }
}

/// The outcome of a run in words: `nothing new`.
pub(super) fn outcome(run: &RunRecord) -> String {
    outcome_in_words(run.outcome.as_ref())
}

/// The name of an outcome in words.
pub(super) fn outcome_in_words(outcome: Option<&Outcome>) -> String {
    let name = outcome.map_or("open", Outcome::name);
    named(&name.replace('_', " "))
}
