//! What happens to the rows of each file: written, counted as duplicate, or rejected with a reason.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use common::ledger::RowCounts;
use common::numbers::counted;
use common::progress::Progress;
use dataset::{FingerprintSet, Lines, ParsedRows, RecordWriter, Rejection, Scratch, both};

use crate::ingested_rows::IngestedRows;
use crate::pairing::Pairing;
use crate::pending::Pending;
use crate::reading::{PlannedFile, Reading};
use crate::source::{FileRead, ReadError, Source, read_to_end};
use crate::summary_state::SummaryState;

/// Number of rejected rows that a report shows per file.
const SHOWN_REJECTIONS: usize = 5;

/// Destination of rows: the two output files, the summary and the set of known rows.
pub(crate) struct Sink<'a, W: Write> {
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) rows: RecordWriter<W>,
    pub(crate) rejected: RecordWriter<W>,
    /// Summary of the rows of finaldata.csv.
    pub(crate) summary_state: SummaryState,
    /// The rows that wait for a late label.
    pub(crate) pairing: Pairing,
    /// Fingerprints of the rows of finaldata.csv.
    pub(crate) known: FingerprintSet,
    /// Rows that this sink wrote, if they are kept. Otherwise those of the last batch.
    pub(crate) ingested: IngestedRows,
    /// True if the caller gets the written rows.
    pub(crate) is_kept: bool,
    /// Rows that were not yet compared with the known rows.
    pub(crate) pending: Pending,
    /// Counts and remarks of each file, by its position.
    pub(crate) tallies: Vec<FileTally>,
    pub(crate) progress: Progress,
    /// Memory that is reused from file to file.
    pub(crate) scratch: Scratch,
}

/// Which rows of a file are written.
#[derive(Clone, Copy)]
pub(crate) enum Take<'a> {
    /// All rows.
    All,
    /// All rows. The file must not contain a row of this set; otherwise writing stops.
    NoneOf(&'a FingerprintSet),
    /// Only the rows in this set.
    Only(&'a FingerprintSet),
    /// The rows that were left when the file was read before with `Only`.
    Rest,
}

/// Result of reading one file.
#[derive(Default)]
pub(crate) struct FileTally {
    /// SHA-256 of what was read.
    pub(crate) sha256: String,
    pub(crate) rows: RowCounts,
    pub(crate) notes: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) similar_target: Option<String>,
    pub(crate) lacks_target: bool,
    pub(crate) rejections: Vec<String>,
    /// Reason why the whole file is rejected.
    pub(crate) reason: Option<String>,
}

impl<W: Write + Send> Sink<'_, W> {
    /// Reads a file and takes the chosen rows. Some of the rows may stay pending in the sink.
    pub(crate) fn take_file(
        &mut self,
        file: &PlannedFile,
        position: usize,
        take: Take<'_>,
    ) -> Result<(), ReadError> {
        if self.tallies.len() <= position {
            self.tallies.resize_with(position + 1, FileTally::default);
        }
        if matches!(take, Take::Rest) && self.tallies[position].reason.is_some() {
            // The first read has rejected the file.
            return Ok(());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let read = self.read_whole(file, position, take, &mut scratch);
        self.scratch = scratch;
        let read = read?;
        let tally = &mut self.tallies[position];
        tally.sha256 = read.sha256;
        match read.rows {
            Ok(remarks) => {
                tally.notes = remarks.notes;
                tally.warnings = remarks.warnings;
                tally.similar_target = remarks.similar_target;
                tally.lacks_target = remarks.lacks_target;
            }
            Err(reason) => tally.reason = Some(reason),
        }
        Ok(())
    }

    /// Takes the rows of a file. If the end of the file causes a rejection, none of its rows may be
    /// written.
    fn read_whole(
        &mut self,
        file: &PlannedFile,
        position: usize,
        take: Take<'_>,
        scratch: &mut Scratch,
    ) -> Result<FileRead, ReadError> {
        let was_read = matches!(take, Take::Rest);
        let reading = self.reading;
        if !was_read && (reading.reads_twice || reading.schema.limits_missing_shares()) {
            let read = read_to_end(reading, file, scratch)?;
            if read.rows.is_err() {
                return Ok(read);
            }
        }
        let source = Source {
            file,
            lines: Lines::Kept,
            progress: self.progress.clone(),
        };
        let read = source.read(self.reading, scratch, |rows| {
            self.take_rows(rows, file, position, take)
        })?;
        if read.rows.is_err() && read.has_handed_over_rows {
            return Err(if was_read || reading.reads_twice {
                // An earlier read has found the file complete.
                ReadError::file_changed()
            } else {
                ReadError::RowsTakenTooEarly
            });
        }
        Ok(read)
    }

    fn take_rows(
        &mut self,
        rows: &mut ParsedRows,
        file: &PlannedFile,
        position: usize,
        take: Take<'_>,
    ) -> Result<(), ReadError> {
        if !matches!(take, Take::Rest) {
            let tally = &mut self.tallies[position].rows;
            tally.read += rows.read();
            tally.rejected += rows.rejections.len() as u64;
            for rejection in &rows.rejections {
                self.reject(&file.entry.name, position, rejection)?;
            }
        }
        // The rejections are already written. Keeping them would use more memory than the pending
        // rows.
        rows.rejections = Vec::new();
        self.pending.push(position, rows);
        if self.pending.is_full() {
            self.flush(take)?;
        }
        Ok(())
    }

    /// Writes and counts the pending rows that are new.
    pub(crate) fn flush(&mut self, take: Take<'_>) -> Result<(), ReadError> {
        let is_new = self.find_new_rows(take)?;
        let mut rest = is_new.as_slice();
        for part in self.pending.parts() {
            let (rows, others) = rest.split_at(part.rows);
            self.tallies[part.file].rows.kept += rows.iter().filter(|new| **new).count() as u64;
            rest = others;
        }
        let n_new = is_new.iter().filter(|new| **new).count();
        self.progress.add_kept_rows(n_new as u64);
        let (writer, pending) = (&mut self.rows, &self.pending);
        let (ingested, summary_state) = (&mut self.ingested, &mut self.summary_state);
        let pairing = &mut self.pairing;
        let (written, paired) = both(
            || pending.write_new(&is_new, writer),
            || {
                let first = ingested.table.rows();
                pending.append_new(&is_new, ingested);
                summary_state.add(&ingested.table, first..ingested.table.rows(), pairing)
            },
        );
        written.with_context(|| failed_to_write(&self.reading.layout.final_data()))?;
        paired?;
        let all = self.summary_state.rows();
        if self.is_kept && !self.reading.keep.may_hold(self.ingested.table.rows(), all) {
            self.is_kept = false;
            self.ingested = IngestedRows::new(self.reading.schema);
        } else if !self.is_kept {
            self.ingested.clear();
        }
        self.pending.clear();
        Ok(())
    }

    /// Returns one flag per pending row: true for the first of equal rows that is wanted and not
    /// yet known. Adds these rows to the known rows.
    fn find_new_rows(&mut self, take: Take<'_>) -> Result<Vec<bool>, ReadError> {
        let mut first_occurrences = self.pending.first_occurrences();
        if let Take::Only(wanted) = take {
            first_occurrences.keep_where(&wanted.contains(&first_occurrences.fingerprints)?);
        }
        first_occurrences.drop_where(&self.known.contains(&first_occurrences.fingerprints)?);
        if let Take::NoneOf(unwanted) = take
            && unwanted
                .contains(&first_occurrences.fingerprints)?
                .contains(&true)
        {
            return Err(ReadError::EvaluatedRowReappeared);
        }
        self.known.insert(first_occurrences.fingerprints)?;
        let mut is_new = vec![false; self.pending.rows()];
        for place in first_occurrences.places {
            is_new[place as usize] = true;
        }
        Ok(is_new)
    }

    fn reject(&mut self, name: &str, position: usize, rejection: &Rejection) -> anyhow::Result<()> {
        let Rejection {
            line,
            column,
            reason,
            text,
        } = rejection;
        let shown = &mut self.tallies[position].rejections;
        if shown.len() < SHOWN_REJECTIONS {
            shown.push(format!("{line}:{column}: {reason}"));
        }
        self.rejected
            .write([name, &line.to_string(), &column.to_string(), reason, text])
            .with_context(|| failed_to_write(&self.reading.layout.rejected_rows()))
    }
}

/// Error context for the two files that rows are written to.
pub(crate) fn failed_to_write(path: &Path) -> String {
    format!("failed to write {}", path.display())
}

impl FileTally {
    /// Computes the number of duplicates and rejects a file without an accepted row.
    pub(crate) fn close(&mut self) {
        let rows = &mut self.rows;
        rows.duplicate = rows.read - rows.kept - rows.rejected;
        if self.reason.is_none() && rows.read > 0 && rows.rejected == rows.read {
            self.reason = Some(match rows.read {
                1 => "its only row was rejected".into(),
                read => format!("all of its {} were rejected", counted(read, "row")),
            });
        }
        if self.reason.is_none() && rows.read == 0 {
            self.notes.push("it has a header and no rows".into());
        }
    }
}
