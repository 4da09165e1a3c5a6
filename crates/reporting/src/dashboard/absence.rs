//! The state of a pipeline, and what a page that has nothing to show says about it.

use maud::{Markup, html};

use super::Paged;
use super::address::paths;
use super::attention::LiveRelease;
use super::frame::pager;
use crate::page::prose::with_code;
use crate::report::Part;

/// The state of a pipeline: its live release and its runs.
#[derive(Clone, Debug)]
pub struct PipelineState {
    /// The release that answers predictions.
    pub release: LiveRelease,
    /// What the history knows of runs.
    pub runs: KnownRuns,
}

/// What the history knows of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownRuns {
    /// There is no history, or it has no run.
    None,
    /// The first run has not ended.
    FirstUnfinished,
    /// At least one run has ended.
    Ended,
    /// The history cannot be read.
    Unreadable,
}

/// What to do, and where more is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The step; commands are in backticks.
    pub to_do: String,
    /// Address of a page that shows more, with its words.
    pub more: Option<(&'static str, &'static str)>,
}

/// What to do before the first run.
pub(super) const FIRST_STEPS: &str = "put CSV files with known outcomes into an input folder of `config.json`, and run `fullprocess`. `fullprocess --try FILE` tries any CSV file first";
/// What to do if the history is gone. The doctor knows whether a seal is left, with which `fullprocess` alone
/// would not begin a new history.
pub(super) const BEGIN_HISTORY: &str = "put a backup of history.db in its place, if there is one. Otherwise run `fullprocess --doctor` on the server: it names the command that begins a new history";
/// What to do if the history cannot be read.
pub(super) const REPAIR_HISTORY: &str = "on the server, run `fullprocess --doctor`: it names the damage, and the command that repairs it. The log of the server has the cause. Predictions go on";
/// What to do while a run works.
pub(super) const WAIT: &str =
    "nothing while it works. If it was killed, the next run of `fullprocess` finishes it";

const THE_OVERVIEW: (&str, &str) = (paths::OVERVIEW, "The overview");
const THE_RUNS: (&str, &str) = (paths::RUNS, "The runs");

impl PipelineState {
    /// True if the history knows of no run, although a release was deployed.
    pub(super) fn has_lost_history(&self) -> bool {
        self.runs == KnownRuns::None && self.release != LiveRelease::None
    }

    /// What to do about something that is not there.
    pub fn advice(&self) -> Advice {
        let advice = |to_do: &str, more| Advice {
            to_do: to_do.to_owned(),
            more,
        };
        match (self.runs, &self.release) {
            (KnownRuns::Unreadable, _) => advice(REPAIR_HISTORY, None),
            (KnownRuns::FirstUnfinished, _) => advice(WAIT, Some(THE_OVERVIEW)),
            (KnownRuns::None, LiveRelease::None) => advice(FIRST_STEPS, None),
            (KnownRuns::None, LiveRelease::Served(_)) => advice(BEGIN_HISTORY, None),
            (KnownRuns::None, _) => advice(
                "put a backup of history.db in its place, if there is one. The live release has a problem, too",
                Some(THE_OVERVIEW),
            ),
            (KnownRuns::Ended, LiveRelease::Served(_)) => advice(
                "nothing: the next run with new rows has something to show",
                Some(THE_RUNS),
            ),
            (KnownRuns::Ended, LiveRelease::None) => {
                advice("read why the newest run ended so", Some(THE_RUNS))
            }
            (KnownRuns::Ended, _) => advice(
                "first repair the live release, as the overview says",
                Some(THE_OVERVIEW),
            ),
        }
    }
}

/// The step of an advice.
pub(super) fn step(advice: &Advice) -> Markup {
    html! {
        p {
            "What to do: " (with_code(&advice.to_do))
            @if let Some((to, words)) = advice.more { " " a href=(to) { (words) } "." }
        }
    }
}

/// The content of a page without anything to show: `nothing` is a sentence, and `what` is the subject of
/// "cannot be shown".
pub(super) fn nothing_yet(what: &str, nothing: &str, state: &PipelineState) -> Markup {
    html! {
        @if state.has_lost_history() {
            p.missing { (what) " cannot be shown: history.db is missing or has no run, although a model was deployed." }
        } @else {
            p { (nothing) }
        }
        (step(&state.advice()))
    }
}

/// A list from the history that is shown page by page.
pub(super) struct ListOfHistory<'a> {
    /// Address of the first page.
    pub(super) path: &'static str,
    /// Parameters of the address.
    pub(super) parameters: &'a [(&'static str, Option<String>)],
    /// Subject of "cannot be shown".
    pub(super) subject: &'static str,
    /// Sentence if the list is empty.
    pub(super) nothing: &'static str,
    /// Sentence for a page after the last item: the list has ended, or the number in the address is too low.
    pub(super) nothing_older: &'static str,
    /// Words of the links to the first page and to the next one.
    pub(super) links: [&'static str; 2],
}

impl ListOfHistory<'_> {
    /// A page of the list, with links to others. `content` also gets a page after the last item; it has no item.
    pub(super) fn page<T>(
        &self,
        page: &Part<Paged<T>>,
        state: &PipelineState,
        content: impl FnOnce(&Paged<T>) -> Markup,
    ) -> Markup {
        let page = match page {
            Err(_) => return unreadable_history(self.subject),
            Ok(page) if page.items.is_empty() && page.is_first => {
                return nothing_yet(self.subject, self.nothing, state);
            }
            Ok(page) => page,
        };
        html! {
            @if page.items.is_empty() { p.note { (self.nothing_older) } }
            (content(page))
            (pager(self.path, self.parameters, page, self.links))
        }
    }
}

/// What to do where the history cannot be read, in the place of what it would show.
pub(super) fn unreadable_history(what: &str) -> Markup {
    html! {
        p.missing { (what) " cannot be shown, because the history of the runs cannot be read." }
        p { "What to do: " (with_code(REPAIR_HISTORY)) }
    }
}
