//! Writing rows: appended to finaldata.csv, or into a new file that replaces it.
//!
//! Written rows do not count until the ledger is committed.

use std::io::Write;

use anyhow::Context;
use common::History;
use common::files;
use common::ledger::Ledger;
use common::progress::Progress;
use dataset::{Fingerprint, FingerprintSet, Lines, RecordWriter, Scratch};

use crate::accounting::{FileTally, Sink, Take, failed_to_write};
use crate::append_state::AppendState;
use crate::ingested_rows::IngestedRows;
use crate::pending::Pending;
use crate::reading::{PlannedFile, Reading};
use crate::source::{ReadError, Source, Wait};

/// Name of the step in the progress display.
const INGESTING: &str = "ingesting";
/// Columns of rejectedrows.csv.
pub(crate) const REJECTED_COLUMNS: [&str; 5] = ["file", "line", "column", "reason", "text"];

/// Result of writing rows.
pub(crate) struct WrittenRows {
    /// Row counts and remarks of each planned file, in the same order.
    pub(crate) tallies: Vec<FileTally>,
    /// Length of finaldata.csv in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of finaldata.csv.
    pub(crate) digest: String,
    /// Length of rejectedrows.csv in bytes.
    pub(crate) rejected_bytes: u64,
    /// SHA-256 of rejectedrows.csv.
    pub(crate) rejected_digest: String,
    /// Number of evaluated rows that were written first.
    pub(crate) rows_in_front: u64,
    /// State that the next ingestion appends to.
    pub(crate) append_state: AppendState,
    /// The written rows; `None` if they are not [kept](crate::Keep).
    pub(crate) rows: Option<IngestedRows>,
}

/// Reason why writing stopped early.
pub(crate) enum WriteError {
    /// The planned file at this position must wait for the next run.
    FileMustWait(usize, Wait),
    /// Rows were written before the end of their file showed that the file is rejected.
    RowsTakenTooEarly,
    /// A new file contains a row that was evaluated earlier.
    EvaluatedRowReappeared,
    /// An error that concerns no single file, for example a full disk.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for WriteError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Order of rows in a rebuilt file. First come the evaluated rows of the first `files` planned
/// files, then the other rows of those files, then all later files.
pub(crate) struct Order<'a> {
    pub(crate) files: usize,
    pub(crate) evaluated: &'a FingerprintSet,
    /// Place of the first row that is not evaluated. `None` if exactly the rows that are written first are
    /// evaluated.
    pub(crate) first_new: Option<u64>,
}

impl Reading<'_> {
    /// Appends the rows of the planned files after the committed rows. Returns an error if one of these
    /// rows is in `unwanted`.
    pub(crate) fn append(
        &self,
        ledger: &Ledger,
        append_state: AppendState,
        planned: &[PlannedFile],
        unwanted: &FingerprintSet,
    ) -> Result<WrittenRows, WriteError> {
        let mut rows =
            files::open_for_appending(&self.layout.final_data(), ledger.committed_bytes)?;
        let mut rejected =
            files::open_for_appending(&self.layout.rejected_rows(), ledger.rejected_bytes)?;
        let hasher = append_state.hasher.clone();
        let rejected_hasher = append_state.rejected_hasher.clone();
        let mut sink = self.sink(
            RecordWriter::continuing(&mut rows, hasher, ledger.committed_bytes),
            RecordWriter::continuing(&mut rejected, rejected_hasher, ledger.rejected_bytes),
            append_state,
        );
        sink.progress = Progress::of_reading(INGESTING, || bytes_of(planned));
        let take = if unwanted.is_empty() {
            Take::All
        } else {
            Take::NoneOf(unwanted)
        };
        take_files(&mut sink, planned, 0, take)?;
        let written = finish(sink, 0)?;
        files::close(rows)?;
        files::close(rejected)?;
        Ok(written)
    }

    /// Writes a new finaldata.csv and rejectedrows.csv beside the old files. The caller puts the
    /// new files in place.
    pub(crate) fn rebuild(
        &self,
        planned: &[PlannedFile],
        order: &Order<'_>,
        history: &History,
    ) -> Result<WrittenRows, WriteError> {
        let state = AppendState::empty(self, history, order.first_new.unwrap_or_default())?;
        files::stage(&self.layout.final_data(), |rows| {
            files::stage(&self.layout.rejected_rows(), |rejected| {
                let mut sink =
                    self.sink(RecordWriter::new(rows), RecordWriter::new(rejected), state);
                let read_twice = if order.evaluated.is_empty() {
                    &[]
                } else {
                    &planned[..order.files.min(planned.len())]
                };
                sink.progress =
                    Progress::of_reading(INGESTING, || bytes_of(planned) + bytes_of(read_twice));
                sink.rows.write(self.schema.written_columns())?;
                sink.rejected.write(REJECTED_COLUMNS)?;
                Ok(write_in_order(sink, planned, order))
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
            summary_state,
            known,
            pairing,
            hasher: _,
            rejected_hasher: _,
        } = append_state;
        Sink {
            reading: self,
            rows,
            rejected,
            summary_state,
            known,
            pairing,
            ingested: IngestedRows::new(self.schema),
            is_kept: self.keep.may_hold(0, 0),
            pending: Pending::new(self.memory.pending_rows()),
            tallies: Vec::new(),
            progress: Progress::none(),
            scratch: Scratch::default(),
        }
    }

    /// Adds the accepted rows of a file to a set. Returns the fingerprints that were new to the
    /// set.
    pub(crate) fn add_to(
        &self,
        set: &mut FingerprintSet,
        planned: &PlannedFile,
        position: usize,
    ) -> Result<Vec<Fingerprint>, WriteError> {
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
            .map_err(|error| write_error(error, position))?;
        Ok(new)
    }
}

/// Total length of the files in bytes. A missing file counts as 0; reading it reports the error
/// later.
fn bytes_of(planned: &[PlannedFile]) -> u64 {
    let length = |file: &PlannedFile| file.path.metadata().map_or(0, |metadata| metadata.len());
    planned.iter().map(length).sum()
}

fn write_in_order<W: Write + Send>(
    mut sink: Sink<'_, W>,
    planned: &[PlannedFile],
    order: &Order<'_>,
) -> Result<WrittenRows, WriteError> {
    let (ordered, behind) = planned.split_at(order.files.min(planned.len()));
    if order.evaluated.is_empty() {
        take_files(&mut sink, planned, 0, Take::All)?;
        return Ok(finish(sink, 0)?);
    }
    sink.pairing.first_new = order.first_new.unwrap_or(u64::MAX);
    take_files(&mut sink, ordered, 0, Take::Only(order.evaluated))?;
    let in_front = sink.summary_state.rows();
    sink.pairing.first_new = order.first_new.unwrap_or(in_front);
    take_files(&mut sink, ordered, 0, Take::Rest)?;
    take_files(&mut sink, behind, ordered.len(), Take::All)?;
    Ok(finish(sink, in_front)?)
}

/// Writes the chosen rows of all these files. `first_position` is the position of the first file.
fn take_files<W: Write + Send>(
    sink: &mut Sink<'_, W>,
    planned: &[PlannedFile],
    first_position: usize,
    take: Take<'_>,
) -> Result<(), WriteError> {
    for (file, position) in planned.iter().zip(first_position..) {
        sink.take_file(file, position, take)
            .map_err(|error| write_error(error, position))?;
    }
    let last = first_position + planned.len();
    sink.flush(take).map_err(|error| write_error(error, last))
}

fn write_error(error: ReadError, position: usize) -> WriteError {
    match error {
        ReadError::FileMustWait(wait) => WriteError::FileMustWait(position, wait),
        // This file was rejected after some of its rows were written. An earlier rejection is
        // recorded with the file and is no error.
        ReadError::FileRejected(_) | ReadError::RowsTakenTooEarly => WriteError::RowsTakenTooEarly,
        ReadError::EvaluatedRowReappeared => WriteError::EvaluatedRowReappeared,
        ReadError::Failed(error) => WriteError::Failed(error),
    }
}

fn finish<W: Write>(sink: Sink<'_, W>, rows_in_front: u64) -> anyhow::Result<WrittenRows> {
    let Sink {
        reading,
        rows,
        rejected,
        summary_state,
        known,
        pairing,
        ingested,
        is_kept,
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
    Ok(WrittenRows {
        tallies,
        bytes: rows.bytes,
        digest: rows.hasher.clone().finish(),
        rejected_bytes: rejected.bytes,
        rejected_digest: rejected.hasher.clone().finish(),
        rows_in_front,
        append_state: AppendState {
            hasher: rows.hasher,
            rejected_hasher: rejected.hasher,
            summary_state,
            known,
            pairing,
        },
        rows: is_kept.then_some(ingested),
    })
}
