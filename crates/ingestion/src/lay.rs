//! Laying down rows: behind what is there, or in a new file.
//!
//! Nothing here counts until the ledger is committed.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use common::digest::Hasher;
use common::ledger::{Ledger, LedgerFile};
use common::progress::Progress;
use common::{Config, Layout, Schema, files};
use dataset::{Fingerprint, FingerprintKey, FingerprintSet, Lines, RecordWriter, Scratch};

use crate::accounting::{FileTally, Sink, Take, failed_to_write};
use crate::append_state::AppendState;
use crate::laid_rows::LaidRows;
use crate::memory::Memory;
use crate::pending::Pending;
use crate::source::{Source, Untaken, Wait};

/// What a watcher is told that is done.
const INGESTING: &str = "ingesting";
const REJECTED_COLUMNS: [&str; 5] = ["file", "line", "column", "reason", "text"];

/// A file to be read, whether the ledger knows it or not.
pub(crate) struct Planned {
    /// Its entry; digest, status and rows are filled in by reading it.
    pub(crate) entry: LedgerFile,
    /// The digest that its content had when it was looked at; `None` when it was not looked into.
    pub(crate) sha256: Option<String>,
    /// Where its content is.
    pub(crate) path: PathBuf,
}

/// What was laid down.
pub(crate) struct Laid {
    /// What became of each planned file.
    pub(crate) tallies: Vec<FileTally>,
    /// Length of finaldata.csv.
    pub(crate) bytes: u64,
    /// SHA-256 of it.
    pub(crate) digest: String,
    /// Length of rejectedrows.csv.
    pub(crate) rejected_bytes: u64,
    /// Rows that were put in front because they were judged.
    pub(crate) rows_in_front: u64,
    /// What the next ingestion appends to.
    pub(crate) append_state: AppendState,
    /// The rows that were laid down, if they are kept.
    pub(crate) rows: LaidRows,
}

/// Why laying down ended early.
pub(crate) enum Stopped {
    /// The planned file at this position has to wait.
    AtFile(usize, Wait),
    /// Rows were laid of a file that is rejected for what its end tells.
    LaidTooEarly,
    /// A row that was judged before came back.
    JudgedRowCameBack,
    /// Something that concerns no single file.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// The order of a new file: the first `files` planned files, of them first the rows in `judged`;
/// then the other files.
pub(crate) struct Order<'a> {
    pub(crate) files: usize,
    pub(crate) judged: &'a FingerprintSet,
}

/// Whether the caller goes on to work with the rows that are laid down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It does, and gets them.
    Rows,
    /// It does not, which bounds the memory that is needed.
    Nothing,
}

/// What rows are read and identified by.
pub(crate) struct Reading<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) schema: &'a Schema,
    pub(crate) key: &'a FingerprintKey,
    pub(crate) memory: Memory,
    pub(crate) keep: Keep,
    /// Each file is read to its end before rows of it are taken: one may be rejected for that.
    pub(crate) reads_twice: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(config: &'a Config, key: &'a FingerprintKey, keep: Keep) -> Self {
        Self {
            reads_twice: false,
            layout: &config.layout,
            schema: &config.schema,
            key,
            memory: Memory::of(&config.ingestion),
            keep,
        }
    }

    /// Appends the rows of the planned files behind the committed ones; none of them may be in
    /// `unwanted`.
    pub(crate) fn lay_behind(
        &self,
        ledger: &Ledger,
        append_state: AppendState,
        planned: &[Planned],
        unwanted: &FingerprintSet,
    ) -> Result<Laid, Stopped> {
        let mut rows = files::open_at(&self.layout.final_data(), ledger.committed_bytes)?;
        let mut rejected = files::open_at(&self.layout.rejected_rows(), ledger.rejected_bytes)?;
        let hasher = append_state.hasher.clone();
        let mut sink = self.sink(
            RecordWriter::continuing(&mut rows, hasher, ledger.committed_bytes),
            // Nobody asks for the digest of the refused rows.
            RecordWriter::continuing(&mut rejected, Hasher::new(), ledger.rejected_bytes),
            append_state,
        );
        sink.progress = Progress::of_reading(INGESTING, || bytes_of(planned));
        let take = if unwanted.is_empty() {
            Take::All
        } else {
            Take::NoneOf(unwanted)
        };
        take_files(&mut sink, planned, 0, take)?;
        let laid = finish(sink, 0)?;
        files::close(rows)?;
        files::close(rejected)?;
        Ok(laid)
    }

    /// Writes a new finaldata.csv and rejectedrows.csv beside the old ones.
    pub(crate) fn lay_anew(&self, planned: &[Planned], order: &Order<'_>) -> Result<Laid, Stopped> {
        files::stage(&self.layout.final_data(), |rows| {
            files::stage(&self.layout.rejected_rows(), |rejected| {
                let mut sink = self.sink(
                    RecordWriter::new(rows),
                    RecordWriter::new(rejected),
                    AppendState::empty(self),
                );
                let twice = if order.judged.is_empty() {
                    &[]
                } else {
                    &planned[..order.files.min(planned.len())]
                };
                sink.progress =
                    Progress::of_reading(INGESTING, || bytes_of(planned) + bytes_of(twice));
                sink.rows.write(self.schema.columns())?;
                sink.rejected.write(REJECTED_COLUMNS)?;
                Ok(lay_in_order(sink, planned, order))
            })
        })?
    }

    fn sink<W: Write>(
        &self,
        rows: RecordWriter<W>,
        rejected: RecordWriter<W>,
        append_state: AppendState,
    ) -> Sink<'_, W> {
        let AppendState {
            summarised,
            known,
            hasher: _,
        } = append_state;
        Sink {
            reading: self,
            rows,
            rejected,
            summarised,
            known,
            laid: LaidRows::new(self.schema),
            pending: Pending::new(self.memory.pending()),
            tallies: Vec::new(),
            progress: Progress::none(),
            scratch: Scratch::default(),
        }
    }

    /// Adds the good rows of a file to a set; returns those that were not in it before.
    pub(crate) fn add_to(
        &self,
        set: &mut FingerprintSet,
        planned: &Planned,
        position: usize,
    ) -> Result<Vec<Fingerprint>, Stopped> {
        let mut new = Vec::new();
        let source = Source {
            file: planned,
            lines: Lines::Dropped,
            progress: Progress::none(),
        };
        source
            .read(self, &mut Scratch::default(), |rows| {
                new.extend(set.add(&rows.fingerprints)?);
                Ok(())
            })
            .map_err(|untaken| stopped(untaken, position))?;
        Ok(new)
    }
}

/// Bytes on disk; files that are gone have none, which is found out when they are read.
fn bytes_of(planned: &[Planned]) -> u64 {
    let length = |file: &Planned| file.path.metadata().map_or(0, |metadata| metadata.len());
    planned.iter().map(length).sum()
}

fn lay_in_order<W: Write + Send>(
    mut sink: Sink<'_, W>,
    planned: &[Planned],
    order: &Order<'_>,
) -> Result<Laid, Stopped> {
    let (ordered, behind) = planned.split_at(order.files.min(planned.len()));
    if order.judged.is_empty() {
        take_files(&mut sink, planned, 0, Take::All)?;
        return Ok(finish(sink, 0)?);
    }
    take_files(&mut sink, ordered, 0, Take::Only(order.judged))?;
    let in_front = sink.summarised.rows();
    take_files(&mut sink, ordered, 0, Take::Rest)?;
    take_files(&mut sink, behind, ordered.len(), Take::All)?;
    Ok(finish(sink, in_front)?)
}

/// Takes all of these files, of which the first one has this position.
fn take_files<W: Write + Send>(
    sink: &mut Sink<'_, W>,
    planned: &[Planned],
    first_position: usize,
    take: Take<'_>,
) -> Result<(), Stopped> {
    for (file, position) in planned.iter().zip(first_position..) {
        sink.take_file(file, position, take)
            .map_err(|untaken| stopped(untaken, position))?;
    }
    let last = first_position + planned.len();
    sink.flush(take).map_err(|untaken| stopped(untaken, last))
}

fn stopped(untaken: Untaken, position: usize) -> Stopped {
    match untaken {
        Untaken::File(wait) => Stopped::AtFile(position, wait),
        // Whoever reads a file takes notice of its rejection.
        Untaken::Rejected(_) | Untaken::TakenTooEarly => Stopped::LaidTooEarly,
        Untaken::OneOfThose => Stopped::JudgedRowCameBack,
        Untaken::Failed(error) => Stopped::Failed(error),
    }
}

fn finish<W: Write>(sink: Sink<'_, W>, rows_in_front: u64) -> anyhow::Result<Laid> {
    let Sink {
        reading,
        rows,
        rejected,
        summarised,
        known,
        laid,
        mut tallies,
        ..
    } = sink;
    tallies.iter_mut().for_each(FileTally::close);
    let rows = rows
        .finish()
        .with_context(|| failed_to_write(&reading.layout.final_data()))?;
    let rejected = rejected
        .finish()
        .with_context(|| failed_to_write(&reading.layout.rejected_rows()))?;
    Ok(Laid {
        tallies,
        bytes: rows.bytes,
        digest: rows.hasher.clone().finish(),
        rejected_bytes: rejected.bytes,
        rows_in_front,
        append_state: AppendState {
            hasher: rows.hasher,
            summarised,
            known,
        },
        rows: laid,
    })
}
