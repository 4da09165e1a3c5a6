//! The releases, page by page.

use common::Manifest;
use common::numbers::score;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::absence::{PipelineState, nothing_yet};
use super::address::paths;
use super::attention::LiveRelease;
use super::cells::Entry;
use super::frame::{Frame, Place, pager};
use crate::page::prose::with_code;
use crate::page::tables::{Column, table};
use crate::report::Part;

/// A page of the releases.
pub struct ReleasesPage {
    /// The present time.
    pub now: Timestamp,
    /// The releases, the newest first. An error if their folder cannot be read.
    pub releases: Part<Paged<ReleaseLine>>,
    /// The undamaged release to go back to from the live one; `None` if there is no other undamaged
    /// release. An error if the releases cannot be read.
    pub return_to: Part<Option<String>>,
    /// State of the pipeline. A page without releases tells from it what to do.
    pub state: PipelineState,
}

/// A release in a list.
#[derive(Debug)]
pub struct ReleaseLine {
    /// Name of the release: its number, with at least six digits.
    pub name: String,
    /// True if it is live.
    pub is_live: bool,
    /// Manifest of the release; an error if it cannot be read.
    pub manifest: Part<Manifest>,
}

impl ReleasesPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Releases),
            title: "Releases".into(),
            subtitle: html! { "The models that were deployed and are kept, the newest first" },
            content: match &self.releases {
                Err(_) => html! {
                    p.missing { "The releases cannot be listed." }
                    p { "What to do: " (with_code("on the server, run `fullprocess --doctor`. The log of the server has the cause")) }
                },
                Ok(releases) if releases.items.is_empty() && releases.is_first => {
                    nothing_yet("The releases", "No release is kept.", &self.state)
                }
                Ok(releases) => content(releases, &self.state.release, &self.return_to),
            },
            now: self.now,
        }
        .html()
    }
}

fn content(
    releases: &Paged<ReleaseLine>,
    live: &LiveRelease,
    return_to: &Part<Option<String>>,
) -> Markup {
    let rows: Vec<Vec<Entry>> = releases.items.iter().map(|it| cells(it, live)).collect();
    let pager = pager(
        paths::RELEASES,
        &[],
        releases,
        ["Newest releases", "Older releases"],
    );
    if rows.is_empty() {
        return html! { p.note { "There is no older release." } (pager) };
    }
    html! {
        (table(
            "Releases",
            &[
                Column::Text("Release"),
                Column::Text("State"),
                Column::Text("Made"),
                Column::Text("By"),
                Column::Number("F1 on the test data"),
                Column::Text("Replaced"),
            ],
            &rows,
        ))
        p {
            "The page of a release shows what changed."
            // No rollback leads to a release that is damaged.
            @match return_to {
                Ok(Some(whole)) => {
                    " Release " (whole) " is undamaged. To make it live, run on the server:"
                },
                Ok(None) if releases.items.iter().any(|it| !it.is_live) => " There is no other undamaged release to make live in place of the live one.",
                Ok(None) => {},
                Err(_) => {
                    " " (with_code("Which release to go back to cannot be read. `deployment --list` shows the releases on the server"))
                },
            }
        }
        @if let Ok(Some(whole)) = return_to { (command(&format!("deployment --rollback {whole}"))) }
        (pager)
    }
}

fn cells(line: &ReleaseLine, live: &LiveRelease) -> Vec<Entry> {
    let state = |text: &str| Entry::text(text);
    // A manifest is readable even if the model of the same release is damaged.
    let is_damaged = line.is_live && matches!(live, LiveRelease::Damaged { .. });
    let link = Entry::release(&line.name);
    match &line.manifest {
        Ok(manifest) => vec![
            link,
            state(match (line.is_live, is_damaged) {
                (true, true) => "live, and damaged",
                (true, false) => "live",
                (false, _) => "kept",
            }),
            Entry::Time(manifest.created_at),
            made_by(manifest),
            Entry::text(score(Some(manifest.score), manifest.score_interval)),
            Entry::release_or_none(manifest.parent.as_deref()),
        ],
        Err(_) => vec![
            link,
            state(if line.is_live {
                "live, and damaged"
            } else {
                "damaged"
            }),
            Entry::NONE,
            Entry::NONE,
            Entry::NONE,
            Entry::NONE,
        ],
    }
}

/// The run that made a release.
fn made_by(manifest: &Manifest) -> Entry {
    match manifest.run {
        Some(run) => Entry::Link {
            to: super::address::run(run),
            text: format!("run {run}"),
        },
        None => Entry::text("hand"),
    }
}

/// A command to be typed on the server.
pub(super) fn command(text: &str) -> Markup {
    html! { p.command { code { (text) } } }
}
