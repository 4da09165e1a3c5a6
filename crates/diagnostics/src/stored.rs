//! The diagnostics that the history stores.

use common::history::{LastRun, documents};
use common::{Config, History};
use dataset::passes::Summary;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::dependencies::{self, Dependencies};
use crate::timings::{self, StageTiming};

/// Diagnostics that the history stores, so that showing them costs no computation.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct StoredDiagnostics {
    /// Durations of each stage, as runs recorded them.
    pub timings: Vec<StageTiming>,
    /// Missing values by column of the ingested data.
    pub missing: Vec<MissingShare>,
    /// The crates that this program is built from.
    pub dependencies: Dependencies,
    /// The newest run that ended.
    pub last_run: Option<LastRun>,
    /// True when the last run ended longer ago than `diagnostics.stale_after_hours`, or no run has
    /// ended.
    pub last_run_is_stale: bool,
}

/// Count of the missing values of one column.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MissingShare {
    /// Name of the column.
    pub column: String,
    /// Number of missing values.
    pub missing: u64,
    /// Missing values as a share of all rows, 0 to 1; `None` without rows.
    pub share: Option<f64>,
}

/// Summary statistics of the ingested data, as the last ingestion stored them. `None` before the
/// first ingestion.
pub fn stored_summary(config: &Config) -> anyhow::Result<Option<Summary>> {
    match History::read(&config.layout)? {
        Some(history) => history.document(documents::SUMMARY),
        None => Ok(None),
    }
}

/// Diagnostics that the history stores. All fields are empty before the first run.
pub fn stored(config: &Config, now: Timestamp) -> anyhow::Result<StoredDiagnostics> {
    let Some(history) = History::read(&config.layout)? else {
        return Ok(StoredDiagnostics {
            last_run_is_stale: true,
            dependencies: dependencies::stored(None)?,
            ..StoredDiagnostics::default()
        });
    };
    let summary: Option<Summary> = history.document(documents::SUMMARY)?;
    let last_run = history.last_run()?;
    Ok(StoredDiagnostics {
        timings: timings::timings(&history)?,
        missing: summary.iter().flat_map(missing_shares).collect(),
        dependencies: dependencies::stored(Some(&history))?,
        last_run_is_stale: last_run
            .as_ref()
            .is_none_or(|run| is_stale(config, run, now)),
        last_run,
    })
}

/// True when `run` ended longer than `diagnostics.stale_after_hours` before `now`.
pub fn is_stale(config: &Config, run: &LastRun, now: Timestamp) -> bool {
    let limit = i64::from(config.diagnostics.stale_after_hours) * 3600;
    now.as_second() - run.finished_at.as_second() > limit
}

fn missing_shares(summary: &Summary) -> Vec<MissingShare> {
    summary
        .columns
        .iter()
        .map(|column| MissingShare {
            column: column.name.clone(),
            missing: column.missing,
            share: (summary.rows > 0).then(|| column.missing as f64 / summary.rows as f64),
        })
        .collect()
}
