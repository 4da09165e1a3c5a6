//! Reads a stored call list.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::Path;

use common::layout::names;
use common::ledger::FileStamp;
use common::{Failure, regular};
use dataset::{FileProblem, RecordPosition, RecordReader};

use super::entry::{COLUMNS, RankedClient};

/// A stored call list, read client by client. Memory holds one block of the file.
pub struct StoredList {
    file: File,
    reader: RecordReader<BufReader<File>>,
    /// Position in the file of each column of [`COLUMNS`].
    places: [usize; COLUMNS.len()],
    stamp: FileStamp,
    path: String,
    /// Rank of the last client that was read; 0 before the first one.
    rank: u64,
}

impl StoredList {
    /// Opens the file of a call list; `None` if there is no file.
    ///
    /// An error if the file cannot be read, or if a column of a call list is missing.
    pub fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        let name = path.display().to_string();
        let file = match regular::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&name, error)),
        };
        let metadata = file.metadata().map_err(|error| unreadable(&name, error))?;
        let stamp = FileStamp::of(&metadata);
        let reader = RecordReader::open(BufReader::new(same(&file, &name)?));
        let reader = reader.map_err(|problem| failure(&name, problem))?;
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = reader
                .header()
                .iter()
                .position(|it| it == column.as_bytes());
            let missing = || damaged(&name, Some(1), &format!("the column {column} is missing"));
            *place = found.ok_or_else(missing)?;
        }
        Ok(Some(Self {
            file,
            reader,
            places,
            stamp,
            path: name,
            rank: 0,
        }))
    }

    /// Stamp of the open file. Equal stamps mean equal lists.
    pub fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// Position after the last client that was read.
    pub fn position(&self) -> RecordPosition {
        self.reader.position()
    }

    /// Continues at a position that was taken from a list with the same stamp, after a client of this rank.
    pub fn go_to(&mut self, position: RecordPosition, rank: u64) -> anyhow::Result<()> {
        let mut rest = same(&self.file, &self.path)?;
        rest.seek(SeekFrom::Start(position.bytes))
            .map_err(|error| unreadable(&self.path, error))?;
        self.reader.go_to(position, BufReader::new(rest));
        self.rank = rank;
        Ok(())
    }

    /// The next client; `None` at the end. An error of a damaged list contains [`CallListFlaw`].
    pub fn next_client(&mut self) -> anyhow::Result<Option<RankedClient>> {
        let line = self.reader.position().line();
        let record = self.reader.next_record();
        let Some(fields) = record.map_err(|problem| failure(&self.path, problem))? else {
            return Ok(None);
        };
        let cells = self.places.map(|place| {
            let field = fields.get(place).copied().unwrap_or_default();
            String::from_utf8_lossy(field)
        });
        match RankedClient::of_cells(&cells) {
            Some(client) if client.rank > self.rank => {
                self.rank = client.rank;
                Ok(Some(client))
            }
            Some(client) => Err(damaged(
                &self.path,
                Some(line),
                &format!("rank {} is not above the rank before it", client.rank),
            )),
            None => Err(damaged(
                &self.path,
                Some(line),
                "this is no line of a call list",
            )),
        }
    }
}

/// What is wrong with the file of a call list.
#[derive(Debug)]
pub struct CallListFlaw {
    /// Path of the file.
    path: String,
    /// What is wrong, with the line where it is known.
    what: String,
    remedy: Failure,
}

impl CallListFlaw {
    /// The flaw that an error of a [`StoredList`] reports; `None` for any other error.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }

    /// What is wrong, with the name of the file but without its folder.
    pub fn without_folder(&self) -> String {
        format!("{}, {}", names::RISK_RANKING, self.what)
    }
}

impl fmt::Display for CallListFlaw {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}, {}", self.path, self.what)
    }
}

/// The remedy is the source of the flaw: it is printed after the flaw, and its exit code counts.
impl Error for CallListFlaw {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.remedy)
    }
}

/// Another handle of an open file. Both handles share one position in the file.
fn same(file: &File, path: &str) -> anyhow::Result<File> {
    file.try_clone().map_err(|error| unreadable(path, error))
}

fn failure(path: &str, problem: FileProblem) -> anyhow::Error {
    match problem {
        FileProblem::Unusable(flaw) => damaged(path, None, &flaw.to_string()),
        FileProblem::Unreadable(error) => unreadable(path, error),
    }
}

fn unreadable(path: &str, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("failed to read {path}"))
}

fn damaged(path: &str, line: Option<u64>, what: &str) -> anyhow::Error {
    CallListFlaw {
        path: path.to_owned(),
        what: match line {
            Some(line) => format!("line {line}: {what}"),
            None => what.to_owned(),
        },
        remedy: Failure::input_output("run `scoring --rank`, which rebuilds the call list"),
    }
    .into()
}
