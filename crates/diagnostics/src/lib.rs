//! Diagnostics: what the deployed model says and is worth, what its data looks like, and how
//! long things take.
//!
//! It changes no file of the pipeline and takes no lock. What a server may show at any time comes
//! from the history alone ([`stored`], [`stored_summary`]); only the program of this name scores
//! the model anew, and only a run asks the network ([`check_dependencies`]). What tells drift from
//! chance is in [`statistics`]; [`compare()`] holds any two files against each other by it.

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
    ALPHA, Answers, CHECK_LEVEL, Check, ColumnComparison, ComparedFile, ComparisonReport,
    JointCheck, Kind, LEAST_DISTANCE, LEAST_MISSING, LEAST_VARIATION, Method, Performance,
    Realised, Request, Test, Unit, Verdict, compare,
};
pub use dependencies::{Dependencies, Dependency, DependencyCounts, Status, check_dependencies};
pub use measure::Measured;
pub use report::{DeployedState, DiagnosticsReport};
pub use timings::StageTiming;
pub use verdicts::{
    BaseLevel, Batch, HeldTest, ModelVerdict, Moved, UntestedLevel, Verdicts, WhyUntested,
    model_verdict, verdicts,
};

/// The program's own options.
#[derive(Args, Debug)]
pub struct Options {
    /// Also time ingestion and training now, in a scratch folder
    #[arg(long)]
    measure: bool,
    /// Hold one CSV file against another instead: which columns have drifted?
    #[arg(long, num_args = 2, value_names = ["REFERENCE", "CURRENT"], conflicts_with = "measure")]
    compare: Option<Vec<PathBuf>>,
    /// With --compare: column of the probability of class 1, to estimate performance
    #[arg(long, value_name = "COLUMN", requires_all = ["compare", "prediction"])]
    probability: Option<String>,
    /// With --compare: column of the predicted class
    #[arg(long, value_name = "COLUMN", requires_all = ["compare", "probability"])]
    prediction: Option<String>,
}

/// What the program shows.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// The state of the deployed model and its data.
    State(Box<DiagnosticsReport>),
    /// Two files held against each other.
    Comparison(Box<ComparisonReport>),
}

impl Report for Shown {
    fn needs_attention(&self) -> bool {
        true
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(report) => report.fmt(to),
            Self::Comparison(report) => report.fmt(to),
        }
    }
}

/// What the history knows without any work.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StoredDiagnostics {
    /// Recorded durations by stage.
    pub timings: Vec<StageTiming>,
    /// Missing values by column of the ingested data.
    pub missing: Vec<MissingShare>,
    /// The crates that this program is built from.
    pub dependencies: Dependencies,
    /// The newest run that ended.
    pub last_run: Option<LastRun>,
    /// Whether it ended longer ago than `diagnostics.stale_after_hours`; also true before any.
    pub last_run_is_stale: bool,
}

/// Missing values of one column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MissingShare {
    /// Name of the column.
    pub column: String,
    /// Missing values.
    pub missing: u64,
    /// Their share of all rows, 0 to 1; `None` without rows.
    pub share: Option<f64>,
}

/// Shows everything, or compares two files, by hand.
pub fn run(config: &Config, options: Options) -> anyhow::Result<Shown> {
    if let Some([reference, current]) = options.compare.as_deref() {
        let answers = options
            .probability
            .as_deref()
            .zip(options.prediction.as_deref());
        let request = Request {
            reference,
            current,
            answers: answers.map(|(probability, prediction)| Answers {
                probability,
                prediction,
            }),
        };
        let found = compare(&request, &config.schema)?;
        return Ok(Shown::Comparison(Box::new(found)));
    }
    Ok(Shown::State(Box::new(state(config, &options)?)))
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

/// What cannot be found out must not hide what can.
fn or_problem<T>(found: anyhow::Result<Option<T>>, problems: &mut Vec<String>) -> Option<T> {
    found.unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        None
    })
}

/// Summary statistics of the ingested data, as the last ingestion stored them; `None` before it.
pub fn stored_summary(config: &Config) -> anyhow::Result<Option<Summary>> {
    match History::read(&config.layout)? {
        Some(history) => history.document(documents::SUMMARY),
        None => Ok(None),
    }
}

/// What the history knows without any work.
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

/// Whether a run ended longer ago than `diagnostics.stale_after_hours`.
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
