//! Reading the list back from its file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use common::ledger::FileStamp;
use common::{Failure, regular};
use dataset::{FileProblem, RecordReader, unguarded};

use super::band::Band;
use super::entry::{COLUMNS, MAX_REASONS, RankedClient};

/// A list that was written, read client by client. It holds one block of the file in memory.
pub struct StoredList {
    reader: RecordReader<BufReader<File>>,
    /// Place of each known column in the file.
    places: [usize; COLUMNS.len()],
    stamp: FileStamp,
    path: String,
}

impl StoredList {
    /// Opens the file of a list; `None` if there is none.
    ///
    /// An error if the file cannot be read, or if it is no call list.
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
        let reader = RecordReader::open(BufReader::new(file));
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
            reader,
            places,
            stamp,
            path: name,
        }))
    }

    /// Stamp of the open file: an equal one means an equal list.
    pub fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// The next client; `None` at the end.
    pub fn next_client(&mut self) -> anyhow::Result<Option<RankedClient>> {
        let record = self.reader.next_record();
        let Some(fields) = record.map_err(|problem| failure(&self.path, problem))? else {
            return Ok(None);
        };
        let cell = |column: usize| {
            let field = fields.get(self.places[column]).copied().unwrap_or_default();
            String::from_utf8_lossy(field)
        };
        let read = || {
            let reasons = (7..7 + MAX_REASONS).map(|column| unguarded(&cell(column)).to_owned());
            Some(RankedClient {
                rank: cell(0).parse().ok()?,
                id: unguarded(&cell(1)).to_owned(),
                probability: finite(&cell(2))?,
                band: Band::of_name(&cell(3))?,
                expected_value: optional(&cell(4), finite)?,
                in_capacity: optional(&cell(5), |cell| cell.parse().ok())?,
                hold_out: optional(&cell(6), |cell| cell.parse().ok())?,
                reasons: reasons.filter(|reason| !reason.is_empty()).collect(),
                model_version: cell(11).into_owned(),
            })
        };
        match read() {
            Some(client) => Ok(Some(client)),
            None => Err(damaged(&self.path, "has a line that is no line of a call list").into()),
        }
    }
}

fn finite(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The value of a cell that may be empty; `None` if it cannot be read.
fn optional<T>(cell: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match cell {
        "" => Some(None),
        cell => read(cell).map(Some),
    }
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
