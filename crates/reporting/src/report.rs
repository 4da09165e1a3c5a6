//! The report of a run or of a release: one HTML file that needs nothing else.
//!
//! It has no script and no external resource, and it follows the reader's choice of light or dark.
//! All text of the data is escaped. A part that cannot be made says so in its place.

pub(crate) mod calls;
pub(crate) mod data;
pub(crate) mod decision;
pub(crate) mod earlier;
pub(crate) mod effects;
pub(crate) mod features;
pub(crate) mod first_screen;
mod gather;
pub(crate) mod program;
pub(crate) mod quality;
mod release;
pub(crate) mod score_history;
#[cfg(test)]
mod tests;

use diagnostics::Dependencies;
use maud::{Markup, html};
use model::Model;
use record::{Performance, RunRecord};
use scoring::RankedClient;

use crate::page::prose::prose;
use crate::page::{Page, Section};

pub(crate) use self::gather::figures;
pub(crate) use crate::page::NamedFigure;

pub(crate) use self::earlier::joint_drift;
pub use self::earlier::{EarlierRuns, EvaluatedRun, MAX_RUNS};
pub use self::gather::{make_run_report, newest_report};
pub use self::release::ReleaseReport;

/// A part of a report, or the reason why it cannot be shown.
pub type Part<T> = anyhow::Result<T>;

/// What the report of a run shows.
pub struct RunReport<'a> {
    /// The record of the run.
    pub record: &'a RunRecord,
    /// The runs before it.
    pub earlier: Part<EarlierRuns>,
    /// The model that is deployed after the run. `None` if none is.
    pub deployed: Part<Option<DeployedModel>>,
    /// The first clients of the run's call list. Empty if no client waits for a label.
    pub clients: Part<Vec<RankedClient>>,
    /// The crates that the program is built from.
    pub dependencies: Part<Dependencies>,
}

/// A deployed model.
pub struct DeployedModel {
    /// Name of its release.
    pub release: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// The model.
    pub model: Model,
}

impl RunReport<'_> {
    /// The report as the text of an HTML file.
    pub fn html(&self) -> String {
        let run = self.record.run_id.unwrap_or_default();
        let page = Page {
            title: format!("Run {run}"),
            subtitle: first_screen::subtitle(self.record),
            first_screen: first_screen::first_screen(self, false),
            sections: self.sections(),
        };
        page.html()
    }

    fn sections(&self) -> Vec<Section> {
        let sections = [
            decision::section(self),
            Some(quality::section(self)),
            Some(features::section(self)),
            effects::section_of_run(self),
            calls::section(self),
            data::section(self.record),
            Some(program::section(self)),
        ];
        sections.into_iter().flatten().collect()
    }

    /// The performance of the deployed model: on rows of this run, otherwise of the newest earlier run
    /// with the same release. `None` if none of them has enough labelled rows.
    pub(crate) fn performance(&self) -> Part<Option<PerformanceInRun<'_>>> {
        if let Some(performance) = self.record.performance() {
            return Ok(Some(PerformanceInRun {
                performance,
                run: None,
            }));
        }
        let earlier = match &self.earlier {
            Ok(earlier) => earlier,
            Err(error) => anyhow::bail!("{error:#}"),
        };
        let measured = earlier.measured.as_ref();
        Ok(measured.and_then(|run| {
            Some(PerformanceInRun {
                performance: run.performance()?,
                run: run.run_id,
            })
        }))
    }
}

/// The performance of a model on rows of a run.
#[derive(Clone, Copy)]
pub(crate) struct PerformanceInRun<'a> {
    performance: Performance<'a>,
    /// The earlier run; `None` for the run of the report.
    run: Option<i64>,
}

impl PerformanceInRun<'_> {
    /// The rows in words: `1,448 new rows of run 3`.
    fn rows(&self) -> String {
        let Performance { metrics, rows, .. } = self.performance;
        let rows = rows.counted(metrics.rows);
        match self.run {
            Some(run) => format!("{rows} of run {run}"),
            None => rows,
        }
    }
}

/// A list of sentences; nothing if there are none.
fn sentences(sentences: impl IntoIterator<Item = String>) -> Markup {
    let mut sentences = sentences.into_iter().peekable();
    html! {
        @if sentences.peek().is_some() {
            ul { @for text in sentences { li { (prose(&text)) } } }
        }
    }
}
