//! The whole pipeline, run once: this is what cron starts.
//!
//! A run ingests the new input and evaluates the deployed model on it. If a new model is needed, it
//! fits a candidate, scores it, and deploys it if it passes the gate. Then it writes the report and
//! calls the API. Once the result is printed, it asks for newer dependencies. A pure function
//! ([`record::decide`]) decides what a run does. One [`RunRecord`] holds what it did.

mod alerting;
mod awaited_labels;
mod call_api;
mod call_list;
mod carry_out;
mod check_dependencies;
mod decided_run;
mod doctor;
mod dry_run;
mod engine;
mod evaluation;
mod monitor;
mod newest_report;
mod notices;
mod open_run;
mod regime;
mod resume;
mod reviews;
mod run_folder;
mod run_list;
mod trial;
mod try_file;
mod unlabelled;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::cli::clap::{self, Args};
use common::cli::{ConfigSource, Report};
use common::exit::Exit;
use common::{Config, History, RunLock, files};
use record::RunRecord;
use serde::Serialize;

use crate::alerting::AlertSession;
use crate::decided_run::{DecidedRun, InputState};
use crate::open_run::OpenRun;

pub use doctor::{Check, DoctorReport, Examination, Finding, Severity};
pub use monitor::sums_after;
pub use newest_report::NewestReport;
pub use run_list::RunList;
pub use try_file::TryReport;

/// Command-line options of the program.
#[derive(Args, Debug)]
pub struct Options {
    /// Show what a run would do, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// List the newest runs, and change nothing
    #[arg(long, conflicts_with = "dry_run")]
    history: bool,
    /// Print the path of the newest run's report, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "history"])]
    report: bool,
    /// Look for what is wrong and how to fix it, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "history", "report"])]
    doctor: bool,
    /// Try any CSV file without a configuration: guess its columns, split it, train, score, and say
    /// what a run would say. Only a scratch folder is written
    #[arg(long = "try", value_name = "FILE", conflicts_with_all = ["dry_run", "history", "report", "doctor", "metrics_file"])]
    try_file: Option<PathBuf>,
    /// With --try: keep the data, the models and config.json in FOLDER, ready for the next run
    #[arg(long, value_name = "FOLDER", requires = "try_file")]
    keep: Option<PathBuf>,
    /// After the run, write its metrics for a collector (Prometheus text format)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "history", "report", "doctor"])]
    metrics_file: Option<PathBuf>,
    /// Runs that --history lists
    #[arg(long, value_name = "N", default_value_t = 20, requires = "history", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Options {
    /// `--try` needs no configuration.
    pub fn config_source(&self) -> ConfigSource {
        match self.try_file {
            Some(_) => ConfigSource::Defaults,
            None => ConfigSource::File,
        }
    }
}

/// Result of the program.
#[derive(Serialize)]
#[serde(untagged)]
pub enum FullprocessReport {
    /// One run.
    Run(Box<RunReport>),
    /// The newest runs.
    History(RunList),
    /// The report of the newest run.
    Newest(NewestReport),
    /// The findings of the doctor.
    Doctor(DoctorReport),
    /// A file that was tried.
    Tried(Box<TryReport>),
}

/// Does what the options ask for; without options, runs the pipeline once.
pub fn run(config: &Config, options: Options) -> anyhow::Result<FullprocessReport> {
    dataset::start_threads()?;
    if let Some(file) = &options.try_file {
        let tried = try_file::try_file(file, options.keep.as_deref())?;
        return Ok(FullprocessReport::Tried(Box::new(tried)));
    }
    if options.history {
        return run_list::run_list(config, options.limit).map(FullprocessReport::History);
    }
    if options.report {
        return newest_report::newest_report(config).map(FullprocessReport::Newest);
    }
    if options.doctor {
        return Ok(FullprocessReport::Doctor(doctor::doctor(config)));
    }
    engine::check(config)?;
    if options.dry_run {
        config.expect_rows_here("--dry-run")?;
    }
    let report = if options.dry_run {
        RunReport::of(dry_run::dry_run(config)?)
    } else {
        run_and_write_metrics(config, options.metrics_file.as_deref())?
    };
    Ok(FullprocessReport::Run(Box::new(report)))
}

/// A run that ended, and whether its metrics could be written.
#[derive(Serialize)]
#[serde(transparent)]
pub struct RunReport {
    /// The record of the run.
    pub record: RunRecord,
    /// True if the metrics file could not be written. The run itself is not changed by that.
    #[serde(skip)]
    lacks_metrics: bool,
}

impl RunReport {
    fn of(record: RunRecord) -> Self {
        Self {
            record,
            lacks_metrics: false,
        }
    }
}

/// Runs once and writes the metrics, which matter most after a failure. Metrics that cannot be
/// written are logged, so that the report of the run is printed in any case.
fn run_and_write_metrics(
    config: &Config,
    metrics_file: Option<&Path>,
) -> anyhow::Result<RunReport> {
    let ran = run_once(config);
    let written = metrics_file.map_or(Ok(()), |file| write_metrics(config, file));
    if let Err(error) = &written {
        tracing::error!("{error:#}");
    }
    ran.map(|record| RunReport {
        record,
        lacks_metrics: written.is_err(),
    })
}

fn write_metrics(config: &Config, file: &Path) -> anyhow::Result<()> {
    let file = std::path::absolute(file)
        .with_context(|| format!("failed to resolve {}", file.display()))?;
    let text = app::run_metrics(config, common::clock::now())?;
    files::replace(&file, text.as_bytes()).map_err(|error| {
        // Only the root cause is shown, because the context of the error names a temporary file.
        anyhow::anyhow!(
            "the metrics could not be written to {}: {}",
            file.display(),
            error.root_cause()
        )
    })
}

/// One run and its alerts.
pub fn run_once(config: &Config) -> anyhow::Result<RunRecord> {
    let _lock = RunLock::acquire(&config.layout, "fullprocess")?;
    let mut alerts = AlertSession::begin(config);
    let history =
        History::open(&config.layout).inspect_err(|error| alerts.send_unrecorded(error))?;
    alerts.note_ended_runs(&history);
    let ran = run_stages(config, &history, &mut alerts);
    alerts.report_end(&history, ran.as_ref().err());
    ran
}

/// Finishes interrupted runs, then does one whole run.
fn run_stages(
    config: &Config,
    history: &History,
    alerts: &mut AlertSession<'_>,
) -> anyhow::Result<RunRecord> {
    deployment::repair(config, history)?;
    let finished = resume::finish_unfinished_runs(config, history, alerts)?;
    unlabelled::import_predictions_of_older_programs(config, history)?;
    let start = alerts.start;

    let started_at = common::clock::now();
    let input = match InputState::read(config, history) {
        Ok(input) => input,
        Err(error) => {
            // If the run cannot be recorded either, the first error is the one to report.
            match OpenRun::begin(config, history, start, started_at) {
                Ok(run) => run.fail(&error),
                Err(write_error) => open_run::log_unrecorded(&write_error),
            }
            return Err(error);
        }
    };
    if input.is_nothing_new() {
        // Most scheduled runs end here, so they make a single commit.
        let record = history.transaction(|history| {
            OpenRun::begin(config, history, start, started_at)?.end_with_nothing_new(&input)
        })?;
        return Ok(match finished {
            // The record of a resumed run says more than "nothing new", so it is printed, with the new
            // notices.
            Some(mut finished) => {
                notices::copy_notices(&record, &mut finished);
                finished
            }
            None => record,
        });
    }
    let mut run = OpenRun::begin(config, history, start, started_at)?;
    match run.ingest_and_decide(input) {
        Ok(DecidedRun { action, data, live }) => run.carry_out(action, &data, live.as_ref()),
        Err(error) => {
            run.fail(&error);
            Err(error)
        }
    }
}

impl Report for FullprocessReport {
    fn follow_up(&mut self, config: &Config) -> Option<String> {
        match self {
            Self::Run(run) => check_dependencies::check_dependencies(config, &mut run.record),
            Self::History(_) | Self::Newest(_) | Self::Doctor(_) | Self::Tried(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Run(run) => match run.record.exit() {
                Exit::Done if run.lacks_metrics => Exit::InputOutput,
                exit => exit,
            },
            Self::History(_) | Self::Newest(_) => Exit::Done,
            Self::Doctor(report) => report.exit(),
            Self::Tried(report) => report.exit(),
        }
    }

    fn needs_attention(&self) -> bool {
        match self {
            Self::Run(run) => run.lacks_metrics || run.record.needs_attention(),
            Self::History(_) | Self::Newest(_) | Self::Tried(_) => true,
            Self::Doctor(report) => report.needs_attention(),
        }
    }
}

impl fmt::Display for FullprocessReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => run.record.fmt(to),
            Self::History(list) => list.fmt(to),
            Self::Newest(report) => report.fmt(to),
            Self::Doctor(report) => report.fmt(to),
            Self::Tried(report) => report.fmt(to),
        }
    }
}
