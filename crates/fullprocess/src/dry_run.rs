//! The dry run: a run on a copy.
//!
//! State and output are copied to a temporary folder, which gets links to the releases. All stages
//! then run on the copy: first they finish interrupted runs, and the deployment comes last. A dry run
//! therefore tells what the next run will do, also after an interruption. The report, the call list,
//! the calls of the API and the alerts are left out, because they do not influence the result.
//!
//! Rows are kept in memory, even if the configuration names an engine. No lock is taken. A run that
//! is working meanwhile looks interrupted in the copy, and is finished there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use common::cli::{show_paths, with_shown_paths};
use common::exit::{Exit, classify};
use common::history::with_remedy;
use common::{Config, Failure, History, Layout, files, regular};
use record::{Effect, RunRecord};

use crate::alerting::AlertSession;
use crate::doctor::expect_space;
use crate::reviews;
use crate::run_stages;

/// The record that a real run would leave, as far as it is known beforehand.
pub(crate) fn dry_run(config: &Config) -> anyhow::Result<RunRecord> {
    let scratch = tempfile::Builder::new()
        .prefix("risk-dry-run-")
        .tempdir()
        .context("failed to make a temporary folder")?;
    let copied = copy_pipeline(config, scratch.path())?;
    let (copy, real) = (&copied.layout, &config.layout);
    show_paths(&[
        (copy.output(), real.output()),
        (copy.models(), real.models()),
        (copy.production(), real.production()),
        (copy.state(), real.state()),
    ]);
    let record = run_copy(&copied, real).map_err(|error| with_real_paths(error, copy))?;
    record_with_real_paths(&record)
}

/// The record with the real paths of the pipeline in its texts.
fn record_with_real_paths(record: &RunRecord) -> anyhow::Result<RunRecord> {
    let text = serde_json::to_string(record)?;
    Ok(serde_json::from_str(&with_shown_paths(&text))?)
}

fn run_copy(copied: &Config, real: &Layout) -> anyhow::Result<RunRecord> {
    let before = size_of(&copied.layout);
    let history = History::open(&copied.layout)?;
    let interrupted: BTreeSet<i64> = history
        .unfinished_runs::<RunRecord>()?
        .iter()
        .map(|run| run.id)
        .collect();
    let mut alerts = AlertSession::begin_dry_run(copied);
    let record = run_stages(copied, &history, &mut alerts)?;
    drop(history);
    let is_rebuilt = record
        .ingestion
        .as_ref()
        .is_some_and(|report| report.rebuilt.is_some());
    let after = size_of(&copied.layout);
    let rebuilt = if is_rebuilt { after } else { 0 };
    expect_space(real, after.saturating_sub(before).saturating_add(rebuilt))?;
    Ok(as_dry_run(record, &interrupted))
}

/// The record without values that only a real run can have.
fn as_dry_run(mut record: RunRecord, interrupted: &BTreeSet<i64>) -> RunRecord {
    if let Some(run) = record.run_id.filter(|run| interrupted.contains(run)) {
        record.reason = format!(
            "run {run} was interrupted and is finished first: {}",
            record.reason
        );
    }
    if record.effects.contains(&Effect::Published) {
        // The release exists in the copy only.
        let deployed = record.evidence.as_ref().and_then(|it| it.deployed.as_ref());
        record.release = deployed.map(|deployed| deployed.release.clone());
    }
    record.effects.clear();
    record.finished_at = None;
    record.run_id = None;
    record.dry_run = true;
    record.pending_predictions = None;
    record
}

/// The error of a run on the copy. Its message names the real paths of the pipeline, not the paths of
/// the copy.
fn with_real_paths(error: anyhow::Error, copy: &Layout) -> anyhow::Error {
    let exit = classify(&error);
    if exit == Exit::Unexpected {
        return error;
    }
    let message = format!("{:#}", with_remedy(error, copy));
    let message = with_shown_paths(&message).into_owned();
    Failure { exit, message }.into()
}

/// Total size in bytes of the data and state files of the copy.
fn size_of(layout: &Layout) -> u64 {
    [layout.output(), layout.models(), layout.state()]
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}

/// Copies the pipeline to `scratch`; returns the configuration of the copy.
fn copy_pipeline(config: &Config, scratch: &Path) -> anyhow::Result<Config> {
    let mut copied = Config {
        layout: Layout::in_scratch(scratch),
        ..config.clone()
    };
    // The engine stores the rows of the real runs, which a dry run must not change.
    copied.engine = None;
    copied.alerts.webhook = None;
    copied.alerts.command = None;
    let (from, to) = (&config.layout, &copied.layout);
    files::create_folder(to.output())?;
    files::create_folder(to.state())?;
    deployment::mirror(from, to)?;
    let mut refused = Vec::new();
    let history = History::read(from)?;
    History::check_seal(from)?;
    if let Some(history) = history {
        history.copy_to(&to.history())?;
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
        if files::exists(&from)? {
            regular::copy(&from, &to)
                .with_context(|| format!("failed to copy {}", from.display()))?;
        }
    }
    copy_predictions(from, to)?;
    copy_row_fingerprints(from, to)?;
    Ok(copied)
}

/// Copies the predictions that wait for a label. If a killed run left a journal of that file, the journal is
/// copied first. A run continues without these files if they are lost, and so does the dry run. Like a run,
/// this function fails if the path is not a regular file.
fn copy_predictions(from: &Layout, to: &Layout) -> anyhow::Result<()> {
    let path = from.predictions();
    regular::check(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let state = fs::read_dir(from.state()).into_iter().flatten().flatten();
    let of_older_programs = state.map(|entry| entry.file_name());
    let of_older_programs = of_older_programs.filter(|name| Layout::is_awaiting_labels(name));
    let names = ["predictions.db-journal", "predictions.db"].map(OsString::from);
    for name in names.into_iter().chain(of_older_programs) {
        let _ = regular::copy(&from.state().join(&name), &to.state().join(&name));
    }
    Ok(())
}

fn copy_row_fingerprints(from: &Layout, to: &Layout) -> anyhow::Result<()> {
    let (from, to) = (from.row_fingerprints(), to.row_fingerprints());
    if !files::exists(&from)? {
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
