//! The first page: the state now, what needs attention, and the answers of the newest run.

use anyhow::anyhow;
use common::history::OpenCondition;
use diagnostics::Dependencies;
use jiff::Timestamp;
use maud::{Markup, html};
use record::{Outcome, RunRecord};
use scoring::RankedClient;

use super::address::{self, paths};
use super::attention::{self, LiveRelease, UnfinishedRun};
use super::cells::in_words;
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
    /// The first clients of the call list; `None` if there is no list.
    pub clients: Part<Option<Vec<RankedClient>>>,
}

/// What the first page shows of the runs.
#[derive(Default)]
pub struct RunsSoFar {
    /// The newest run that ended.
    pub last: Option<RunRecord>,
    /// True if the last run ended more than `stale_after_hours` ago.
    pub is_stale: bool,
    /// The newest run that evaluated the deployed model, or deployed the first one.
    pub evaluated: Option<RunRecord>,
    /// The runs before the evaluated one.
    pub earlier: EarlierRuns,
    /// The newest run whose record cannot be read, if it is newer than the evaluated one.
    pub unreadable: Option<i64>,
    /// The run that has not ended.
    pub unfinished: Option<UnfinishedRun>,
    /// The conditions that alerts have reported and that are not resolved.
    pub conditions: Vec<OpenCondition>,
    /// Number of alerts that wait after a failed delivery.
    pub waiting_alerts: u64,
}

impl RunsSoFar {
    /// True if the newest run that evaluated new rows has put clients on the call list.
    pub(super) fn has_ranked_clients(&self) -> bool {
        let run = self.evaluated.as_ref();
        let list = run.and_then(|run| run.call_list.as_ref());
        list.is_some_and(|list| list.clients > 0)
    }
}

impl Overview {
    /// True if the history is missing, or has no run.
    pub(super) fn knows_no_run(&self) -> bool {
        let runs = self.runs.as_ref();
        runs.is_ok_and(|runs| {
            let runs = runs.as_ref();
            runs.is_none_or(|runs| runs.last.is_none() && runs.unfinished.is_none())
        })
    }

    /// True if another release is live than the one that was live after a run.
    pub(super) fn is_replaced_after(&self, run: &RunRecord) -> bool {
        match (&self.release, &run.release) {
            (LiveRelease::Served(live), Some(before)) => live != before,
            _ => false,
        }
    }

    /// True if only one run is known, and it has not ended.
    pub(super) fn first_run_is_unfinished(&self) -> bool {
        let runs = self.runs.iter().flatten().next();
        runs.is_some_and(|runs| runs.last.is_none() && runs.unfinished.is_some())
    }

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
                LiveRelease::None | LiveRelease::Unlinked { .. } => "No release is live",
                LiveRelease::Served(release) => {
                    "Release " a href=(address::release(release)) { (release) } " is live"
                },
                LiveRelease::Missing { .. } => "The live release is missing",
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
        let evaluated = self.runs.iter().flatten().next();
        let evaluated = evaluated.and_then(|runs| runs.evaluated.as_ref());
        let is_replaced = evaluated.is_some_and(|run| self.is_replaced_after(run));
        let Ok(Some(runs)) = self.runs else {
            return html! {};
        };
        let Some(record) = &runs.evaluated else {
            return html! {};
        };
        let run = record.run_id.unwrap_or_default();
        let has_ranked_clients = runs.has_ranked_clients();
        // The first section of the page has the problem, with what to do.
        let clients = match self.clients {
            Ok(Some(clients)) => Ok(clients),
            Ok(None) if !has_ranked_clients => Ok(Vec::new()),
            Ok(None) | Err(_) => Err(anyhow!("the reason is above, under what needs attention")),
        };
        let report = RunReport {
            record,
            earlier: Ok(runs.earlier),
            deployed: Ok(None),
            clients,
            dependencies: Ok(Dependencies::default()),
        };
        html! {
            section aria-labelledby="newest" {
                h2 #newest { "Newest run with new input: " a href=(address::run(run)) { "run " (run) } }
                (first_screen::first_screen(&report, is_replaced))
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
    in_words(outcome.map_or("open", Outcome::name))
}
