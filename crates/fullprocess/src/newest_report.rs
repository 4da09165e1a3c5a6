//! The path of the newest run's report.

use std::fmt;
use std::path::PathBuf;

use common::{Config, Failure};
use serde::Serialize;

/// The report of the newest run that has one.
#[derive(Debug, Serialize)]
pub struct NewestReport {
    /// Number of the run.
    pub run: i64,
    /// The HTML file.
    pub report: PathBuf,
}

/// Finds the report of the newest run. An error if no run has one.
pub(crate) fn newest_report(config: &Config) -> anyhow::Result<NewestReport> {
    let newest = reporting::newest_report(&config.layout)?;
    let (run, report) =
        newest.ok_or_else(|| Failure::data("no run has a report yet: run `fullprocess` first"))?;
    Ok(NewestReport { run, report })
}

impl fmt::Display for NewestReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{}", self.report.display())
    }
}
