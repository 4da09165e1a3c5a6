//! One run: its answers, why it decided so, and what it found.

use jiff::Timestamp;
use maud::{Markup, html};
use record::RunRecord;

use super::address;
use super::alerts::{AlertLine, alert_table};
use super::frame::{Frame, Place};
use super::overview::outcome;
use crate::page::prose::prose;
use crate::page::{Section, content, contents, drawn};
use crate::report::{RunReport, calls, data, decision, features, first_screen, program, quality};

/// What the page of a run shows.
pub struct RunPage<'a> {
    /// The present time.
    pub now: Timestamp,
    /// The run, and the runs before it.
    pub report: RunReport<'a>,
    /// Whether the run has a report.
    pub has_report: bool,
    /// The alerts of the run.
    pub alerts: Vec<AlertLine>,
    /// Numbers of the run before and of the run after it.
    pub neighbours: [Option<i64>; 2],
}

impl RunPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let record = self.report.record;
        let run = record.run_id.unwrap_or_default();
        let sections = self.sections();
        Frame {
            place: Some(Place::Runs),
            title: format!("Run {run}"),
            subtitle: html! { (first_screen::subtitle(record)) " · " (outcome(record)) },
            content: html! {
                (self.links(run))
                (first_screen::answers(record, self.report.performance().ok().flatten(), false))
                @if record.decision.is_none() { p { "Why: " (prose(&record.reason)) } }
                (contents(&sections))
                (content(&sections))
            },
            now: self.now,
        }
        .html()
    }

    fn links(&self, run: i64) -> Markup {
        let [before, after] = self.neighbours;
        html! {
            p.links {
                @if self.has_report { a href=(address::report(run)) { "Report of run " (run) } " " }
                @if let Some(release) = &self.report.record.release {
                    a href=(address::release(release)) { "Release " (release) } " "
                }
                @if let Some(before) = before { a href=(address::run(before)) rel="prev" { "Run " (before) } " " }
                @if let Some(after) = after { a href=(address::run(after)) rel="next" { "Run " (after) } }
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let record = self.report.record;
        let is_evaluated = record.evidence.is_some();
        let sections = [
            decision::section(&self.report),
            is_evaluated.then(|| quality::section(&self.report)),
            is_evaluated.then(|| features::section(&self.report)),
            calls::section(&self.report),
            data::section(record),
            self.alerts(),
            durations(record),
        ];
        sections.into_iter().flatten().collect()
    }

    fn alerts(&self) -> Option<Section> {
        (!self.alerts.is_empty()).then(|| Section {
            id: "alerts",
            heading: "Which alerts?",
            content: alert_table(&self.alerts),
        })
    }
}

fn durations(record: &RunRecord) -> Option<Section> {
    let figure = program::figure(record);
    if figure.is_none() && record.api.is_none() {
        return None;
    }
    Some(Section {
        id: "program",
        heading: "How long did it take?",
        content: html! {
            @if let Some(figure) = figure { div.figures { (drawn(&figure)) } }
            (program::api(record))
        },
    })
}
