//! What becomes of the rows of each file: written, counted, or refused with a reason.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use common::ledger::{FileStamp, RowCounts};
use common::progress::Progress;
use dataset::passes::RunningProfile;
use dataset::{
    BulkReader, DataFile, FileProblem, FingerprintSet, Lines, MissingCounts, ParsedRows,
    RecordWriter, Rejection, Scratch, TargetColumn, both,
};

use crate::laid_rows::LaidRows;
use crate::lay::{Keep, Planned, Reading};
use crate::pending::Pending;

/// Refused rows that a report shows per file.
const SHOWN_REJECTIONS: usize = 5;

/// Where rows go.
pub(crate) struct Sink<'a, W: Write> {
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) rows: RecordWriter<W>,
    pub(crate) rejected: RecordWriter<W>,
    /// What the rows of finaldata.csv look like.
    pub(crate) profile: RunningProfile,
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
    pub(crate) rejections: Vec<String>,
    /// Why nothing of it can be taken.
    pub(crate) reason: Option<String>,
}

/// Why rows cannot be taken.
pub(crate) enum Untaken {
    /// Their file has to wait, for this reason.
    File(String),
    /// One of them may not be among them.
    OneOfThose,
    /// Something else is wrong, for example a full disk.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Untaken {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FileProblem> for Untaken {
    fn from(problem: FileProblem) -> Self {
        Self::File(match problem {
            FileProblem::Unusable(reason) => reason,
            FileProblem::Unreadable(error) => error.to_string(),
        })
    }
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
        let Read { sha256, rows } = read?;
        let tally = &mut self.tallies[position];
        tally.sha256 = sha256;
        match rows {
            Ok(notes) => tally.notes = notes,
            Err(reason) => tally.reason = Some(reason),
        }
        Ok(())
    }

    /// Takes the rows of a file, unless the schema refuses all of it for what is missing in it: then
    /// none of them may have been written when its last row is known.
    fn read_whole(
        &mut self,
        file: &Planned,
        position: usize,
        take: Take<'_>,
        scratch: &mut Scratch,
    ) -> Result<Read, Untaken> {
        let is_asked_before = matches!(take, Take::Rest);
        if self.reading.schema.limits_missing_shares() && !is_asked_before {
            let read = look_for_missing(self.reading, file, scratch)?;
            if read.rows.is_err() {
                return Ok(read);
            }
        }
        let source = Source {
            file,
            lines: Lines::Kept,
            progress: self.progress.clone(),
        };
        read_file(self.reading, &source, scratch, |rows| {
            self.take_rows(rows, file, position, take)
        })
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
        let (laid, profile) = (&mut self.laid, &mut self.profile);
        let (written, ()) = both(
            || write_new(writer, pending, &is_new),
            || {
                let first = laid.table.rows();
                append_new(laid, pending, &is_new);
                profile.add(&laid.table, first..laid.table.rows());
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

/// A file that could be read.
pub(crate) struct Read {
    sha256: String,
    /// What was tolerated; or why it has no rows that could be handed over.
    rows: Result<Vec<String>, String>,
}

/// A file, and how it is read.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Planned,
    /// Whether its rows are wanted as lines too.
    pub(crate) lines: Lines,
    pub(crate) progress: Progress,
}

/// Hands the rows of a file to `take`, in order and some thousands at a time.
pub(crate) fn read_file(
    reading: &Reading<'_>,
    source: &Source<'_>,
    scratch: &mut Scratch,
    take: impl FnMut(&mut ParsedRows) -> Result<(), Untaken> + Send,
) -> Result<Read, Untaken> {
    let Source {
        file,
        lines,
        progress,
    } = source;
    let unreadable = |error: std::io::Error| Untaken::File(error.to_string());
    let mut data = DataFile::open_watched(&file.path, progress).map_err(unreadable)?;
    let rows = match BulkReader::open(&mut data, reading.schema, TargetColumn::Read) {
        Ok(mut reader) => {
            reader.take_rows(Some(reading.key), *lines, scratch, take)?;
            Ok(reader.notes())
        }
        Err(FileProblem::Unusable(reason)) => Err(reason),
        Err(problem) => return Err(problem.into()),
    };
    let sha256 = data.digest().map_err(unreadable)?;
    let is_as_it_was = match &file.sha256 {
        Some(looked_at) => *looked_at == sha256,
        // It was listed long enough after its last change for any later one to show.
        None => FileStamp::of(&file.path.metadata().map_err(unreadable)?) == file.entry.stamp,
    };
    if !is_as_it_was {
        return Err(Untaken::File("it changed while it was read".into()));
    }
    Ok(Read { sha256, rows })
}

/// Reads a file without taking its rows; it has none to hand over where too many cells are missing.
fn look_for_missing(
    reading: &Reading<'_>,
    file: &Planned,
    scratch: &mut Scratch,
) -> Result<Read, Untaken> {
    let source = Source {
        file,
        lines: Lines::Dropped,
        progress: Progress::none(),
    };
    let mut counts = MissingCounts::default();
    let read = read_file(reading, &source, scratch, |rows| {
        counts.add(rows);
        Ok(())
    })?;
    Ok(match counts.refusal(reading.schema) {
        Some(reason) => Read {
            rows: Err(reason),
            ..read
        },
        None => read,
    })
}

/// Writes the new rows, those that stand together together.
fn write_new<W: Write>(
    to: &mut RecordWriter<W>,
    pending: &Pending,
    is_new: &[bool],
) -> std::io::Result<()> {
    for (rows, is_new) in blocks(pending, is_new) {
        let mut start = 0;
        for run in is_new.chunk_by(|row, next| row == next) {
            let end = start + run.len();
            if run[0] {
                to.write_lines(rows.lines(start..end))?;
            }
            start = end;
        }
    }
    Ok(())
}

/// Puts the new rows behind those that were laid.
fn append_new(laid: &mut LaidRows, pending: &Pending, is_new: &[bool]) {
    for (rows, is_new) in blocks(pending, is_new) {
        if is_new.iter().all(|new| *new) {
            laid.append_all(rows);
        } else {
            let places = (0..is_new.len()).filter(|row| is_new[*row]);
            laid.append(rows, &places.collect::<Vec<_>>());
        }
    }
}

/// The blocks that wait, each with what is said of its rows.
fn blocks<'a>(
    pending: &'a Pending,
    is_new: &'a [bool],
) -> impl Iterator<Item = (&'a ParsedRows, &'a [bool])> {
    pending.blocks().scan(is_new, |rest, rows| {
        let (of_block, others) = rest.split_at(rows.accepted());
        *rest = others;
        Some((rows, of_block))
    })
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
