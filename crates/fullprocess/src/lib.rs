//! The whole pipeline, run once: this is what cron starts.
//!
//! New input? → take it in → score the deployed model on it → drift? → fit, score, gate, deploy →
//! report → call the API; then, once the result is printed, ask for newer dependencies. What a run
//! is to do is decided by a pure function ([`record::decide`]); what it did is one [`RunRecord`].

mod alerting;
mod call_api;
mod carry_out;
mod check_dependencies;
mod doctor;
mod dry_run;
mod evaluation;
mod monitor;
mod notices;
mod open_run;
mod regime;
mod resume;
mod run_folder;
mod run_list;
mod trial;
mod unlabelled;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::cli::Report;
use common::cli::clap::{self, Args};
use common::exit::Exit;
use common::ledger::{FileStatus, LedgerFile};
use common::{Config, History, RunLock, files};
use ingestion::{IngestReport, InputScan, Intake, Keep, Prepared};
use jiff::Timestamp;
use record::{Action, Decision, Evidence, Outcome, Policy, RunRecord, decide};
use serde::Serialize;

use crate::alerting::AlertSession;
use crate::evaluation::{LiveRelease, RunData, evaluate};
use crate::monitor::monitor;
use crate::open_run::OpenRun;
use crate::unlabelled::prediction_update;

pub use doctor::{Check, DoctorReport, Examination, Finding, Severity};
pub use monitor::sums_after;
pub use run_list::RunList;

/// Command-line options of the program.
#[derive(Args, Debug)]
pub struct Options {
    /// Show what a run would do, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// List the newest runs, and change nothing
    #[arg(long, conflicts_with = "dry_run")]
    history: bool,
    /// Look for what is wrong and how to fix it, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "history"])]
    doctor: bool,
    /// After the run, write its metrics for a collector (Prometheus text format)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "history", "doctor"])]
    metrics_file: Option<PathBuf>,
    /// Runs that --history lists
    #[arg(long, value_name = "N", default_value_t = 20, requires = "history")]
    limit: u32,
}

/// Result of the program.
#[derive(Serialize)]
#[serde(untagged)]
pub enum FullprocessReport {
    /// One run.
    Run(Box<RunRecord>),
    /// The newest runs.
    History(RunList),
    /// The findings of the doctor.
    Doctor(DoctorReport),
}

/// Runs the pipeline once, previews a run, lists the runs, or examines the pipeline.
pub fn run(config: &Config, options: Options) -> anyhow::Result<FullprocessReport> {
    if options.history {
        return run_list::run_list(config, options.limit).map(FullprocessReport::History);
    }
    if options.doctor {
        return Ok(FullprocessReport::Doctor(doctor::doctor(config)));
    }
    let record = if options.dry_run {
        dry_run::dry_run(config)?
    } else {
        run_and_write_metrics(config, options.metrics_file.as_deref())?
    };
    Ok(FullprocessReport::Run(Box::new(record)))
}

/// Runs once and writes the metrics, which matter most after a failure.
fn run_and_write_metrics(
    config: &Config,
    metrics_file: Option<&Path>,
) -> anyhow::Result<RunRecord> {
    let ran = run_once(config);
    if let Some(file) = metrics_file {
        let written = write_metrics(config, file);
        match &ran {
            Ok(_) => written?,
            Err(_) => {
                if let Err(error) = written {
                    tracing::error!("{error:#}");
                }
            }
        }
    }
    ran
}

fn write_metrics(config: &Config, file: &Path) -> anyhow::Result<()> {
    let file = std::path::absolute(file)
        .with_context(|| format!("failed to resolve {}", file.display()))?;
    let text = app::run_metrics(config, Timestamp::now())?;
    files::replace(&file, text.as_bytes())
}

/// One run and its alerts.
pub fn run_once(config: &Config) -> anyhow::Result<RunRecord> {
    let _lock = RunLock::acquire(&config.layout, "fullprocess")?;
    let mut alerts = AlertSession::begin(config);
    let history =
        History::open(&config.layout).inspect_err(|error| alerts.send_unrecorded(error))?;
    let ran = run_stages(config, &history, &mut alerts);
    alerts.report_end(&history, ran.as_ref().err());
    ran
}

/// Finishes interrupted runs, then does one run from the look at the input to its end.
fn run_stages(
    config: &Config,
    history: &History,
    alerts: &mut AlertSession<'_>,
) -> anyhow::Result<RunRecord> {
    deployment::repair(config, history)?;
    let finished = resume::finish_unfinished_runs(config, history, alerts)?;
    unlabelled::sweep(config, history);
    let began = alerts.began;

    let started_at = Timestamp::now();
    let input = match InputState::read(config, history) {
        Ok(input) => input,
        Err(error) => {
            // Where the run cannot be recorded either, the first error is the one to fix.
            match OpenRun::begin(config, history, began, started_at) {
                Ok(run) => run.fail(&error),
                Err(write_error) => open_run::log_unrecorded(&write_error),
            }
            return Err(error);
        }
    };
    if input.is_nothing_new() {
        // Most scheduled runs end here, so they write a single commit.
        let record = history.transaction(|history| {
            OpenRun::begin(config, history, began, started_at)?.end_with_nothing_new(&input)
        })?;
        return Ok(match finished {
            Some(mut finished) => {
                notices::copy_notices(&record, &mut finished);
                finished
            }
            None => record,
        });
    }
    let mut run = OpenRun::begin(config, history, began, started_at)?;
    match run.ingest_and_decide(input) {
        Ok(DecidedRun { action, data, live }) => run.carry_out(action, &data, live.as_ref()),
        Err(error) => {
            run.fail(&error);
            Err(error)
        }
    }
}

/// The input folders' content, and the state that it is compared with.
struct InputState {
    live: Option<LiveRelease>,
    prepared: Prepared,
    found: InputScan,
}

/// A committed decision with the data that it needs.
struct DecidedRun {
    action: Action,
    data: RunData,
    live: Option<LiveRelease>,
}

impl InputState {
    fn read(config: &Config, history: &History) -> anyhow::Result<Self> {
        let live = LiveRelease::load(config)?;
        let prepared =
            ingestion::prepare(config, history, live.as_ref().map(LiveRelease::manifest))?;
        let found = ingestion::scan_input(config, &prepared, Timestamp::now())?;
        Ok(Self {
            live,
            prepared,
            found,
        })
    }

    /// True if all input is known and every task of a run is done.
    fn is_nothing_new(&self) -> bool {
        let ledger = &self.prepared.ledger;
        let is_rejected = |file: &LedgerFile| file.status == FileStatus::Rejected;
        // If all input was rejected and nothing is deployed, each run reports it.
        let has_no_input = ledger.rows == 0 && !ledger.files.iter().any(is_rejected);
        let is_served = self.live.is_some() || has_no_input;
        self.found.is_nothing_new() && ledger.seen_rows == ledger.rows && is_served
    }
}

impl OpenRun<'_> {
    /// Ingests new input, evaluates the deployed model on it, and commits the decision.
    fn ingest_and_decide(&mut self, input: InputState) -> anyhow::Result<DecidedRun> {
        let InputState {
            live,
            prepared,
            found,
        } = input;
        let data = self.stage("ingestion", |run| {
            run.ingest(prepared, found, live.as_ref())
        })?;
        let policy = Policy::of(self.config);
        let (evidence, decision) = self.stage("judging", |run| {
            let (config, history, live) = (run.config, run.history, live.as_ref());
            let update = live
                .map(|live| prediction_update(config, history, run.id, live, &data))
                .transpose()?
                .unwrap_or_default();
            let mut evidence = Evidence {
                regime: regime::load(config, history, &data)?,
                verdicts: monitor(config, history, live, &data)?,
                ..evaluate(config, history, live, &data)?
            };
            let decision = decide(&evidence, &policy);
            if decision.action == Action::Wait {
                // The next run tests these rows with the rows that they wait for. Another test of a
                // part of them would raise the chance of a false alarm.
                evidence.verdicts = None;
            }
            if decision.action.marks_as_evaluated() {
                evidence.estimated_performance = update.estimated_performance.clone();
                evidence.realised_performance = update.realised_performance.clone();
                run.record.pending_predictions = update.write(config, history)?;
            }
            Ok((evidence, decision))
        })?;
        self.record_decision(&data, evidence, &policy, &decision);
        notices::collect(self.config, self.history, &data.ledger, &mut self.record)?;
        let regime = self.record.regime;
        self.save_with(|history| regime::save(history, regime, &data))?;
        Ok(DecidedRun {
            action: decision.action,
            data,
            live,
        })
    }

    fn ingest(
        &mut self,
        prepared: Prepared,
        mut found: InputScan,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<RunData> {
        if found.is_nothing_new()
            && let Some(damage) = ingestion::damage(self.config, &prepared.ledger)?
        {
            found.note_damage(damage);
        }
        if found.is_nothing_new() {
            // The data exists already: an earlier run or a stage run by hand ingested it.
            match RunData::load(self.config, prepared.ledger.clone()) {
                Ok(mut data) => {
                    let (ledger, report) =
                        ingestion::record_nothing_new(self.history, data.ledger, &found)?;
                    self.record.note_ingestion(report);
                    data.ledger = ledger;
                    return Ok(data);
                }
                Err(error) => found.note_damage(error.root_cause().to_string()),
            }
        }
        let committed = RefCell::new(None);
        // The report is saved with the ledger. Once the ledger knows the files, no later run can
        // report their rejections.
        let note = |history: &History, report: &IngestReport| {
            let mut record = self.record.clone();
            record.note_ingestion(report.clone());
            history.save_run(self.id, &record)?;
            committed.replace(Some(report.clone()));
            Ok(())
        };
        let ingested = ingestion::ingest(Intake {
            config: self.config,
            history: self.history,
            ledger: prepared.ledger,
            found,
            live: live.map(LiveRelease::manifest),
            keep: Keep::Rows,
            run: Some(self.id),
            on_commit: &note,
        });
        if let Some(report) = committed.into_inner() {
            self.record.note_ingestion(report);
        }
        ingested.map(RunData::of)
    }

    fn record_decision(
        &mut self,
        data: &RunData,
        evidence: Evidence,
        policy: &Policy,
        decision: &Decision,
    ) {
        let record = &mut self.record;
        record.release = evidence.deployed.as_ref().map(|live| live.release.clone());
        let deployed = evidence.deployed.as_ref();
        record.deployed_score = deployed.map(|live| live.score);
        record.deployed_score_interval = deployed.and_then(|live| live.score_interval);
        let new = evidence.score_on(policy.basis);
        record.new_score = new.map(|f1| f1.value);
        record.new_score_interval = new.and_then(|f1| f1.interval);
        if let Some(metrics) = &evidence.on_new_rows
            && decision.action == Action::Keep
        {
            record.warn(scoring::model_warnings(
                metrics,
                "the deployed model",
                "on the new rows",
            ));
        }
        record.rows.new = evidence.new_rows;
        record.regime = evidence.regime_after(decision.action, self.id);
        record.data = Some(data.ledger.digest.clone());
        record.reason = decision.reason.clone();
        record.decision = Some(decision.clone());
        record.evidence = Some(evidence);
    }

    fn end_with_nothing_new(mut self, input: &InputState) -> anyhow::Result<RunRecord> {
        self.record_nothing_new(input)?;
        self.finish(Outcome::NothingNew, None)
    }

    fn record_nothing_new(&mut self, input: &InputState) -> anyhow::Result<()> {
        let ledger = input.prepared.ledger.clone();
        let (ledger, report) = ingestion::record_nothing_new(self.history, ledger, &input.found)?;
        let is_empty = report.empty_folders.len() == self.config.input_folders.len();
        self.record.note_ingestion(report);
        self.record.reason = match ledger.rows.saturating_sub(ledger.evaluated_rows) {
            _ if is_empty => "there is no input file".into(),
            0 => "every input file is known, and no row waits to be evaluated".into(),
            waiting => {
                format!("every input file is known; {waiting} new rows wait for more labels")
            }
        };
        notices::collect(self.config, self.history, &ledger, &mut self.record)?;
        let live = input.live.as_ref();
        self.record.release = live.map(|live| live.release.name().to_owned());
        self.record.deployed_score = live.map(|live| live.manifest().score);
        self.record.deployed_score_interval = live.and_then(|live| live.manifest().score_interval);
        Ok(())
    }
}

impl Report for FullprocessReport {
    fn follow_up(&mut self, config: &Config) -> Option<String> {
        match self {
            Self::Run(record) => check_dependencies::check_dependencies(config, record),
            Self::History(_) | Self::Doctor(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Run(record) => record.exit(),
            Self::History(_) => Exit::Done,
            Self::Doctor(report) => report.exit(),
        }
    }

    fn needs_attention(&self) -> bool {
        match self {
            Self::Run(record) => record.needs_attention(),
            Self::History(_) => true,
            Self::Doctor(report) => report.needs_attention(),
        }
    }
}

impl fmt::Display for FullprocessReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(record) => record.fmt(to),
            Self::History(list) => list.fmt(to),
            Self::Doctor(report) => report.fmt(to),
        }
    }
}
