//! The reports of runs.

use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::absence::{ListOfHistory, PipelineState};
use super::address::paths;
use super::frame::{Frame, Place};
use super::runs::RunLine;
use crate::page::tables::{Column, table};
use crate::report::Part;

/// A page of the reports.
pub struct ReportsPage {
    /// The present time.
    pub now: Timestamp,
    /// The runs that have a report, the newest first.
    pub runs: Part<Paged<RunLine>>,
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
            content: LIST.page(&self.runs, &self.state, content),
            now: self.now,
        }
        .html()
    }
}

const LIST: ListOfHistory<'_> = ListOfHistory {
    path: paths::REPORTS,
    parameters: &[],
    subject: "The list of reports",
    nothing: "No run has a report yet: a run that failed, was interrupted or found nothing new has none.",
    nothing_older: "There is no older report.",
    links: ["Newest reports", "Older reports"],
};

fn content(runs: &Paged<RunLine>) -> Markup {
    let rows: Vec<_> = runs.items.iter().map(RunLine::report_cells).collect();
    table(
        "Reports",
        &[
            Column::Text("Report"),
            Column::Number("Run"),
            Column::Text("Ended"),
            Column::Text("Outcome"),
            Column::Sentence("Why"),
        ],
        &rows,
    )
}
