//! One input file, read from its first to its last row, and why its rows cannot be taken.

use common::ledger::FileStamp;
use common::progress::Progress;
use dataset::{
    BulkReader, DataFile, FileProblem, Lines, MissingCounts, ParsedRows, Scratch, TargetColumn,
};

use crate::lay::{Planned, Reading};

/// A file that could be read.
pub(crate) struct Read {
    /// SHA-256 of its content.
    pub(crate) sha256: String,
    /// What was tolerated; or why it has no rows that could be handed over.
    pub(crate) rows: Result<Vec<String>, String>,
}

/// A file, and how it is read.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Planned,
    /// Whether its rows are wanted as lines too.
    pub(crate) lines: Lines,
    pub(crate) progress: Progress,
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

impl Source<'_> {
    /// Hands its rows to `take`, in order and some thousands at a time.
    pub(crate) fn read(
        &self,
        reading: &Reading<'_>,
        scratch: &mut Scratch,
        take: impl FnMut(&mut ParsedRows) -> Result<(), Untaken> + Send,
    ) -> Result<Read, Untaken> {
        let Source {
            file,
            lines,
            progress,
        } = self;
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
}

/// Reads a file without taking its rows; it has none to hand over where too many cells are missing.
pub(crate) fn look_for_missing(
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
    let read = source.read(reading, scratch, |rows| {
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
