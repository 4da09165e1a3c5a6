//! Diagnostics: predictions and score of the deployed model, statistics of its data, and durations
//! of the stages.
//!
//! This crate changes no file of the pipeline and takes no lock. A server shows only what the
//! history stores ([`stored`], [`stored_summary`]). Only the program `diagnostics` scores the model
//! again. Only a run asks the network ([`check_dependencies`]).
//!
//! [`statistics`] holds the tests that tell drift from chance. [`compare()`] applies them to any
//! two files.

mod compare;
mod dependencies;
#[cfg(test)]
mod draws;
mod measure;
mod report;
pub mod statistics;
mod timings;
mod verdicts;

use std::fmt;
use std::path::PathBuf;

use common::cli::Report;
use common::cli::clap::{self, Args};
use common::history::{LastRun, documents};
use common::{Config, History};
use dataset::passes::Summary;
use jiff::Timestamp;
use serde::Serialize;

pub use compare::{
    ALPHA, CHECK_LEVEL, Check, ColumnComparison, ComparedFile, ComparisonReport, ComparisonRequest,
    JointCheck, Kind, MIN_DISTANCE, MIN_MISSING, MIN_VARIATION, Method, Performance,
    PredictionColumns, RealisedPerformance, Test, Unit, Verdict, compare,
};
pub use dependencies::{Dependencies, Dependency, DependencyCounts, Status, check_dependencies};
pub use measure::MeasuredDurations;
pub use report::{DeployedState, DiagnosticsReport};
pub use timings::StageTiming;
pub use verdicts::{
    BaseLevel, Batch, CoefficientChange, ModelVerdict, TestAtLevel, UntestedLevel, UntestedReason,
    Verdicts, model_verdict, verdicts,
};

/// Command-line options of `diagnostics`.
#[derive(Args, Debug)]
pub struct Options {
    /// Also time ingestion and training now, in a scratch folder
    #[arg(long)]
    measure: bool,
    /// Compare two CSV files instead: which columns have drifted?
    #[arg(long, num_args = 2, value_names = ["REFERENCE", "CURRENT"], conflicts_with = "measure")]
    compare: Option<Vec<PathBuf>>,
    /// With --compare: column with the probability of label 1, to estimate performance
    #[arg(long, value_name = "COLUMN", requires_all = ["compare", "prediction"])]
    probability: Option<String>,
    /// With --compare: column with the predicted label
    #[arg(long, value_name = "COLUMN", requires_all = ["compare", "probability"])]
    prediction: Option<String>,
}

/// Output of the program `diagnostics`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// The state of the deployed model and its data.
    State(Box<DiagnosticsReport>),
    /// The comparison of two files.
    Comparison(Box<ComparisonReport>),
}

impl Report for Output {
    fn needs_attention(&self) -> bool {
        true
    }
}

impl fmt::Display for Output {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(report) => report.fmt(to),
            Self::Comparison(report) => report.fmt(to),
        }
    }
}

/// Diagnostics that the history stores, so that showing them costs no computation.
#[derive(Clone, Debug, Default, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MissingShare {
    /// Name of the column.
    pub column: String,
    /// Number of missing values.
    pub missing: u64,
    /// Missing values as a share of all rows, 0 to 1; `None` without rows.
    pub share: Option<f64>,
}

/// Runs the program: compares two files when `options` name them, else reports the current state.
pub fn run(config: &Config, options: Options) -> anyhow::Result<Output> {
    if let Some([reference, current]) = options.compare.as_deref() {
        let predictions = options
            .probability
            .as_deref()
            .zip(options.prediction.as_deref());
        let request = ComparisonRequest {
            reference,
            current,
            predictions: predictions.map(|(probability, prediction)| PredictionColumns {
                probability,
                prediction,
            }),
        };
        let found = compare(&request, &config.schema)?;
        return Ok(Output::Comparison(Box::new(found)));
    }
    Ok(Output::State(Box::new(state(config, &options)?)))
}

fn state(config: &Config, options: &Options) -> anyhow::Result<DiagnosticsReport> {
    let mut problems = Vec::new();
    let deployed = report::deployed_state(config);
    let measured = if options.measure {
        measure::measure(config).map(Some)
    } else {
        Ok(None)
    };
    Ok(DiagnosticsReport {
        deployed: or_problem(deployed, &mut problems),
        measured: or_problem(measured, &mut problems),
        summary: stored_summary(config)?,
        stored: stored(config, Timestamp::now())?,
        problems,
    })
}

/// Turns an error into an entry of `problems`: one failed part must not hide the other parts.
fn or_problem<T>(found: anyhow::Result<Option<T>>, problems: &mut Vec<String>) -> Option<T> {
    found.unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        None
    })
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
