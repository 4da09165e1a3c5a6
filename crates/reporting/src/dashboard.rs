//! The dashboard: pages on the present state of the pipeline, made by the server.
//!
//! Values in, HTML out: nothing here reads or writes. The pages have the tables, figures and style of
//! the report. They need no script, and forms only ask for other pages.

mod absence;
mod address;
mod alerts;
mod attention;
mod calls;
mod cells;
mod changes;
mod changes_by_hand;
mod drift;
mod feature;
mod frame;
mod overview;
mod problem;
mod release;
mod releases;
mod reports;
mod run;
mod runs;
mod score;
#[cfg(test)]
mod tests;

pub use self::absence::{Advice, KnownRuns, PipelineState};
pub use self::address::paths;
pub use self::alerts::{AlertLine, AlertsPage, SentTo};
pub use self::attention::{LiveRelease, UnfinishedRun};
pub use self::calls::{CallFilter, Called, CallsPage};
pub use self::changes_by_hand::MAX_CHANGES;
pub use self::drift::DriftPage;
pub use self::feature::FeaturePage;
pub use self::frame::policy;
pub use self::overview::{Overview, RunsSoFar};
pub use self::problem::ProblemPage;
pub use self::release::{OtherRelease, ReleasePage};
pub use self::releases::{ReleaseLine, ReleasesPage};
pub use self::reports::ReportsPage;
pub use self::run::RunPage;
pub use self::runs::{RunLine, RunsPage};
pub use self::score::ScorePage;

/// A part of a list, and where the rest of it is.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Number of the last item, if others follow it.
    pub next: Option<u64>,
    /// True for the first page.
    pub is_first: bool,
}

/// The first page of an empty list.
impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: None,
            is_first: true,
        }
    }
}
