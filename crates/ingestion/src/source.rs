//! One input file, read from its first to its last row, and why its rows cannot be taken.

use common::ledger::FileStamp;
use common::progress::Progress;
use dataset::{
    BulkReader, DataFile, FileProblem, Format, Lines, MissingCounts, ParsedRows, Scratch,
    TargetColumn,
};

use crate::lay::{Planned, Reading};

/// A file that could be read.
pub(crate) struct Read {
    /// SHA-256 of its content.
    pub(crate) sha256: String,
    /// What is to be said of it; or why none of its rows count.
    pub(crate) rows: Result<Remarks, String>,
    /// Rows of it were handed over, also where it turned out later that none count.
    pub(crate) has_given: bool,
}

/// What is to be said of a file that was read.
#[derive(Default)]
pub(crate) struct Remarks {
    /// What was tolerated.
    pub(crate) notes: Vec<String>,
    /// What somebody should look at.
    pub(crate) warnings: Vec<String>,
    /// The column that may be meant as the target, where there is none.
    pub(crate) similar_target: Option<String>,
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
    /// Their file has to wait.
    File(Wait),
    /// None of their file count, for this reason.
    Rejected(String),
    /// Rows of a file were taken that turned out later not to count: all is laid once more, and
    /// each file is read to its end before rows of it are taken.
    TakenTooEarly,
    /// One of them may not be among them.
    OneOfThose,
    /// Something else is wrong, for example a full disk.
    Failed(anyhow::Error),
}

/// Why a file has to wait.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) reason: String,
    /// It cannot be read, so that waiting alone does not help.
    pub(crate) is_unreadable: bool,
}

impl Untaken {
    /// Their file is being written.
    pub(crate) fn changed() -> Self {
        Self::File(Wait {
            reason: "it changed while it was read".into(),
            is_unreadable: false,
        })
    }
}

impl From<std::io::Error> for Untaken {
    fn from(error: std::io::Error) -> Self {
        Self::File(Wait {
            reason: error.to_string(),
            is_unreadable: true,
        })
    }
}

impl From<anyhow::Error> for Untaken {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FileProblem> for Untaken {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::Unusable(flaw) => Self::Rejected(flaw.to_string()),
            FileProblem::Unreadable(error) => error.into(),
        }
    }
}

impl Source<'_> {
    /// Hands its rows to `take`, in order and some thousands at a time.
    pub(crate) fn read(
        &self,
        reading: &Reading<'_>,
        scratch: &mut Scratch,
        mut take: impl FnMut(&mut ParsedRows) -> Result<(), Untaken> + Send,
    ) -> Result<Read, Untaken> {
        let Source {
            file,
            lines,
            progress,
        } = self;
        let mut has_given = false;
        let mut data = DataFile::open_watched(&file.path, progress)?;
        let rows = match BulkReader::open(
            &mut data,
            Format::default(),
            reading.schema,
            TargetColumn::Read,
        ) {
            Ok(mut reader) => {
                let taken = reader.take_rows(Some(reading.key), *lines, scratch, |rows| {
                    has_given = true;
                    take(rows)
                });
                match taken {
                    Ok(()) => Ok(Remarks {
                        notes: reader.notes(),
                        warnings: reader.warnings(),
                        similar_target: reader.similar_to_target(reading.schema),
                    }),
                    Err(Untaken::Rejected(reason)) => Err(reason),
                    Err(untaken) => return Err(untaken),
                }
            }
            Err(FileProblem::Unusable(flaw)) => Err(flaw.to_string()),
            Err(problem) => return Err(problem.into()),
        };
        let sha256 = data.digest()?;
        let is_as_it_was = match &file.sha256 {
            Some(looked_at) => *looked_at == sha256,
            // It was listed long enough after its last change for any later one to show.
            None => FileStamp::of(&file.path.metadata()?) == file.entry.stamp,
        };
        if !is_as_it_was {
            return Err(Untaken::changed());
        }
        Ok(Read {
            sha256,
            rows,
            has_given,
        })
    }
}

/// Reads a file to its end without taking its rows: none count where a quote is never closed, or
/// where too many cells are missing.
pub(crate) fn read_to_end(
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
    Ok(match counts.rejection(reading.schema) {
        Some(reason) => Read {
            rows: Err(reason),
            ..read
        },
        None => read,
    })
}
