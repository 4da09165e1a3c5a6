//! What a run would do, found out on a copy.
//!
//! The state and the output of the pipeline are copied to a temporary folder and the run is made
//! there up to the verdict, so it decides as the real one would; the production folder is only
//! read. It takes no lock: a copy taken while a run works is at worst mended like an interrupted
//! one.

use std::fs;
use std::path::Path;

use anyhow::Context;
use common::{Config, History, Layout, files};
use jiff::Timestamp;
use scoring::gate;

use crate::candidate::{Test, compare, score};
use crate::decide::Action;
use crate::judge::{Data, Live};
use crate::open_run::{OpenRun, is_unusable_data};
use crate::record::{Outcome, RunRecord};
use crate::{is_nothing_new, take_in_and_decide};

/// The record that a run would leave, as far as it can be known beforehand.
pub(crate) fn dry_run(config: &Config) -> anyhow::Result<RunRecord> {
    let scratch = tempfile::Builder::new()
        .prefix("risk-dry-run-")
        .tempdir()
        .context("failed to make a temporary folder")?;
    let config = copy_pipeline(config, scratch.path())?;
    let history = History::open(&config.layout)?;
    let live = Live::load(&config)?;
    let prepared = ingestion::prepare(&config, &history, live.as_ref().map(Live::manifest))?;
    let found = ingestion::look(&config, &prepared, Timestamp::now())?;
    let mut run = OpenRun::begin(&config, &history)?;
    let outcome = if is_nothing_new(&found, &prepared.ledger, live.as_ref()) {
        run.note_nothing_new(&prepared.ledger, &found, live.as_ref())?;
        Outcome::NothingNew
    } else {
        let (data, decision) = take_in_and_decide(&mut run, prepared, found, live.as_ref())?;
        would_be_outcome(&mut run, decision.action, &data, live.as_ref())?
    };
    let mut record = run.record;
    record.outcome = Some(outcome);
    record.run_id = None;
    record.dry_run = true;
    Ok(record)
}

fn would_be_outcome(
    run: &mut OpenRun<'_>,
    action: Action,
    data: &Data,
    live: Option<&Live>,
) -> anyhow::Result<Outcome> {
    match action {
        Action::Nothing => return Ok(Outcome::NothingNew),
        Action::Wait => return Ok(Outcome::NotJudged),
        Action::Keep => return Ok(Outcome::Steady),
        Action::ColdStart | Action::Retrain => {}
    }
    let model = match training::train(run.config, &data.table, data.ledger.position()) {
        Ok(model) => model,
        Err(error) if is_unusable_data(&error) => {
            run.record.reason = format!("{}; {error:#}", run.record.reason);
            return Ok(Outcome::TrainingRefused);
        }
        Err(error) => return Err(error),
    };
    let test = Test::load(run.config, data)?;
    let candidate = score(model, &test)?;
    run.record.candidate_score = Some(candidate.score);
    run.record.warnings = test.warnings.clone();
    let Some(live) = live else {
        return Ok(Outcome::ColdStart);
    };
    let comparison = compare(run.config, &candidate, live, data, &test)?;
    let verdict = gate(&comparison, run.config.deployment.gate);
    let outcome = if verdict.accepted {
        Outcome::Redeployed
    } else {
        Outcome::CandidateRefused
    };
    run.record.comparison = Some(comparison);
    run.record.verdict = Some(verdict);
    Ok(outcome)
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
    if let Some(history) = History::read(from)? {
        history.copy_to(&to.history())?;
    }
    for (from, to) in [
        (from.fingerprint_key(), to.fingerprint_key()),
        (from.judged_fingerprints(), to.judged_fingerprints()),
        (from.final_data(), to.final_data()),
        (from.rejected_rows(), to.rejected_rows()),
        (from.ingested_files(), to.ingested_files()),
    ] {
        if from.exists() {
            fs::copy(&from, &to).with_context(|| format!("failed to copy {}", from.display()))?;
        }
    }
    Ok(copied)
}
