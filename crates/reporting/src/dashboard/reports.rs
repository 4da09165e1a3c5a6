//! The reports of runs.

use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::absence::{PipelineState, nothing_older, nothing_yet, unreadable_history};
use super::address::paths;
use super::frame::{Frame, Place, pager};
use super::runs::RunLine;
use crate::page::tables::{Column, table};
use crate::report::Part;

/// A page of the reports.
pub struct ReportsPage {
    /// The present time.
    pub now: Timestamp,
    /// The runs that have a report, the newest first; `None` if there is no history yet.
    pub runs: Part<Option<Paged<RunLine>>>,
    /// State of the pipeline. A page without reports tells from it what to do.
    pub state: PipelineState,
}

impl ReportsPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Reports),
            title: "Reports".into(),
            subtitle: html! { "Each report is one file, which can be mailed and printed" },
            content: match &self.runs {
                Err(_) => unreadable_history("The list of reports"),
                Ok(None) => nothing_yet("The list of reports", NOTHING, &self.state),
                Ok(Some(runs)) if runs.items.is_empty() && runs.is_first => {
                    nothing_yet("The list of reports", NOTHING, &self.state)
                }
                Ok(Some(runs)) if runs.items.is_empty() => {
                    nothing_older("is no older report", &older(runs))
                }
                Ok(Some(runs)) => content(runs),
            },
            now: self.now,
        }
        .html()
    }
}

/// The links to other pages of the list.
fn older(runs: &Paged<RunLine>) -> Markup {
    pager(
        paths::REPORTS,
        &[],
        (runs.next, runs.is_first),
        ["Newest reports", "Older reports"],
    )
}

const NOTHING: &str =
    "No run has a report yet: a run that failed, was interrupted or found nothing new has none.";

fn content(runs: &Paged<RunLine>) -> Markup {
    let rows: Vec<_> = runs.items.iter().map(RunLine::report_cells).collect();
    html! {
        (table(
            "Reports",
            &[
                Column::Text("Report"),
                Column::Number("Run"),
                Column::Text("Ended"),
                Column::Text("Outcome"),
                Column::Sentence("Why"),
            ],
            &rows,
        ))
        (older(runs))
    }
}
