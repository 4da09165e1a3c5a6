//! What becomes of the rows of each file: written, counted, or refused with a reason.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use common::ledger::RowCounts;
use common::progress::Progress;
use dataset::{FingerprintSet, Lines, ParsedRows, RecordWriter, Rejection, Scratch, both};

use crate::laid_rows::LaidRows;
use crate::lay::{Keep, Planned, Reading};
use crate::pending::Pending;
use crate::source::{Read, Source, Untaken, read_to_end};
use crate::summarised::Summarised;

/// Refused rows that a report shows per file.
const SHOWN_REJECTIONS: usize = 5;

/// Where rows go.
pub(crate) struct Sink<'a, W: Write> {
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) rows: RecordWriter<W>,
    pub(crate) rejected: RecordWriter<W>,
    /// What the rows of finaldata.csv look like.
    pub(crate) summarised: Summarised,
    /// Which rows it holds.
    pub(crate) known: FingerprintSet,
    /// Those that were laid down by this sink, if they are kept.
    pub(crate) laid: LaidRows,
    /// Rows that have yet to be told from those.
    pub(crate) pending: Pending,
    /// What reading each file came to, by its position.
    pub(crate) tallies: Vec<FileTally>,
    pub(crate) progress: Progress,
    /// Memory that is used again from file to file.
    pub(crate) scratch: Scratch,
}

/// Which rows of a file are taken.
#[derive(Clone, Copy)]
pub(crate) enum Take<'a> {
    /// All.
    All,
    /// All; but one of these may not be among them.
    NoneOf(&'a FingerprintSet),
    /// Only these.
    Only(&'a FingerprintSet),
    /// What was left when the file was read for some of its rows, which are there by now.
    Rest,
}

/// What reading a file came to.
#[derive(Default)]
pub(crate) struct FileTally {
    /// SHA-256 of what was read.
    pub(crate) sha256: String,
    pub(crate) rows: RowCounts,
    pub(crate) notes: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) similar_target: Option<String>,
    pub(crate) rejections: Vec<String>,
    /// Why nothing of it can be taken.
    pub(crate) reason: Option<String>,
}

impl<W: Write + Send> Sink<'_, W> {
    /// Takes the chosen rows of the file at this position; they may wait in the sink afterwards.
    pub(crate) fn take_file(
        &mut self,
        file: &Planned,
        position: usize,
        take: Take<'_>,
    ) -> Result<(), Untaken> {
        if self.tallies.len() <= position {
            self.tallies.resize_with(position + 1, FileTally::default);
        }
        if matches!(take, Take::Rest) && self.tallies[position].reason.is_some() {
            // It was refused when it was read first.
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
            }
            Err(reason) => tally.reason = Some(reason),
        }
        Ok(())
    }

    /// Takes the rows of a file, unless all of it is rejected for what only its end tells: then none
    /// of them may have been written.
    fn read_whole(
        &mut self,
        file: &Planned,
        position: usize,
        take: Take<'_>,
        scratch: &mut Scratch,
    ) -> Result<Read, Untaken> {
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
        if read.rows.is_err() && read.has_given {
            return Err(if was_read || reading.reads_twice {
                // It was whole a moment ago.
                Untaken::changed()
            } else {
                Untaken::TakenTooEarly
            });
        }
        Ok(read)
    }

    fn take_rows(
        &mut self,
        rows: &mut ParsedRows,
        file: &Planned,
        position: usize,
        take: Take<'_>,
    ) -> Result<(), Untaken> {
        if !matches!(take, Take::Rest) {
            let tally = &mut self.tallies[position].rows;
            tally.read += rows.read();
            tally.rejected += rows.rejections.len() as u64;
            for rejection in &rows.rejections {
                self.refuse(&file.entry.name, position, rejection)?;
            }
        }
        // They are written; held, they would take more than the rows that wait.
        rows.rejections = Vec::new();
        self.pending.push(position, rows);
        if self.pending.is_full() {
            self.flush(take)?;
        }
        Ok(())
    }

    /// Takes the rows that wait: writes and counts those that are new.
    pub(crate) fn flush(&mut self, take: Take<'_>) -> Result<(), Untaken> {
        let is_new = self.tell_new(take)?;
        let mut rest = is_new.as_slice();
        for part in self.pending.parts() {
            let (rows, others) = rest.split_at(part.rows);
            self.tallies[part.file].rows.kept += rows.iter().filter(|new| **new).count() as u64;
            rest = others;
        }
        let n_new = is_new.iter().filter(|new| **new).count();
        self.progress.keep(n_new as u64);
        let (writer, pending) = (&mut self.rows, &self.pending);
        let (laid, summarised) = (&mut self.laid, &mut self.summarised);
        let (written, ()) = both(
            || pending.write_new(&is_new, writer),
            || {
                let first = laid.table.rows();
                pending.append_new(&is_new, laid);
                summarised.add(&laid.table, first..laid.table.rows());
            },
        );
        written.with_context(|| failed_to_write(&self.reading.layout.final_data()))?;
        if self.reading.keep == Keep::Nothing {
            self.laid.clear();
        }
        self.pending.clear();
        Ok(())
    }

    /// Of each row that waits, whether it is wanted and the first of its kind; it is known from
    /// then on.
    fn tell_new(&mut self, take: Take<'_>) -> Result<Vec<bool>, Untaken> {
        let mut firsts = self.pending.firsts();
        if let Take::Only(wanted) = take {
            firsts.keep_where(&wanted.contains(&firsts.fingerprints)?);
        }
        firsts.drop_where(&self.known.contains(&firsts.fingerprints)?);
        if let Take::NoneOf(unwanted) = take
            && unwanted.contains(&firsts.fingerprints)?.contains(&true)
        {
            return Err(Untaken::OneOfThose);
        }
        self.known.insert(firsts.fingerprints)?;
        let mut is_new = vec![false; self.pending.rows()];
        for place in firsts.places {
            is_new[place as usize] = true;
        }
        Ok(is_new)
    }

    fn refuse(&mut self, name: &str, position: usize, rejection: &Rejection) -> anyhow::Result<()> {
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

/// The context of an error at one of the two files that rows go to.
pub(crate) fn failed_to_write(path: &Path) -> String {
    format!("failed to write {}", path.display())
}

impl FileTally {
    /// Counts what is neither kept nor refused, and refuses a file without one good row.
    pub(crate) fn close(&mut self) {
        let rows = &mut self.rows;
        rows.duplicate = rows.read - rows.kept - rows.rejected;
        if self.reason.is_none() && rows.read > 0 && rows.rejected == rows.read {
            self.reason = Some(format!("all of its {} rows were refused", rows.read));
        }
        if self.reason.is_none() && rows.read == 0 {
            self.notes.push("it has a header and no rows".into());
        }
    }
}
