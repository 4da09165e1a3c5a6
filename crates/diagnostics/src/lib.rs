//! Diagnostics: predictions and score of the deployed model, statistics of its data, and durations
//! of the stages.
//!
//! This crate changes no file of the pipeline and takes no lock. A server shows only what the
//! history stores ([`stored()`], [`stored_summary`]). Only the program `diagnostics` scores the model
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
mod stored;
mod timings;
mod verdicts;

use std::fmt;
use std::path::PathBuf;

use common::cli::clap::{self, Args};
use common::cli::{ConfigSource, Report};
use common::{Config, History};
use serde::Serialize;

pub use compare::{
    ALPHA, Bin, CHECK_LEVEL, Check, ColumnComparison, ComparedFile, ComparisonReport,
    ComparisonRequest, FurtherPart, Histogram, HistogramBin, JointChange, JointCheck, JointPart,
    Kind, MIN_CORRELATION, MIN_DISTANCE, MIN_MISSING, MIN_NEW_SHARE, MIN_PART_SHARE,
    MIN_SPREAD_CHANGE, MIN_VARIATION, Method, Part, PartCheck, Performance, PredictionColumns,
    RealisedPerformance, Respelled, Respelling, Test, Unit, Verdict, compare,
};
pub use dependencies::stored as stored_dependencies;
pub use dependencies::{Dependencies, Dependency, DependencyCounts, Status, check_dependencies};
pub use measure::MeasuredDurations;
pub use report::{DeployedState, DiagnosticsReport};
pub use statistics::JointKind;
pub use stored::{MissingShare, StoredDiagnostics, is_stale, stored, stored_summary};
pub use timings::StageTiming;
pub use verdicts::{
    BaseLevel, Batch, CoefficientChange, MIN_ODDS_RATIO, ModelVerdict, RecentTest, Segment,
    SegmentCheck, SegmentPart, TestAtLevel, UntestedLevel, UntestedReason, Verdicts, model_verdict,
    verdicts,
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

impl Options {
    /// Source of the configuration. A comparison of two files also works without a configuration file.
    pub fn config_source(&self) -> ConfigSource {
        match &self.compare {
            Some(_) => ConfigSource::FileIfPresent,
            None => ConfigSource::File,
        }
    }
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

/// Runs the program: compares two files when `options` name them, else reports the current state.
pub fn run(config: &Config, options: Options) -> anyhow::Result<Output> {
    dataset::start_threads()?;
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
            text: config.ingestion.text,
        };
        let found = compare(&request, &config.schema)?;
        return Ok(Output::Comparison(Box::new(found)));
    }
    Ok(Output::State(Box::new(state(config, &options)?)))
}

fn state(config: &Config, options: &Options) -> anyhow::Result<DiagnosticsReport> {
    let mut problems = Vec::new();
    if let Some(loss) = History::loss(&config.layout)? {
        problems.push(format!(
            "{loss}, so what earlier runs recorded is not known: put a backup in its place, or let the next run of `fullprocess` begin a new history"
        ));
    }
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
        stored: stored(config, common::clock::now())?,
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
