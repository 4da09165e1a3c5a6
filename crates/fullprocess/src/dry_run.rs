//! What a run would do, found out on a copy.
//!
//! The state and the output of the pipeline are copied to a temporary folder and the run is made
//! there up to the verdict, so it decides as the real one would; the production folder is only
//! read. It takes no lock: a copy taken while a run works is at worst mended like an interrupted
//! one.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use common::{Config, History, Layout, files, regular};
use jiff::Timestamp;
use record::{Action, Effect, Outcome, RunRecord};

use crate::judge::{Data, Live};
use crate::open_run::OpenRun;
use crate::trial::Trial;
use crate::{Decided, Looked, unlabelled};

/// The record that a run would leave, as far as it can be known beforehand.
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
    let looked = Looked::at_input(run.config, run.history)?;
    let outcome = if looked.is_nothing_new() {
        run.note_nothing_new(&looked)?;
        Outcome::NothingNew
    } else {
        let Decided { action, data, live } = run.take_in_and_decide(looked)?;
        run.would_be_outcome(action, &data, live.as_ref())?
    };
    run.record.outcome = Some(outcome);
    Ok(run.record)
}

/// What finishing an interrupted run would come to, which a run does before anything else.
fn finish_in_scratch(mut run: OpenRun<'_>) -> anyhow::Result<RunRecord> {
    let live = Live::load(run.config)?;
    let manifest = live.as_ref().map(Live::manifest);
    let prepared = ingestion::prepare(run.config, run.history, manifest)?;
    let prepared = ingestion::restore(run.config, run.history, prepared, manifest)?;
    let outcome = match &run.record.decision {
        Some(decision) if !run.has(Effect::Published) => {
            let action = decision.action;
            let data = Data::load(run.config, prepared.ledger)?;
            run.would_be_outcome(action, &data, live.as_ref())?
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
    fn would_be_outcome(
        &mut self,
        action: Action,
        data: &Data,
        live: Option<&Live>,
    ) -> anyhow::Result<Outcome> {
        Ok(match action {
            Action::Nothing => Outcome::NothingNew,
            Action::Unusable => Outcome::TrainingRefused,
            Action::Predict | Action::Wait => Outcome::NotJudged,
            Action::Keep => self.record.outcome_of_keeping(),
            Action::ColdStart | Action::Retrain => match self.try_candidate(data, live)? {
                Trial::NoModel => Outcome::TrainingRefused,
                Trial::Refused(_) => Outcome::CandidateRefused,
                Trial::Accepted(_) => self.outcome_of_publication(),
            },
        })
    }
}

/// The configuration of a copy of the pipeline in `scratch`.
fn copy_pipeline(config: &Config, scratch: &Path) -> anyhow::Result<Config> {
    let copied = Config {
        layout: Layout::in_scratch(scratch).with_releases_of(&config.layout),
        ..config.clone()
    };
    let (from, to) = (&config.layout, &copied.layout);
    files::create_folder(to.output())?;
    files::create_folder(to.state())?;
    let mut awaiting = None;
    if let Some(history) = History::read(from)? {
        history.copy_to(&to.history())?;
        awaiting = unlabelled::file(config, &history)?;
    }
    for (from, to) in [
        (from.fingerprint_key(), to.fingerprint_key()),
        (from.judged_fingerprints(), to.judged_fingerprints()),
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
        // Where it is lost a run goes on without it, and so does this one.
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
            // A run that works meanwhile has removed it; what is missing is made anew.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => {
                copied.with_context(|| format!("failed to copy {}", entry.path().display()))?;
            }
        }
    }
    Ok(())
}
