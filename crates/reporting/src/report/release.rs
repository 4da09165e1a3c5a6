//! The report of a release: how good its model is, and what it has learnt.

use common::numbers::{count, counted};
use maud::{Markup, html};
use model::{Check, Model};
use scoring::Metrics;

use super::first_screen::{f1_of, precision, recall, tiles};
use super::{effects, quality};
use crate::page::prose::prose;
use crate::page::{Page, Section, time};

/// What the report of a release shows.
pub struct ReleaseReport<'a> {
    /// Name of the release.
    pub release: &'a str,
    /// When it was made.
    pub created_at: jiff::Timestamp,
    /// The run that made it; `None` if it was deployed by hand.
    pub run: Option<i64>,
    /// The release that was live before.
    pub parent: Option<&'a str>,
    /// Its model.
    pub model: &'a Model,
    /// Metrics of the model on the test data.
    pub metrics: &'a Metrics,
}

impl ReleaseReport<'_> {
    /// The report as the text of an HTML file.
    pub fn html(&self) -> String {
        let page = Page {
            title: format!("Release {}", self.release),
            subtitle: html! {
                (time(self.created_at))
                @match self.run {
                    Some(run) => { " · made by run " (run) },
                    None => " · deployed by hand",
                }
                @if let Some(parent) = self.parent { " · replaces release " (parent) }
            },
            first_screen: self.first_screen(),
            sections: vec![
                Section {
                    id: "quality",
                    heading: quality::HEADING,
                    content: quality::content(
                        self.metrics,
                        &format!("{} of the test data", counted(self.metrics.rows, "row")),
                    ),
                },
                effects::section(self.model),
            ],
        };
        page.html()
    }

    fn first_screen(&self) -> Markup {
        let metrics = self.metrics;
        html! {
            dl.answers {
                dt { "Trained on" }
                dd {
                    (count(self.model.rows)) " rows with a label, " (count(self.model.positives))
                    " of them positive."
                    @if let Some(sample) = self.model.data.sample { " They are from " (sample) "." }
                }
                @if self.model.check != Check::Confirmed {
                    dt { "Check of the fit" }
                    dd { (prose(&self.model.check.to_string())) }
                }
                @if let Some(run) = self.run {
                    dt { "More" }
                    dd { "The report of run " (run) " has the decision, the data and the program." }
                }
            }
            (tiles(&[
                f1_of(metrics, &format!("{} of the test data", counted(metrics.rows, "row"))),
                precision(Some(metrics)),
                recall(Some(metrics)),
            ]))
        }
    }
}
