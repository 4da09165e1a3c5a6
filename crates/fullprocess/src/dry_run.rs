//! The dry run: the result of a run, found out on a copy.
//!
//! State and output are copied to a temporary folder. The run works on the copy up to the verdict,
//! so its decision is that of a real run. The production folder is only read. No lock is taken: a
//! copy of a working pipeline is at worst repaired like an interrupted run.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use common::{Config, History, Layout, files, regular};
use jiff::Timestamp;
use record::{Action, Effect, Outcome, RunRecord};

use crate::decided_run::{DecidedRun, InputState};
use crate::evaluation::{LiveRelease, RunData};
use crate::open_run::OpenRun;
use crate::reviews;
use crate::trial::Trial;
use crate::unlabelled;

/// The record that a real run would leave, as far as it is known beforehand.
pub(crate) fn dry_run(config: &Config) -> anyhow::Result<RunRecord> {
    let scratch = tempfile::Builder::new()
        .prefix("risk-dry-run-")
        .tempdir()
        .context("failed to make a temporary folder")?;
    let config = copy_pipeline(config, scratch.path())?;
    let history = History::open(&config.layout)?;
    let unfinished = history
        .unfinished_runs::<RunRecord>()?
        .into_iter()
        .rfind(|run| run.record.decision.is_some());
    let now = Timestamp::now();
    let mut record = match unfinished {
        Some(stored) => finish_in_scratch(OpenRun::resume(&config, &history, now, stored))?,
        None => run_in_scratch(OpenRun::begin(&config, &history, now, now)?)?,
    };
    record.run_id = None;
    record.dry_run = true;
    record.pending_predictions = None;
    Ok(record)
}

fn run_in_scratch(mut run: OpenRun<'_>) -> anyhow::Result<RunRecord> {
    let input = InputState::read(run.config, run.history)?;
    let outcome = if input.is_nothing_new() {
        run.record_nothing_new(&input)?;
        Outcome::NothingNew
    } else {
        let DecidedRun { action, data, live } = run.ingest_and_decide(input)?;
        run.expected_outcome(action, &data, live.as_ref())?
    };
    run.record.outcome = Some(outcome);
    Ok(run.record)
}

/// Result of finishing an interrupted run, which a run does before anything else.
fn finish_in_scratch(mut run: OpenRun<'_>) -> anyhow::Result<RunRecord> {
    let live = LiveRelease::load(run.config)?;
    let manifest = live.as_ref().map(LiveRelease::manifest);
    let prepared = ingestion::prepare(run.config, run.history, manifest)?;
    let prepared = ingestion::restore(run.config, run.history, prepared, manifest)?;
    let outcome = match &run.record.decision {
        Some(decision) if !run.has(Effect::Published) => {
            let action = decision.action;
            let data = RunData::load(run.config, prepared.ledger)?;
            run.expected_outcome(action, &data, live.as_ref())?
        }
        _ => run.outcome_of_publication(),
    };
    run.record.outcome = Some(outcome);
    run.record.reason = format!(
        "run {} was cut short and is finished first: {}",
        run.id, run.record.reason
    );
    Ok(run.record)
}

impl OpenRun<'_> {
    fn expected_outcome(
        &mut self,
        action: Action,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<Outcome> {
        Ok(match action {
            Action::Nothing => Outcome::NothingNew,
            Action::Unusable => Outcome::TrainingRefused,
            Action::Predict | Action::Wait => Outcome::NotJudged,
            Action::Keep => self.record.outcome_of_keeping(),
            Action::ColdStart | Action::Retrain => match self.try_candidate(data, live)? {
                Trial::NoModel => Outcome::TrainingRefused,
                Trial::Waiting(_) => Outcome::CandidateWaiting,
                Trial::Rejected(_) => Outcome::CandidateRefused,
                Trial::Accepted(_) => self.outcome_of_publication(),
            },
        })
    }
}

/// Copies the pipeline to `scratch`; returns the configuration of the copy.
fn copy_pipeline(config: &Config, scratch: &Path) -> anyhow::Result<Config> {
    let copied = Config {
        layout: Layout::in_scratch(scratch).with_releases_of(&config.layout),
        ..config.clone()
    };
    let (from, to) = (&config.layout, &copied.layout);
    files::create_folder(to.output())?;
    files::create_folder(to.state())?;
    let (mut awaiting, mut refused) = (None, Vec::new());
    if let Some(history) = History::read(from)? {
        history.copy_to(&to.history())?;
        awaiting = unlabelled::file(config, &history)?;
        refused = reviews::kept_candidates(&history)?;
    }
    for run in refused {
        files::create_folder(&to.run_folder(run))?;
        // A run continues without a candidate that is lost, and so does the dry run.
        let _ = regular::copy(&from.refused_candidate(run), &to.refused_candidate(run));
    }
    for (from, to) in [
        (from.fingerprint_key(), to.fingerprint_key()),
        (from.evaluated_fingerprints(), to.evaluated_fingerprints()),
        (from.final_data(), to.final_data()),
        (from.rejected_rows(), to.rejected_rows()),
        (from.ingested_files(), to.ingested_files()),
        (from.ingestion_carry(), to.ingestion_carry()),
    ] {
        if from.exists() {
            regular::copy(&from, &to)
                .with_context(|| format!("failed to copy {}", from.display()))?;
        }
    }
    if let Some(name) = awaiting.as_deref().and_then(Path::file_name) {
        // A run continues without this file if it is lost, and so does the dry run.
        let _ = regular::copy(&from.state().join(name), &to.state().join(name));
    }
    copy_row_fingerprints(from, to)?;
    Ok(copied)
}

fn copy_row_fingerprints(from: &Layout, to: &Layout) -> anyhow::Result<()> {
    let (from, to) = (from.row_fingerprints(), to.row_fingerprints());
    if !from.exists() {
        return Ok(());
    }
    files::create_folder(&to)?;
    let list = || format!("failed to list {}", from.display());
    for entry in fs::read_dir(&from).with_context(list)? {
        let entry = entry.with_context(list)?;
        match regular::copy(&entry.path(), &to.join(entry.file_name())) {
            // A working run may have removed the file; missing fingerprints are rebuilt.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => {
                copied.with_context(|| format!("failed to copy {}", entry.path().display()))?;
            }
        }
    }
    Ok(())
}
