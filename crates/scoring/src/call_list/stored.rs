//! Reads a stored call list.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context;
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
            Err(error) => return Err(error).with_context(|| format!("failed to read {name}")),
        };
        let metadata = file
            .metadata()
            .with_context(|| format!("failed to read {name}"))?;
        let stamp = FileStamp::of(&metadata);
        let reader = RecordReader::open(BufReader::new(same(&file, &name)?));
        let reader = reader.map_err(|problem| failure(&name, problem))?;
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = reader
                .header()
                .iter()
                .position(|it| it == column.as_bytes());
            *place = found.ok_or_else(|| damaged(&name, &format!("has no column {column}")))?;
        }
        Ok(Some(Self {
            file,
            reader,
            places,
            stamp,
            path: name,
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

    /// Continues at a position that was taken from a list with the same stamp.
    pub fn go_to(&mut self, position: RecordPosition) -> anyhow::Result<()> {
        let mut rest = same(&self.file, &self.path)?;
        rest.seek(SeekFrom::Start(position.bytes))
            .with_context(|| format!("failed to read {}", self.path))?;
        self.reader.go_to(position, BufReader::new(rest));
        Ok(())
    }

    /// The next client; `None` at the end.
    pub fn next_client(&mut self) -> anyhow::Result<Option<RankedClient>> {
        let record = self.reader.next_record();
        let Some(fields) = record.map_err(|problem| failure(&self.path, problem))? else {
            return Ok(None);
        };
        let cells = self.places.map(|place| {
            let field = fields.get(place).copied().unwrap_or_default();
            String::from_utf8_lossy(field)
        });
        match RankedClient::of_cells(&cells) {
            Some(client) => Ok(Some(client)),
            None => Err(damaged(&self.path, "has a line that is no line of a call list").into()),
        }
    }
}

/// Another handle of an open file. Both handles share one position in the file.
fn same(file: &File, path: &str) -> anyhow::Result<File> {
    file.try_clone()
        .with_context(|| format!("failed to read {path}"))
}

fn failure(path: &str, problem: FileProblem) -> anyhow::Error {
    match problem {
        FileProblem::Unusable(flaw) => damaged(path, &flaw.to_string()).into(),
        FileProblem::Unreadable(error) => {
            anyhow::Error::new(error).context(format!("failed to read {path}"))
        }
    }
}

fn damaged(path: &str, what: &str) -> Failure {
    Failure::input_output(format!(
        "{path} {what}: make it again with `scoring --rank`"
    ))
}
