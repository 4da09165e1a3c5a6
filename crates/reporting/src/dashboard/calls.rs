//! The call list, with a filter.

use std::fmt;

use common::numbers::{amount, count};
use jiff::Timestamp;
use maud::{Markup, html};
use scoring::{Band, CallListFlaw, CallListSummary, RankedClient};

use super::Paged;
use super::absence::{PipelineState, nothing_yet};
use super::address::{paths, with_query};
use super::attention::LiveRelease;
use super::cells::{Entry, in_words};
use super::frame::{Frame, Place, field, pager};
use crate::page::prose::{prose, with_code};
use crate::page::tables::{Column, percent, shown, table};
use crate::report::{Part, calls};
use common::visible;

/// Message when a run has ranked clients and their file is missing.
pub(super) const MISSING_CALL_LIST: &str = "the call list (riskranking.csv) is missing";

/// Why the call list cannot be shown, without folders of this machine.
pub(super) fn problem_in_words(error: &anyhow::Error) -> String {
    match CallListFlaw::of(error) {
        Some(flaw) => format!("the call list is damaged: {}", flaw.without_folder()),
        None => "the call list cannot be read; the log of the server has the cause".to_owned(),
    }
}

/// What to do about a call list that is missing or damaged.
pub(super) fn how_to_rebuild(release: &LiveRelease) -> &'static str {
    match release {
        LiveRelease::Served(_) => "on the server, run `scoring --rank`, which rebuilds it",
        _ => {
            "first repair the live release, as the overview says. Then run `scoring --rank` on the server, which rebuilds the list"
        }
    }
}

/// A page of the call list.
pub struct CallsPage {
    /// The present time.
    pub now: Timestamp,
    /// The filter of the list.
    pub filter: CallFilter,
    /// The clients, those to call first at the top; `None` if there is no list yet.
    pub clients: Part<Option<Paged<RankedClient>>>,
    /// Counts of the whole list, as the run that made it recorded them.
    pub summary: Option<CallListSummary>,
    /// State of the pipeline. A page without clients tells from it what to do.
    pub state: PipelineState,
}

/// Which clients of the list are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only this band.
    pub band: Option<Band>,
    /// Only clients to call, clients not to call, or held-out clients.
    pub called: Option<Called>,
    /// Only clients whose id contains this text; the case of letters does not matter.
    pub id: Option<String>,
}

/// Whether a client is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The client gets a call.
    Yes,
    /// The client gets no call.
    No,
    /// The client is held out, to see whether calling works.
    HeldOut,
}

impl Called {
    /// All values, each with its name in addresses.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Yes, "yes"),
        (Self::No, "no"),
        (Self::HeldOut, "held_out"),
    ];

    /// The value with this name in addresses; `None` for another name.
    pub fn of_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(called, _)| *called)
    }

    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(called, _)| *called == self);
        found.map_or("", |(_, name)| name)
    }

    fn of(client: &RankedClient) -> Self {
        match (client.in_capacity, client.hold_out) {
            (_, Some(true)) => Self::HeldOut,
            (Some(false), _) => Self::No,
            // Without a capacity each client may be called.
            (Some(true) | None, _) => Self::Yes,
        }
    }
}

impl fmt::Display for Called {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Yes => "to call",
            Self::No => "not to call",
            Self::HeldOut => "held out",
        })
    }
}

impl CallFilter {
    /// True if the filter shows a client.
    pub fn holds(&self, client: &RankedClient) -> bool {
        // A page shows the id with its invisible characters replaced, and people copy what they see.
        let shown = visible(&client.id);
        let contains = |part: &String| {
            let part = part.to_lowercase();
            let ids = [client.id.as_str(), &shown];
            ids.iter().any(|id| id.to_lowercase().contains(&part))
        };
        self.band.is_none_or(|band| client.band == band)
            && self
                .called
                .is_none_or(|called| Called::of(client) == called)
            && self.id.as_ref().is_none_or(contains)
    }

    /// True if the filter leaves out any client.
    fn is_set(&self) -> bool {
        *self != Self::default()
    }

    fn parameters(&self) -> [(&'static str, Option<String>); 3] {
        [
            ("band", self.band.map(String::from)),
            ("call", self.called.map(|called| called.name().to_owned())),
            ("client", self.id.clone()),
        ]
    }
}

impl CallsPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Calls),
            title: "Call list".into(),
            subtitle: html! { "Clients without a label, those to call first at the top" },
            content: match &self.clients {
                Err(error) => html! {
                    p.missing { (prose(&problem_in_words(error))) }
                    (self.rebuild())
                },
                Ok(None) if self.summary.as_ref().is_some_and(|list| list.clients > 0) => html! {
                    p.missing { (prose(MISSING_CALL_LIST)) }
                    (self.rebuild())
                },
                Ok(None) => self.nothing_yet(),
                Ok(Some(clients)) => self.content(clients),
            },
            now: self.now,
        }
        .html()
    }

    fn rebuild(&self) -> Markup {
        html! { p { "What to do: " (with_code(how_to_rebuild(&self.state.release))) } }
    }

    fn nothing_yet(&self) -> Markup {
        if !matches!(self.state.release, LiveRelease::Served(_)) || self.state.has_lost_history() {
            return nothing_yet("The call list", "There is no call list yet.", &self.state);
        }
        html! {
            p { "There is no call list yet." }
            p { "What to do: " (with_code("add a file of clients whose outcome is not known yet, and run `fullprocess`. `scoring --rank FILE` ranks the clients of a file without a run")) }
        }
    }

    fn content(&self, clients: &Paged<RankedClient>) -> Markup {
        let columns = [
            Column::Number("Rank"),
            Column::Text("Client"),
            Column::Number("Risk"),
            Column::Text("Band"),
            Column::Number("Expected value"),
            Column::Text("Call"),
            Column::Sentence("Reasons: value and what it adds to the log-odds"),
        ];
        let rows: Vec<Vec<Entry>> = clients.items.iter().map(cells).collect();
        let csv = with_query(paths::CALLS_CSV, &self.filter.parameters());
        html! {
            @if let Some(summary) = &self.summary { p { (prose(&summary.to_string())) } }
            (self.release_note(clients))
            (self.form())
            p { a href=(csv) download="riskranking.csv" { "These clients as CSV" } " (all pages)" }
            @if rows.is_empty() {
                p.note {
                    @match (self.filter.is_set(), clients.is_first) {
                        (true, true) => "No client matches the filter.",
                        (true, false) => "No further client matches the filter.",
                        (false, true) => "No client waits for a label, so there is nobody to call.",
                        (false, false) => "No further client is on the list.",
                    }
                }
            }
            (table("Clients", &columns, &rows))
            (pager(
                paths::CALLS,
                &self.filter.parameters(),
                clients,
                ["First clients", "Next clients"],
            ))
        }
    }

    /// Note if another release than the live one ranked the clients, or if the live release cannot be used.
    fn release_note(&self, clients: &Paged<RankedClient>) -> Markup {
        let ranked_by = clients.items.first().map(|client| &client.model_version);
        let LiveRelease::Served(live) = &self.state.release else {
            return html! {
                p.note { "The live release is missing or cannot be used: " a href=(paths::OVERVIEW) { "what to do" } "." }
            };
        };
        let other = ranked_by.filter(|release| *release != live);
        html! {
            @if let Some(release) = other {
                p.note {
                    "Release " (visible(release)) " ranked these clients; it is not live now. "
                    (with_code("`scoring --rank` ranks them again"))
                }
            }
        }
    }

    fn form(&self) -> Markup {
        html! {
            form.filter method="get" action=(paths::CALLS) role="search" aria-label="Filter" {
                (field("band", "Band", html! {
                    select #band name="band" {
                        option value="" { "all" }
                        @for band in self.bands() {
                            option value=(band.name()) selected[self.filter.band == Some(band)] {
                                (in_words(&band.name()))
                            }
                        }
                    }
                }))
                (field("call", "Call", html! {
                    select #call name="call" {
                        option value="" { "all" }
                        @for (called, name) in Called::ALL {
                            option value=(name) selected[self.filter.called == Some(called)] { (called.to_string()) }
                        }
                    }
                }))
                (field("client", "Client contains", html! {
                    input #client name="client" type="search" autocomplete="off" maxlength="200"
                        value=(self.filter.id.as_deref().unwrap_or_default());
                }))
                button { "Show" }
                @if self.filter.is_set() { a href=(paths::CALLS) { "Show all" } }
            }
        }
    }

    /// The bands of the list. All possible bands if the counts of the list are unknown.
    fn bands(&self) -> Vec<Band> {
        let counted = self.summary.iter().flat_map(|summary| &summary.bands);
        let mut bands: Vec<Band> = counted.map(|counted| counted.band).collect();
        if bands.is_empty() {
            bands = Band::all().collect();
        }
        if let Some(band) = self.filter.band.filter(|band| !bands.contains(band)) {
            bands.push(band);
        }
        bands
    }
}

fn cells(client: &RankedClient) -> Vec<Entry> {
    vec![
        Entry::text(count(client.rank)),
        Entry::text(&client.id),
        Entry::text(percent(client.probability)),
        Entry::text(in_words(&client.band.name())),
        Entry::text(client.expected_value.map_or(String::new(), amount)),
        Entry::text(calls::call_decision_in_words(client)),
        Entry::Sentence(
            client
                .reasons
                .iter()
                .map(|it| shown(it))
                .collect::<Vec<_>>()
                .join("; "),
        ),
    ]
}
