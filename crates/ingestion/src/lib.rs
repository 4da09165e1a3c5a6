//! Ingestion: checks the input files, merges them without duplicates and writes finaldata.csv.
//!
//! Rows keep the order in which their files were first ingested. The first of several equal rows
//! stays. A new file is appended. A file that was removed or changed causes a rebuild in the
//! recorded order, with the evaluated rows first. The ledger in the history is the commit point:
//! what the ledger does not record has not happened.
//!
//! This crate fits and scores nothing. It knows only which data the deployed model was fitted to.

mod accounting;
mod append_state;
mod change_by_hand;
mod committed;
mod devices;
mod dropped_files;
mod entries;
mod evaluated;
mod explain;
mod infer;
mod ingested;
mod ingested_rows;
mod memory;
mod merge;
mod misspelt;
mod on_engine;
mod overlaps;
mod pairing;
mod pending;
mod prepared;
mod reading;
mod reconcile;
mod removal;
mod report;
mod scan;
mod source;
mod summary_state;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::path::PathBuf;

use anyhow::Context;
use common::cli::clap::{self, Args};
use common::cli::{ConfigSource, Report};
use common::history::StageTimer;
use common::ledger::{FileStamp, Ledger};
use common::waiting_rows::TableProblem;
use common::{Config, History, Manifest, RunLock, WaitingRows, clock, files};
use dataset::FingerprintKey;
use jiff::Timestamp;
use serde::Serialize;

use crate::append_state::AppendState;
use crate::change_by_hand::record_change;
use crate::devices::keep_devices;

use crate::reading::Reading;
use crate::scan::scan_unconfirmed;

pub use committed::{UncommittedTail, uncommitted_tails};
pub use dropped_files::FormerFolder;
pub use evaluated::{
    ChangedFingerprints, find_evaluated, is_intact, loss_of_content, mark_evaluated,
    mark_rows_evaluated, note_loss,
};
pub use explain::{Detail, Explanation, FileFate, RowFate, explain};
pub use infer::{ProposedSchema, guess_schema, infer, infer_strictly};
pub use ingested::Ingested;
pub use ingested_rows::IngestedRows;
pub use merge::{Intake, OnCommit};
pub use misspelt::{MisspeltTarget, misspelt_targets};
pub use on_engine::{EngineCommit, EngineFile, EnginePlan, EngineRows};
pub use prepared::Prepared;
pub use reading::Keep;
pub use removal::{scan_input, unconfirmed_removals};
pub use report::{DeferredRebuild, FileReport, IngestReport};
pub use scan::InputScan;

/// The program's own options.
#[derive(Args, Debug)]
pub struct Options {
    /// Say what would happen to FILE, and change nothing
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// With --explain: every row, not only the rejected ones
    #[arg(long, requires = "explain")]
    rows: bool,
    /// Propose the section `schema` from FILE, else from the input folders, and change nothing
    #[arg(long, value_name = "FILE", num_args = 0.., conflicts_with = "explain")]
    infer_schema: Option<Vec<PathBuf>>,
    /// With --infer-schema: add bounds, levels and shares of missing values as in the data
    #[arg(long, requires = "infer_schema")]
    strict: bool,
    /// Confirm that the files of an input folder that seems lost were removed on purpose: their
    /// rows are dropped
    #[arg(long, conflicts_with_all = ["explain", "infer_schema"])]
    accept_removal: bool,
    /// Read every known file again: also a change that kept size and times is found
    #[arg(long, conflicts_with_all = ["explain", "infer_schema"])]
    verify: bool,
}

impl Options {
    /// Source of the configuration. A proposal for named files also works without a configuration
    /// file.
    pub fn config_source(&self) -> ConfigSource {
        match &self.infer_schema {
            Some(files) if !files.is_empty() => ConfigSource::FileIfPresent,
            _ => ConfigSource::File,
        }
    }
}

/// Result of the program `ingestion`.
#[derive(Serialize)]
#[serde(untagged)]
pub enum IngestionReport {
    /// The new input was ingested.
    Ingested(IngestReport),
    /// One file was explained (`--explain`).
    Explained(Explanation),
    /// A schema was proposed from the data (`--infer-schema`).
    Proposed(ProposedSchema),
}

/// Ingests what is new, explains one file, or proposes a schema, as the options say.
pub fn run_with(config: &Config, options: Options) -> anyhow::Result<IngestionReport> {
    dataset::start_threads()?;
    if options.infer_schema.is_none() {
        config.expect_rows_here("ingestion")?;
    }
    if let Some(files) = options.infer_schema {
        let propose = if options.strict {
            infer_strictly
        } else {
            infer
        };
        return propose(config, &files).map(IngestionReport::Proposed);
    }
    match options.explain {
        None => {
            let scan = if options.accept_removal {
                scan_unconfirmed
            } else {
                scan_input
            };
            let trust = if options.verify {
                Trust::Nothing
            } else {
                Trust::Stamps
            };
            scan_and_ingest(config, scan, trust).map(IngestionReport::Ingested)
        }
        Some(file) => {
            let detail = if options.rows {
                Detail::EveryRow
            } else {
                Detail::RejectedRows
            };
            explain(config, &file, detail).map(IngestionReport::Explained)
        }
    }
}

impl Report for IngestionReport {
    fn needs_attention(&self) -> bool {
        match self {
            Self::Ingested(report) => report.needs_attention(),
            Self::Explained(explanation) => explanation.needs_attention(),
            Self::Proposed(proposed) => proposed.needs_attention(),
        }
    }
}

impl fmt::Display for IngestionReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingested(report) => report.fmt(to),
            Self::Explained(explanation) => explanation.fmt(to),
            Self::Proposed(proposed) => proposed.fmt(to),
        }
    }
}

/// Ingests what is new. This is the command that a person runs.
pub fn run(config: &Config) -> anyhow::Result<IngestReport> {
    scan_and_ingest(config, scan_input, Trust::Stamps)
}

/// How a known file is recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// By its stamp, without reading it.
    Stamps,
    /// By its content.
    Nothing,
}

fn scan_and_ingest(
    config: &Config,
    scan: fn(&Config, &Prepared, Timestamp) -> anyhow::Result<InputScan>,
    trust: Trust,
) -> anyhow::Result<IngestReport> {
    let _lock = RunLock::acquire(&config.layout, "ingestion")?;
    let history = History::open(&config.layout)?;
    let live = Manifest::of_live_release(&config.layout)?;
    let timer = StageTimer::start("ingestion");
    let mut prepared = prepare(config, &history, live.as_ref())?;
    if trust == Trust::Nothing {
        for file in &mut prepared.ledger.files {
            file.stamp = FileStamp::default();
        }
    }
    let mut found = scan(config, &prepared, timer.started_at())?;
    found.note_earlier_loss(&history)?;
    found.defer_blocked_rebuild(&prepared.ledger, live.as_ref());
    let verified = (trust == Trust::Nothing).then(|| found.n_known());
    if found.is_nothing_new()
        && let Some(damage) = content_damage(config, &prepared.ledger)?
    {
        found.note_damage(damage);
    }
    if found.is_nothing_new()
        && let Some(loss) = loss_of_content(&config.layout, &prepared.ledger)?
    {
        found.lose_fingerprints(loss);
    }
    if found.is_nothing_new() {
        let (ledger, report) = record_nothing_new(&history, prepared.ledger, &found)?;
        check_waiting_rows(config, &history, &ledger)?;
        return Ok(IngestReport { verified, ..report });
    }
    let before = prepared.ledger.clone();
    let ingested = ingest(Intake {
        config,
        history: &history,
        ledger: prepared.ledger,
        found,
        live: live.as_ref(),
        keep: Keep::Nothing,
        run: None,
        on_commit: &|history, _| record_change(history, &before),
    })?;
    let report = IngestReport {
        verified,
        ..ingested.report
    };
    history.record_stage(&timer.stop())?;
    Ok(report)
}

/// Checks the rows that wait for a label. If they are damaged, finds them again in finaldata.csv, without
/// their predictions. Reads all of them, because a person who runs the command can wait.
fn check_waiting_rows(config: &Config, history: &History, ledger: &Ledger) -> anyhow::Result<()> {
    if config.schema.id.is_none() {
        return Ok(());
    }
    let problem = WaitingRows::problem(&config.layout, history, ledger)?;
    if let Some(TableProblem::Damaged(problem)) = problem {
        WaitingRows::lose(&config.layout, history, &problem)?;
        waiting_rows(config, history, ledger)?;
    }
    Ok(())
}

/// Recovers from an interrupted run and compares the ledger with the deployed release.
///
/// Every command that ingests or evaluates data calls this first.
pub fn prepare(
    config: &Config,
    history: &History,
    live: Option<&Manifest>,
) -> anyhow::Result<Prepared> {
    let layout = &config.layout;
    for folder in [layout.output(), layout.models(), layout.state()] {
        files::create_folder(folder)?;
        files::sweep(folder)?;
    }
    let ledger = history.ledger()?;
    on_engine::check_mode(config, &ledger)?;
    committed::truncate_to_committed(layout, &ledger)?;
    committed::write_ingested_files(layout, &ledger)?;
    reconcile::reconcile(config, history, ledger, live)
}

/// Reason why finaldata.csv differs from what was committed, or `None`. Reads all committed bytes.
fn content_damage(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let layout = &config.layout;
    let exist = files::exists(&layout.final_data())? && files::exists(&layout.rejected_rows())?;
    if ledger.committed_bytes == 0 || !exist {
        // A missing file is found without reading.
        return Ok(None);
    }
    // A person who runs the command can wait until every byte is compared.
    append_state::damage(layout, ledger)
}

/// Reason why the committed data cannot be used, or `None`. A file that was not written to since
/// its commit is not read.
pub fn damage(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    match scan::damage(config, ledger)? {
        None if ledger.committed_bytes > 0 => append_state::damage_since(&config.layout, ledger),
        damage => Ok(damage),
    }
}

/// Rebuilds damaged data byte for byte from its input files, so that a decision based on that data
/// can be carried out.
///
/// Ingests nothing new. Changes nothing if input files are gone or the order has to change: the
/// next ingestion handles those cases.
pub fn restore(
    config: &Config,
    history: &History,
    prepared: Prepared,
    live: Option<&Manifest>,
) -> anyhow::Result<Prepared> {
    let ledger = &prepared.ledger;
    if ledger.rebuilding || !evaluated::is_intact(&config.layout, ledger)? {
        return Ok(prepared);
    }
    let Some(damage) = damage(config, &prepared.ledger)? else {
        return Ok(prepared);
    };
    if config.ingests_on_engine() {
        tracing::warn!("{damage}");
        return Ok(Prepared {
            is_damaged: true,
            ..prepared
        });
    }
    tracing::warn!("{damage}; it is rebuilt from the input files");
    // Damaged data does not show whether the evaluated rows come first. `reconcile` below checks it
    // again.
    let prepared = Prepared {
        has_scattered_evaluated_rows: false,
        ..prepared
    };
    let mut found = scan_input(config, &prepared, clock::now())?;
    found.new_files.clear();
    found.note_damage(damage);
    if !found.missing.is_empty() || found.reorder.is_some() {
        return Ok(Prepared {
            is_damaged: true,
            ..prepared
        });
    }
    let ingested = ingest(Intake {
        config,
        history,
        ledger: prepared.ledger,
        found,
        live: None,
        keep: Keep::Nothing,
        run: None,
        on_commit: &|_, _| Ok(()),
    })?;
    reconcile::reconcile(config, history, ingested.ledger, live)
}

/// The rows that wait for a late label, with the places of the committed rows. They are found again in
/// finaldata.csv if an ingestion was killed right after its commit, or if their file is lost.
///
/// `None` without an id, where labels are not matched, and if finaldata.csv cannot be read.
pub fn waiting_rows(
    config: &Config,
    history: &History,
    ledger: &Ledger,
) -> anyhow::Result<Option<WaitingRows>> {
    if config.schema.id.is_none() {
        return Ok(None);
    }
    let waiting = WaitingRows::open(&config.layout, history)?;
    if waiting.belongs_to(&ledger.digest) {
        return Ok(Some(waiting));
    }
    drop(waiting);
    let Some(key) = FingerprintKey::load(&config.layout)? else {
        return Ok(None);
    };
    let reading = Reading::of(config, &key, Keep::Nothing);
    match AppendState::load(config, history, ledger, &reading)? {
        Ok(mut state) => {
            state.store(
                &reading,
                history,
                ledger,
                append_state::set_distinct_times(&config.layout),
            );
        }
        Err(damage) => tracing::warn!("{damage}"),
    }
    let waiting = WaitingRows::open(&config.layout, history)?;
    let is_of_ledger = waiting.belongs_to(&ledger.digest) || !waiting.exists();
    Ok(is_of_ledger.then_some(waiting))
}

/// Saves new names and file stamps of known content, so that the content is not hashed again.
/// Returns the ledger and a report without new files.
pub fn record_nothing_new(
    history: &History,
    ledger: Ledger,
    found: &InputScan,
) -> anyhow::Result<(Ledger, IngestReport)> {
    keep_devices(history, &found.devices)?;
    let ledger = match found.restamp(&ledger) {
        Some(restamped) => {
            history.save_ledger(&restamped)?;
            restamped
        }
        None => ledger,
    };
    let report = found.report_nothing_new(&ledger);
    Ok((ledger, report))
}

/// Ingests the files that the scan found and commits the ledger.
pub fn ingest(intake: Intake<'_>) -> anyhow::Result<Ingested> {
    let config = intake.config;
    let mut ingested = merge::merge(intake).context("failed to ingest the input files")?;
    // The ingestion is already committed, so a failed comparison does not undo it.
    if let Err(error) = overlaps::note_overlaps(config, &mut ingested) {
        tracing::warn!("the new files were not compared with earlier ones: {error:#}");
    }
    for file in &ingested.report.files {
        tracing::debug!(file = %file.name, folder = %file.folder, status = ?file.status, kept = file.rows.kept, "ingested");
    }
    Ok(ingested)
}
