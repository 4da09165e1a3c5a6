//! Looking at the table without a change, for the doctor.

use std::io::Read;
use std::path::Path;

use super::WaitingRows;
use super::loss::Known;
use super::state::State;
use super::store::check_version;
use crate::history::{check_pages, open_to_read, with_suffix};
use crate::{Failure, History, Layout, Ledger, files, regular};

/// Why the table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableProblem {
    /// A newer program made it.
    Newer(String),
    /// Something else than a file is in its place, or it cannot be read.
    Unreadable(String),
    /// The predictions are lost. `ingestion` rebuilds the table from finaldata.csv.
    Damaged(String),
}

impl WaitingRows {
    /// Why a run could not use the table, or would lose its predictions; `None` if it can be used, or if
    /// no row waited. Only reads, and reads all rows. A change that was cut short is no problem: the next
    /// run undoes it.
    pub fn problem(
        layout: &Layout,
        history: &History,
        ledger: &Ledger,
    ) -> anyhow::Result<Option<TableProblem>> {
        let path = layout.predictions();
        let known = Known::load(history)?;
        let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let length = match path.symlink_metadata() {
            Err(_) => 0,
            Ok(_) => match regular::open(&path).and_then(|file| file.metadata()) {
                Ok(found) => found.len(),
                Err(error) => return Ok(Some(TableProblem::Unreadable(of_file(&error)))),
            },
        };
        if length == 0 {
            let missing = TableProblem::Damaged(of_file(&"it is missing or empty"));
            return Ok(known.is_some_and(|known| known.rows > 0).then_some(missing));
        }
        let journal = with_suffix(&path, "-journal").metadata();
        if journal.is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(None);
        }
        Ok(match read_all(&path, known.as_ref(), ledger) {
            Ok(()) => None,
            Err(error) if error.is::<Failure>() => Some(TableProblem::Newer(of_file(&error))),
            Err(error) if files::is_access_error(&error) => {
                Some(TableProblem::Unreadable(of_file(&format!("{error:#}"))))
            }
            Err(error) => Some(TableProblem::Damaged(of_file(&format!("{error:#}")))),
        })
    }
}

fn read_all(path: &Path, known: Option<&Known>, ledger: &Ledger) -> anyhow::Result<()> {
    if !may_be_written(path)? {
        anyhow::bail!("its header forbids writing");
    }
    let connection = open_to_read(path)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    check_version(version)?;
    check_pages(&connection)?;
    if version < 2 {
        // The next run computes the sums.
        return Ok(());
    }
    let state = State::load(&connection)?;
    let mut counted = state.clone();
    counted.count(&connection)?;
    if counted.stored != state.stored {
        anyhow::bail!(
            "it has {} rows, and should have {}",
            counted.stored,
            state.stored
        );
    }
    if counted != state {
        anyhow::bail!("its rows were changed");
    }
    if known.is_some_and(|known| !state.is_of(known)) {
        anyhow::bail!("it is an older copy, or was changed by another program");
    }
    if state.digest == ledger.digest && state.end_place.cast_unsigned() > ledger.rows {
        anyhow::bail!(
            "it belongs to {} rows of finaldata.csv, but the file has {}",
            state.end_place,
            ledger.rows
        );
    }
    Ok(())
}

/// Place of the version for writing in the header of an SQLite file, and its largest value that SQLite
/// writes.
const WRITE_VERSION_AT: usize = 18;
const MAX_WRITE_VERSION: u8 = 2;

/// True unless the header says that a newer SQLite has to write the file. A run cannot use it then, as
/// SQLite opens it only for reading.
fn may_be_written(path: &Path) -> anyhow::Result<bool> {
    let mut header = Vec::new();
    let header_bytes = WRITE_VERSION_AT as u64 + 1;
    regular::open(path)?
        .take(header_bytes)
        .read_to_end(&mut header)?;
    let version = header.get(WRITE_VERSION_AT);
    Ok(version.is_none_or(|version| *version <= MAX_WRITE_VERSION))
}
