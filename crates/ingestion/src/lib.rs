//! Ingestion: the input files, checked, merged and deduplicated into finaldata.csv.
//!
//! Rows stand in the order in which their files were first ingested; of equal rows the first
//! stays. Taking in one more file appends; a file that went or changed makes a rebuild, which
//! replays the recorded order, rows judged before first. The ledger in the history is the commit
//! point: what it does not say has not happened.
//!
//! It fits nothing and scores nothing; it knows of the live model only which data it was fitted
//! to.

mod accounting;
mod append_state;
mod committed;
mod entries;
mod explain;
mod infer;
mod judged;
mod laid_rows;
mod lay;
mod look;
mod memory;
mod merge;
mod misspelt;
mod pending;
mod reconcile;
mod removal;
mod report;
mod source;
mod summarised;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use common::cli::Report;
use common::cli::clap::{self, Args};
use common::history::StageDuration;
use common::ledger::Ledger;
use common::{Config, History, Manifest, RunLock, files};
use dataset::{FingerprintKey, FingerprintSet};
use jiff::Timestamp;
use serde::Serialize;

use crate::look::look_at;
use crate::removal::{Devices, keep_devices};

pub use committed::{UncommittedTail, uncommitted_tails};
pub use explain::{Detail, Explanation, FileFate, RowFate, explain};
pub use infer::{ProposedSchema, infer};
pub use judged::{is_intact, judged_fingerprints, mark_judged};
pub use laid_rows::LaidRows;
pub use lay::Keep;
pub use look::{Look, look};
pub use merge::{Intake, Note};
pub use misspelt::{MisspeltTarget, misspelt_targets};
pub use removal::{FormerFolder, unconfirmed_removals};
pub use report::{FileReport, IngestReport};

/// The program's own options.
#[derive(Args, Debug)]
pub struct Options {
    /// Say what would happen to FILE, and change nothing
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// With --explain: every row, not only the refused ones
    #[arg(long, requires = "explain")]
    rows: bool,
    /// Propose the section `schema` from FILE, else from the input folders, and change nothing
    #[arg(long, value_name = "FILE", num_args = 0.., conflicts_with = "explain")]
    infer_schema: Option<Vec<PathBuf>>,
    /// Confirm that the files of an input folder that seems lost were removed on purpose: their
    /// rows are dropped
    #[arg(long, conflicts_with_all = ["explain", "infer_schema"])]
    accept_removal: bool,
}

/// What the program says.
#[derive(Serialize)]
#[serde(untagged)]
pub enum IngestionReport {
    /// What was taken in.
    Ingested(IngestReport),
    /// What would happen to one file.
    Explained(Explanation),
    /// A schema for the data that is there.
    Proposed(ProposedSchema),
}

/// The ingested data after an ingestion.
pub struct Ingested {
    /// What was done.
    pub report: IngestReport,
    /// The rows that were laid down behind those of `before`, if the caller asked for them.
    pub rows: LaidRows,
    /// Which rows finaldata.csv holds.
    pub known: FingerprintSet,
    /// The ledger of the rows in front of them; that of none where all were laid down.
    pub before: Ledger,
    /// The committed ledger.
    pub ledger: Ledger,
    /// The key of the fingerprints.
    pub key: FingerprintKey,
}

/// The committed ledger, mended and held against the live release.
pub struct Prepared {
    /// What is committed.
    pub ledger: Ledger,
    /// The live model was fitted to rows that do not all stand in front.
    pub has_scattered_judged_rows: bool,
    /// Nothing was ingested and nothing is deployed: whatever there is is new.
    pub is_untouched: bool,
    /// finaldata.csv does not hold what was committed.
    is_damaged: bool,
    /// The device that each input folder was on.
    devices: Devices,
}

/// Takes in what is new, explains one file, or proposes a schema.
pub fn run_with(config: &Config, options: Options) -> anyhow::Result<IngestionReport> {
    if let Some(files) = options.infer_schema {
        return infer(config, &files).map(IngestionReport::Proposed);
    }
    match options.explain {
        None if options.accept_removal => take_in(config, look_at).map(IngestionReport::Ingested),
        None => run(config).map(IngestionReport::Ingested),
        Some(file) => {
            let detail = if options.rows {
                Detail::EveryRow
            } else {
                Detail::Refused
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

impl Prepared {
    /// Whether the data has to be mended by an ingestion before anything is judged on it.
    pub fn needs_mending(&self, config: &Config) -> bool {
        self.has_scattered_judged_rows
            || self.is_damaged
            || self.ledger.rebuilding
            || !judged::is_intact(&config.layout, &self.ledger)
    }
}

/// Takes in what is new, by hand.
pub fn run(config: &Config) -> anyhow::Result<IngestReport> {
    take_in(config, look)
}

fn take_in(
    config: &Config,
    look: fn(&Config, &Prepared, Timestamp) -> anyhow::Result<Look>,
) -> anyhow::Result<IngestReport> {
    let _lock = RunLock::acquire(&config.layout, "ingestion")?;
    let history = History::open(&config.layout)?;
    let live = Manifest::of_live_release(&config.layout)?;
    let started = (Timestamp::now(), Instant::now());
    let prepared = prepare(config, &history, live.as_ref())?;
    let mut found = look(config, &prepared, started.0)?;
    if found.is_nothing_new()
        && let Some(damage) = content_damage(config, &prepared.ledger)?
    {
        found.note_damage(damage);
    }
    if found.is_nothing_new() {
        return note_nothing_new(&history, prepared.ledger, &found).map(|(_, report)| report);
    }
    let ingested = ingest(Intake {
        config,
        history: &history,
        ledger: prepared.ledger,
        found,
        live: live.as_ref(),
        keep: Keep::Nothing,
        note: &|_, _| Ok(()),
    })?;
    let report = ingested.report;
    history.record_stage(&StageDuration {
        stage: "ingestion".into(),
        run: None,
        started_at: started.0,
        seconds: started.1.elapsed().as_secs_f64(),
    })?;
    Ok(report)
}

/// Mends what an interrupted run left, and holds the ledger against the live release.
///
/// Every command that takes in data or judges it begins with it.
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
    committed::cut_to_committed(layout, &ledger)?;
    committed::write_ingested_files(layout, &ledger)?;
    reconcile::reconcile(config, history, ledger, live)
}

/// Why finaldata.csv is not what was committed; `None` when it is.
fn content_damage(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    let layout = &config.layout;
    if ledger.committed_bytes == 0 || !layout.final_data().exists() {
        // Absence is seen without reading.
        return Ok(None);
    }
    // Whoever types the command has the time to have every byte compared.
    append_state::damage(layout, ledger)
}

/// Why the committed data cannot be used as it is; `None` when it can. What nobody has written to
/// since it was committed is not read for this.
pub fn damage(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    match look::damage(config, ledger) {
        None if ledger.committed_bytes > 0 => append_state::damage_since(&config.layout, ledger),
        damage => Ok(damage),
    }
}

/// Makes damaged data again from the files that it was ingested from, byte for byte, so that what was
/// decided on it can be carried out.
///
/// Nothing is taken in, and nothing is done where files are gone or the order has to change: then
/// the next ingestion decides what the data is.
pub fn restore(
    config: &Config,
    history: &History,
    prepared: Prepared,
    live: Option<&Manifest>,
) -> anyhow::Result<Prepared> {
    let ledger = &prepared.ledger;
    if ledger.rebuilding || !judged::is_intact(&config.layout, ledger) {
        return Ok(prepared);
    }
    let Some(damage) = damage(config, &prepared.ledger)? else {
        return Ok(prepared);
    };
    tracing::warn!("{damage}; it is made again from the input files");
    // Rows in damaged data cannot be seen to stand in front; that is asked again below.
    let prepared = Prepared {
        has_scattered_judged_rows: false,
        ..prepared
    };
    let mut found = look(config, &prepared, Timestamp::now())?;
    found.unknown.clear();
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
        note: &|_, _| Ok(()),
    })?;
    reconcile::reconcile(config, history, ingested.ledger, live)
}

/// Keeps names and stamps that were found for known content, so that it is not hashed again.
pub fn note_nothing_new(
    history: &History,
    ledger: Ledger,
    found: &Look,
) -> anyhow::Result<(Ledger, IngestReport)> {
    keep_devices(history, found)?;
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

/// Takes in what was found and commits it.
pub fn ingest(intake: Intake<'_>) -> anyhow::Result<Ingested> {
    let ingested = merge::merge(intake).context("failed to ingest the input files")?;
    for file in &ingested.report.files {
        tracing::debug!(file = %file.name, folder = %file.folder, status = ?file.status, kept = file.rows.kept, "ingested");
    }
    Ok(ingested)
}
