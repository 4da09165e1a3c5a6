//! Reads one input file from its first to its last row.

use common::ledger::{FileStamp, LedgerFile};
use common::progress::Progress;
use dataset::{
    BulkReader, DataFile, FileProblem, Lines, MissingCounts, ParsedRows, Scratch, TargetColumn,
    Wanted,
};

use crate::reading::{Keep, PlannedFile, Reading};

/// Result of reading a file to its end.
pub(crate) struct FileRead {
    /// SHA-256 of the content.
    pub(crate) sha256: String,
    /// Remarks about the file, or the reason why the whole file is rejected.
    pub(crate) rows: Result<Remarks, String>,
    /// True if rows were passed on, even if the file was rejected later.
    pub(crate) has_handed_over_rows: bool,
}

/// Remarks about a file that was read.
#[derive(Default)]
pub(crate) struct Remarks {
    /// Deviations that were tolerated.
    pub(crate) notes: Vec<String>,
    /// Warnings that a person should check.
    pub(crate) warnings: Vec<String>,
    /// Column that may be meant as the target, if the file has no target column.
    pub(crate) similar_target: Option<String>,
    /// True if the file has no target column.
    pub(crate) lacks_target: bool,
}

/// A file to read, with options.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a PlannedFile,
    /// Whether rows are also kept as lines of CSV.
    pub(crate) lines: Lines,
    pub(crate) progress: Progress,
}

/// Reason why rows of a file cannot be ingested.
pub(crate) enum ReadError {
    /// The file must wait for the next run.
    FileMustWait(Wait),
    /// The whole file is rejected for this reason.
    FileRejected(String),
    /// Rows were written before the end of their file showed that the file is rejected. The caller
    /// writes everything once more and reads each file to its end first.
    RowsTakenTooEarly,
    /// The file contains a row that was evaluated earlier and must not be written again.
    EvaluatedRowReappeared,
    /// Another error, for example a full disk.
    Failed(anyhow::Error),
}

/// Reason why a file must wait for the next run.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) reason: String,
    /// True if the file cannot be read, so that waiting alone does not help.
    pub(crate) is_unreadable: bool,
}

impl ReadError {
    /// The file was changed while it was read.
    pub(crate) fn file_changed() -> Self {
        Self::FileMustWait(Wait {
            reason: "it changed while it was read".into(),
            is_unreadable: false,
        })
    }
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::FileMustWait(Wait {
            reason: error.to_string(),
            is_unreadable: true,
        })
    }
}

impl From<anyhow::Error> for ReadError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FileProblem> for ReadError {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::Unusable(flaw) => Self::FileRejected(flaw.to_string()),
            FileProblem::Unreadable(error) => error.into(),
        }
    }
}

impl Source<'_> {
    /// Passes the rows of the file to `take`, in order, some thousands per call. Checks at the end
    /// that the file did not change since the scan.
    pub(crate) fn read(
        &self,
        reading: &Reading<'_>,
        scratch: &mut Scratch,
        mut take: impl FnMut(&mut ParsedRows) -> Result<(), ReadError> + Send,
    ) -> Result<FileRead, ReadError> {
        let Source {
            file,
            lines,
            progress,
        } = self;
        let mut has_handed_over_rows = false;
        let mut data = DataFile::open_watched(&file.path, progress)?;
        let rows = match BulkReader::open(
            &mut data,
            reading.format,
            reading.schema,
            TargetColumn::Read,
        ) {
            Ok(mut reader) => {
                if !reading.deduplicate {
                    let LedgerFile { folder, name, .. } = &file.entry;
                    reader.name_rows_by(&format!("{folder}/{name}"));
                }
                let wanted = Wanted {
                    key: Some(reading.key),
                    lines: *lines,
                    client_numbers: reading.keep != Keep::Nothing,
                };
                let taken = reader.take_rows(wanted, scratch, |rows| {
                    has_handed_over_rows = true;
                    take(rows)
                });
                match taken {
                    Ok(()) => Ok(Remarks {
                        notes: reader.notes(),
                        warnings: reader.warnings(),
                        similar_target: reader.similar_to_target(reading.schema),
                        lacks_target: reader.lacks_target(),
                    }),
                    Err(ReadError::FileRejected(reason)) => Err(reason),
                    Err(error) => return Err(error),
                }
            }
            Err(FileProblem::Unusable(flaw)) => Err(flaw.to_string()),
            Err(problem) => return Err(problem.into()),
        };
        let sha256 = data.digest()?;
        let is_as_it_was = match &file.sha256 {
            Some(scanned) => *scanned == sha256,
            // The scan happened long enough after the last change, so any later change shows in the
            // stamp.
            None => FileStamp::of(&file.path.metadata()?) == file.entry.stamp,
        };
        if !is_as_it_was {
            return Err(ReadError::file_changed());
        }
        Ok(FileRead {
            sha256,
            rows,
            has_handed_over_rows,
        })
    }
}

/// Reads a file to its end without taking rows. Finds out whether the file is rejected for a quote
/// that is never closed or for too many missing cells.
pub(crate) fn read_to_end(
    reading: &Reading<'_>,
    file: &PlannedFile,
    scratch: &mut Scratch,
) -> Result<FileRead, ReadError> {
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
        Some(reason) => FileRead {
            rows: Err(reason),
            ..read
        },
        None => read,
    })
}
