//! The input of an ingestion.

use std::cell::Cell;

use common::ledger::Ledger;
use common::{Config, History, Manifest};
use dataset::FingerprintKey;

use crate::reading::Keep;
use crate::report::IngestReport;
use crate::scan::InputScan;

/// Input of an ingestion.
pub struct Intake<'a> {
    /// Configuration with paths and schema.
    pub config: &'a Config,
    /// History in which the ledger is committed.
    pub history: &'a History,
    /// The committed ledger.
    pub ledger: Ledger,
    /// Result of the scan against that ledger.
    pub found: InputScan,
    /// The deployed release, if any. The training rows of its model count as evaluated.
    pub live: Option<&'a Manifest>,
    /// Whether the written rows are returned.
    pub keep: Keep,
    /// Number of the run that ingests; `None` if a person ingests by hand.
    pub run: Option<i64>,
    /// Called in the transaction that commits the ingestion.
    pub on_commit: OnCommit<'a>,
}

/// Callback inside the transaction that commits an ingestion. An ingestion with a replay and an
/// append calls it for each of the two.
pub type OnCommit<'a> = &'a dyn Fn(&History, &IngestReport) -> anyhow::Result<()>;

/// The part of an ingestion that is the same for all attempts.
pub(super) struct Merge<'a> {
    pub(super) config: &'a Config,
    pub(super) history: &'a History,
    pub(super) key: FingerprintKey,
    pub(super) live: Option<&'a Manifest>,
    pub(super) keep: Keep,
    pub(super) run: Option<i64>,
    pub(super) on_commit: OnCommit<'a>,
    /// True once a file was rejected because of its end, after some of its rows were written.
    pub(super) reads_twice: Cell<bool>,
}
