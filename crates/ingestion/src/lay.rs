//! Laying down rows: behind what is there, or in a new file.
//!
//! Nothing here counts until the ledger is committed.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use common::digest::Hasher;
use common::ledger::{Ledger, LedgerFile};
use common::{Layout, Schema, files};
use dataset::{FinalData, Fingerprint, FingerprintKey, RecordWriter, Scratch, Table};

use crate::accounting::{FileTally, Postponed, Sink, Take, failed_to_write};
use crate::seen::SeenRows;

const REJECTED_COLUMNS: [&str; 5] = ["file", "line", "column", "reason", "text"];

/// A file to be read, whether the ledger knows it or not.
pub(crate) struct Planned {
    /// Its entry; status and rows are filled in by reading it.
    pub(crate) entry: LedgerFile,
    /// Where its content is.
    pub(crate) path: PathBuf,
}

/// What was laid down.
pub(crate) struct Laid {
    /// All rows of finaldata.csv.
    pub(crate) table: Table,
    /// What became of each planned file.
    pub(crate) tallies: Vec<FileTally>,
    /// Length of finaldata.csv.
    pub(crate) bytes: u64,
    /// SHA-256 of it.
    pub(crate) digest: String,
    /// Length of rejectedrows.csv.
    pub(crate) rejected_bytes: u64,
}

/// Why laying down ended early.
pub(crate) enum Stopped {
    /// The planned file at this position has to wait, for this reason.
    AtFile(usize, String),
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
    pub(crate) judged: &'a HashSet<Fingerprint>,
}

/// What rows are read and identified by.
pub(crate) struct Reading<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) schema: &'a Schema,
    pub(crate) key: &'a FingerprintKey,
}

impl Reading<'_> {
    /// Appends the rows of the planned files behind the committed ones.
    pub(crate) fn lay_behind(
        &self,
        ledger: &Ledger,
        data: FinalData,
        planned: &[Planned],
    ) -> Result<Laid, Stopped> {
        let mut rows = files::open_at(&self.layout.final_data(), ledger.committed_bytes)?;
        let mut rejected = files::open_at(&self.layout.rejected_rows(), ledger.rejected_bytes)?;
        let seen = SeenRows::of(&data.table.fingerprints);
        let mut sink = Sink {
            layout: self.layout,
            schema: self.schema,
            key: self.key,
            rows: RecordWriter::continuing(&mut rows, data.hasher, ledger.committed_bytes),
            // Nobody asks for the digest of the refused rows.
            rejected: RecordWriter::continuing(&mut rejected, Hasher::new(), ledger.rejected_bytes),
            table: data.table,
            seen,
            scratch: Scratch::default(),
        };
        let tallies = take_all(&mut sink, planned, 0)?;
        let laid = finish(sink, tallies)?;
        files::close(rows)?;
        files::close(rejected)?;
        Ok(laid)
    }

    /// Writes a new finaldata.csv and rejectedrows.csv beside the old ones.
    pub(crate) fn lay_anew(&self, planned: &[Planned], order: &Order<'_>) -> Result<Laid, Stopped> {
        files::stage(&self.layout.final_data(), |rows| {
            files::stage(&self.layout.rejected_rows(), |rejected| {
                let mut sink = Sink {
                    layout: self.layout,
                    schema: self.schema,
                    key: self.key,
                    rows: RecordWriter::new(rows),
                    rejected: RecordWriter::new(rejected),
                    table: Table::new(self.schema),
                    seen: SeenRows::default(),
                    scratch: Scratch::default(),
                };
                sink.rows.write(self.schema.columns())?;
                sink.rejected.write(REJECTED_COLUMNS)?;
                Ok(self.lay_in_order(sink, planned, order))
            })
        })?
    }

    fn lay_in_order<W: Write + Send>(
        &self,
        mut sink: Sink<'_, W>,
        planned: &[Planned],
        order: &Order<'_>,
    ) -> Result<Laid, Stopped> {
        let (ordered, behind) = planned.split_at(order.files.min(planned.len()));
        let mut tallies = if order.judged.is_empty() {
            take_all(&mut sink, ordered, 0)?
        } else {
            take_judged_first(&mut sink, ordered, order.judged)?
        };
        tallies.extend(take_all(&mut sink, behind, ordered.len())?);
        Ok(finish(sink, tallies)?)
    }

    /// The fingerprints of all good rows of a file.
    pub(crate) fn fingerprints(
        &self,
        planned: &Planned,
        position: usize,
    ) -> Result<Vec<Fingerprint>, Stopped> {
        let mut sink = Sink {
            layout: self.layout,
            schema: self.schema,
            key: self.key,
            rows: RecordWriter::new(std::io::sink()),
            rejected: RecordWriter::new(std::io::sink()),
            table: Table::new(self.schema),
            seen: SeenRows::default(),
            scratch: Scratch::default(),
        };
        take(&mut sink, planned, position, Take::All)?;
        Ok(sink.table.fingerprints)
    }
}

fn take_judged_first<W: Write + Send>(
    sink: &mut Sink<'_, W>,
    planned: &[Planned],
    judged: &HashSet<Fingerprint>,
) -> Result<Vec<FileTally>, Stopped> {
    let mut tallies = Vec::with_capacity(planned.len());
    for (position, file) in planned.iter().enumerate() {
        tallies.push(take(sink, file, position, Take::Only(judged))?);
    }
    for (position, (file, tally)) in planned.iter().zip(&mut tallies).enumerate() {
        let second = take(sink, file, position, Take::Except(judged))?;
        tally.and_second_reading(&second);
    }
    Ok(tallies)
}

fn take_all<W: Write + Send>(
    sink: &mut Sink<'_, W>,
    planned: &[Planned],
    first_position: usize,
) -> Result<Vec<FileTally>, Stopped> {
    planned
        .iter()
        .enumerate()
        .map(|(offset, file)| take(sink, file, first_position + offset, Take::All))
        .collect()
}

fn take<W: Write + Send>(
    sink: &mut Sink<'_, W>,
    file: &Planned,
    position: usize,
    which: Take<'_>,
) -> Result<FileTally, Stopped> {
    sink.take_file(&file.path, &file.entry.name, &file.entry.sha256, which)
        .map_err(|postponed| match postponed {
            Postponed::Because(reason) => Stopped::AtFile(position, reason),
            Postponed::Failed(error) => Stopped::Failed(error),
        })
}

fn finish<W: Write + Send>(sink: Sink<'_, W>, mut tallies: Vec<FileTally>) -> anyhow::Result<Laid> {
    for tally in &mut tallies {
        tally.close();
    }
    let rows = sink
        .rows
        .finish()
        .with_context(|| failed_to_write(&sink.layout.final_data()))?;
    let rejected = sink
        .rejected
        .finish()
        .with_context(|| failed_to_write(&sink.layout.rejected_rows()))?;
    Ok(Laid {
        table: sink.table,
        tallies,
        bytes: rows.bytes,
        digest: rows.digest,
        rejected_bytes: rejected.bytes,
    })
}
