//! The table of waiting rows, in SQLite.

use std::path::PathBuf;

use anyhow::Context;
use rusqlite::{Connection, MAIN_DB};

use super::loss::{DamagedPredictions, Known, as_damage};
use super::pairing::{ArrivingRow, Change, Pair, StoredRow, pair};
use super::state::State;
use super::statements::{ChangeWriter, WaitingRowsOfClient, each_row, store_predictions};
use super::sums::{COLUMNS, Compared, Sums, clients_of, part_of};
use crate::history::{check_pages, open_database};
use crate::{Failure, History, Layout, Ledger, files};

/// Upper limit of stored rows, which take about 600 MB. Beyond it, the oldest rows are dropped down to three
/// quarters of it.
const MAX_ROWS: u64 = 10_000_000;

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

pub(super) const VERSION: i64 = 2;

const TABLES: &str = "
    CREATE TABLE waiting (
        client INTEGER NOT NULL,
        place INTEGER NOT NULL,
        row INTEGER NOT NULL,
        run INTEGER,
        margin REAL,
        probability REAL,
        label INTEGER CHECK (label IN (0, 1)),
        label_place INTEGER,
        PRIMARY KEY (client, place),
        CHECK ((run IS NULL) = (margin IS NULL) AND (run IS NULL) = (probability IS NULL)),
        CHECK (run IS NULL OR typeof(run) = 'integer' AND typeof(margin) = 'real'
            AND typeof(probability) = 'real' AND probability BETWEEN 0 AND 1)
    ) WITHOUT ROWID;
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        digest TEXT NOT NULL,
        stored INTEGER NOT NULL,
        absent INTEGER NOT NULL,
        labelled INTEGER NOT NULL,
        newest_run INTEGER NOT NULL,
        end_place INTEGER NOT NULL,
        sums BLOB NOT NULL,
        former TEXT NOT NULL
    );
    INSERT INTO state VALUES (1, '', 0, 0, 0, 0, 0, x'', '');
";

/// From version 1, which had no sums. No history names a digest before the first change.
const SUMS: &str = "
    ALTER TABLE state ADD COLUMN sums BLOB NOT NULL DEFAULT x'';
    ALTER TABLE state ADD COLUMN former TEXT NOT NULL DEFAULT 'version 1';
";

/// The table of rows that wait for a late label.
///
/// Changes are one transaction from [`WaitingRows::begin`] to [`WaitingRows::commit`]; they are undone if
/// the value is dropped before.
pub struct WaitingRows {
    path: PathBuf,
    /// `None` while there is no file. The first row makes it.
    connection: Option<Connection>,
    state: State,
    max_rows: u64,
    /// What the history knows of the table. The default if it knows nothing.
    known: Known,
    /// The parts that were read and match their sum.
    compared: Compared,
    /// True between begin and commit, also while there is no file.
    is_changing: bool,
    /// True if the table was lost when it was opened.
    is_lost: bool,
}

/// The prediction for a row that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitingPrediction {
    /// The run that predicted.
    pub run: i64,
    /// Log-odds above those of the model's threshold.
    pub margin: f64,
    /// Calibrated probability of the positive label.
    pub probability: f64,
}

/// A prediction and the row of finaldata.csv that it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowPrediction {
    /// Public hash of the client.
    pub client: u64,
    /// Number of the row in finaldata.csv.
    pub place: u64,
    /// The prediction.
    pub prediction: WaitingPrediction,
}

/// A prediction whose label has arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledPrediction {
    /// The prediction.
    pub prediction: WaitingPrediction,
    /// The label.
    pub label: bool,
}

impl WaitingRows {
    /// The table of a pipeline. A table that is not the one that the history knows is lost
    /// ([`Self::lose`]): its predictions are gone, and the rows are found again in finaldata.csv.
    pub fn open(layout: &Layout, history: &History) -> anyhow::Result<Self> {
        Self::open_with_limit(layout, history, MAX_ROWS)
    }

    pub(super) fn open_with_limit(
        layout: &Layout,
        history: &History,
        max_rows: u64,
    ) -> anyhow::Result<Self> {
        let known = Known::load(history)?;
        let closed = |known| Self {
            path: layout.predictions(),
            connection: None,
            state: State::default(),
            max_rows,
            known,
            compared: Compared::none(),
            is_changing: false,
            is_lost: false,
        };
        let mut rows = closed(known.clone().unwrap_or_default());
        let Err(error) = rows.open_known(known.as_ref(), history) else {
            return Ok(rows);
        };
        drop(rows);
        let damage = error.downcast::<DamagedPredictions>()?;
        Self::lose(layout, history, &damage.to_string())?;
        Ok(Self {
            is_lost: true,
            ..closed(Known::load(history)?.unwrap_or_default())
        })
    }

    /// Opens the table that the history knows.
    fn open_known(&mut self, known: Option<&Known>, history: &History) -> anyhow::Result<()> {
        let is_there = files::length_if_present(&self.path)?.is_some_and(|length| length > 0);
        if is_there {
            self.connect()?;
        }
        let own = self.state.known();
        match known {
            Some(known) if !self.state.is_of(known) => {
                let path = self.path.display();
                return Err(DamagedPredictions::error(match is_there {
                    true => format!("{path} is an older copy, or was changed by another program"),
                    false => format!("{path} is missing or empty"),
                }));
            }
            // A program was killed before the history had the digest, or an older program made the table.
            _ if is_there && known != Some(&own) => own.save(history)?,
            _ => return Ok(()),
        }
        self.known = own;
        Ok(())
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        as_damage(
            self.try_to_connect()
                .with_context(|| format!("failed to open {}", self.path.display())),
        )
    }

    fn try_to_connect(&mut self) -> anyhow::Result<()> {
        let mut version: i64 = 0;
        let connection = open_database(&self.path, |connection| {
            version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            check_version(version)?;
            // Sums show damage of later versions where it is read.
            if version == 1 {
                check_pages(connection)?;
            }
            Ok(())
        })?;
        // SQLite opens a file for reading only if it cannot be opened for writing.
        if connection.is_readonly(MAIN_DB)? {
            return Err(Failure::input_output("it cannot be opened for writing").into());
        }
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let steps = match version {
            0 => TABLES,
            1 => SUMS,
            _ => "",
        };
        if !steps.is_empty() {
            connection.execute_batch(&format!("BEGIN; {steps}"))?;
            let mut state = State::load(&connection)?;
            state.count(&connection)?;
            state.save(&connection, None)?;
            connection.execute_batch(&format!("PRAGMA user_version = {VERSION}; COMMIT;"))?;
        }
        // An error if a column is missing.
        connection.prepare(&format!("SELECT {COLUMNS} FROM waiting"))?;
        self.state = State::load(&connection)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// True if there is no row, labelled or not.
    pub fn is_empty(&self) -> bool {
        self.state.stored == 0
    }

    /// True if the label of a row has arrived.
    pub fn has_labelled(&self) -> bool {
        self.state.labelled > 0
    }

    /// True if a prediction is of this run or of a later one: of a run that did not end, or of a history
    /// that is lost.
    pub fn has_predictions_from(&self, run: i64) -> bool {
        self.state.newest_run >= run
    }

    /// True if the table was lost when it was opened.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// True if there is a file.
    pub fn exists(&self) -> bool {
        self.connection.is_some()
    }

    /// True if the places are those of the finaldata.csv with this digest.
    pub fn belongs_to(&self, digest: &str) -> bool {
        self.state.digest == digest
    }

    fn failed(&self) -> String {
        format!("failed to change {}", self.path.display())
    }

    /// Begins a change. An error if another program reads or changes the table: the change could then
    /// not be committed.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        self.is_changing = true;
        if let Some(connection) = &self.connection {
            connection
                .execute_batch("BEGIN EXCLUSIVE")
                .with_context(|| self.failed())?;
        }
        Ok(())
    }

    /// Commits the change, and then its digest to the history. From now on the places are those of the
    /// finaldata.csv with this digest.
    pub fn commit(&mut self, digest: &str, history: &History) -> anyhow::Result<()> {
        self.is_changing = false;
        self.drop_oldest()?;
        digest.clone_into(&mut self.state.digest);
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let own = self.state.known();
        let written = self
            .state
            .save(connection, Some(&self.known.digest))
            .and_then(|()| Ok(connection.execute_batch("COMMIT")?))
            .with_context(|| self.failed());
        as_damage(written)?;
        if own != self.known {
            own.save(history)?;
            self.known = own;
        }
        if let Err(error) = give_back(connection) {
            // Nothing is lost: the file is only larger than it has to be.
            tracing::debug!("{}: {error}", self.path.display());
        }
        Ok(())
    }

    /// The connection and the state; makes the file if there is none.
    fn connected(&mut self) -> anyhow::Result<(&Connection, &mut State)> {
        if self.connection.is_none() {
            // The new table is empty, as this state is, except for the places that were added.
            let state = std::mem::take(&mut self.state);
            self.connect()?;
            self.state = state;
            if self.is_changing {
                self.begin()?;
            }
        }
        let connection = self.connection.as_ref();
        Ok((connection.expect("it was made above"), &mut self.state))
    }

    /// Marks all rows as absent, for a finaldata.csv whose rows are then added from the first. Predictions
    /// are kept; the same rows take them over. Part of a change that [`Self::begin`] began.
    pub fn begin_rebuild(&mut self) -> anyhow::Result<()> {
        let shift = self.state.end_place + 1;
        self.compare_all()?;
        // Every place becomes negative, and their order stays.
        let removed = self.change_many(&[
            ("DELETE FROM waiting WHERE run IS NULL", &[]),
            (
                "UPDATE waiting SET place = place - ?1, label = NULL, label_place = NULL",
                &[shift],
            ),
        ]);
        as_damage(removed)?;
        self.state.digest.clear();
        self.state.end_place = 0;
        Ok(())
    }

    /// Executes statements that change many rows, and counts all rows again.
    fn change_many(&mut self, statements: &[(&str, &[i64])]) -> anyhow::Result<()> {
        let context = self.failed();
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        for (statement, values) in statements {
            connection
                .execute(statement, rusqlite::params_from_iter(values.iter()))
                .with_context(|| context.clone())?;
        }
        self.state.count(connection).with_context(|| context)
    }

    /// An error if the rows of a part do not have their sum. Reads a part once.
    fn compare(&mut self, part: usize) -> anyhow::Result<()> {
        let Some(connection) = self
            .connection
            .as_ref()
            .filter(|_| self.compared.note(part))
        else {
            return Ok(());
        };
        let mut found = Sums::default();
        let read = each_row(
            connection,
            "client BETWEEN ?1 AND ?2",
            clients_of(part),
            |row| found.add(row),
        );
        as_damage(read.with_context(|| format!("failed to read {}", self.path.display())))?;
        match found.has_same(&self.state.sums, part) {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    /// An error if not all rows have their sums.
    fn compare_all(&mut self) -> anyhow::Result<()> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let mut found = Sums::default();
        let read = each_row(connection, "TRUE", [], |row| found.add(row));
        as_damage(read.with_context(|| format!("failed to read {}", self.path.display())))?;
        if found != self.state.sums {
            return Err(self.changed());
        }
        self.compared.note_all();
        Ok(())
    }

    fn changed(&self) -> anyhow::Error {
        DamagedPredictions::error(format!("rows of {} were changed", self.path.display()))
    }

    /// Adds rows after the existing ones, and pairs their labels. Returns the pairs within finaldata.csv, by
    /// the place of the label.
    ///
    /// Rows before `first_new` are evaluated.
    pub fn add(&mut self, rows: &mut [ArrivingRow], first_new: u64) -> anyhow::Result<Vec<Pair>> {
        let end = rows.iter().map(|row| row.place.cast_signed() + 1).max();
        self.state.end_place = self.state.end_place.max(end.unwrap_or_default());
        if rows.iter().all(|row| row.label.is_some()) && self.is_empty() {
            return Ok(Vec::new());
        }
        rows.sort_unstable_by_key(|row| (row.client.cast_signed(), row.place));
        let (is_empty, has_absent) = (self.is_empty(), self.state.absent > 0);
        let reads_stored = |arriving: &[ArrivingRow]| {
            !is_empty && (has_absent || arriving.iter().any(|row| row.label.is_some()))
        };
        let of_clients = || rows.chunk_by(|one, other| one.client == other.client);
        for arriving in of_clients().filter(|arriving| reads_stored(arriving)) {
            self.compare(part_of(arriving[0].client.cast_signed()))?;
        }
        as_damage(self.add_compared(of_clients(), reads_stored, first_new))
    }

    fn add_compared<'a>(
        &mut self,
        of_clients: impl Iterator<Item = &'a [ArrivingRow]>,
        reads_stored: impl Fn(&[ArrivingRow]) -> bool,
        first_new: u64,
    ) -> anyhow::Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        let context = self.failed();
        let (connection, state) = self.connected()?;
        let mut of_client =
            WaitingRowsOfClient::prepare(connection).with_context(|| context.clone())?;
        let mut write = ChangeWriter::prepare(connection).with_context(|| context.clone())?;
        for arriving in of_clients {
            let client = arriving[0].client;
            let stored = match reads_stored(arriving) {
                true => of_client.read(client).with_context(|| context.clone())?,
                false => Vec::new(),
            };
            for change in pair(stored, arriving, first_new, &mut pairs) {
                write
                    .apply(client, change, state)
                    .with_context(|| context.clone())?;
            }
        }
        pairs.sort_unstable();
        Ok(pairs)
    }

    /// Removes the rows whose labels are evaluated, as one change. Does nothing if the places are not
    /// those of the ledger.
    pub fn forget_evaluated_of(
        layout: &Layout,
        history: &History,
        ledger: &Ledger,
    ) -> anyhow::Result<()> {
        let mut rows = Self::open(layout, history)?;
        if !rows.has_labelled() || !rows.belongs_to(&ledger.digest) {
            return Ok(());
        }
        rows.begin()?;
        rows.forget_evaluated(ledger.evaluated_rows)?;
        rows.commit(&ledger.digest, history)
    }

    /// Removes the rows whose labels are evaluated.
    pub fn forget_evaluated(&mut self, evaluated_rows: u64) -> anyhow::Result<()> {
        match self.has_labelled() {
            true => self.remove("label_place < ?1", evaluated_rows.cast_signed()),
            false => Ok(()),
        }
    }

    /// Removes the rows with this condition on a number.
    fn remove(&mut self, condition: &str, number: i64) -> anyhow::Result<()> {
        let context = self.failed();
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let state = &mut self.state;
        let removed = each_row(connection, condition, [number], |row| state.remove(row))
            .and_then(|()| {
                let statement = format!("DELETE FROM waiting WHERE {condition}");
                connection.execute(&statement, [number])
            })
            .with_context(|| context);
        as_damage(removed.map(|_| ()))
    }

    /// Stores predictions of a run for rows of finaldata.csv. Removes the stored predictions of this run and
    /// of later runs: such a run did not end, or belongs to a history that is lost.
    pub fn predict(&mut self, run: i64, predictions: &mut [RowPrediction]) -> anyhow::Result<()> {
        if self.has_predictions_from(run) {
            self.compare_all()?;
            let removed = self.change_many(&[
                ("DELETE FROM waiting WHERE run >= ?1 AND place < 0", &[run]),
                (
                    "UPDATE waiting SET run = NULL, margin = NULL, probability = NULL
                     WHERE run >= ?1",
                    &[run],
                ),
            ]);
            as_damage(removed)?;
            // Only predictions of earlier runs remain.
            self.state.newest_run = run - 1;
        }
        let context = self.failed();
        let connection = self.connection.as_ref();
        let Some(connection) = connection.filter(|_| !predictions.is_empty()) else {
            return Ok(());
        };
        let state = &mut self.state;
        state.newest_run = run;
        predictions.sort_unstable_by_key(|row| (row.client.cast_signed(), row.place));
        as_damage(store_predictions(connection, state, predictions).with_context(|| context))
    }

    /// Visits each prediction whose label has arrived and is not evaluated, in an order that depends on
    /// the rows only. What was visited counts once this function returns without an error: all rows are
    /// read and compared with their sums.
    pub fn each_labelled(
        &self,
        evaluated_rows: u64,
        mut visit: impl FnMut(LabelledPrediction),
    ) -> anyhow::Result<()> {
        let Some(connection) = self.connection.as_ref().filter(|_| self.has_labelled()) else {
            return Ok(());
        };
        let mut found = Sums::default();
        let read = each_row(connection, "TRUE", [], |row| {
            found.add(row);
            let is_new = |place: i64| place >= evaluated_rows.cast_signed();
            let label = row.label.filter(|_| row.label_place.is_some_and(is_new));
            if let (Some(prediction), Some(label)) = (row.prediction(), label) {
                visit(LabelledPrediction {
                    prediction,
                    label: label == 1,
                });
            }
        });
        as_damage(read.with_context(|| format!("failed to read {}", self.path.display())))?;
        match found == self.state.sums {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    /// Adds predictions of which only client and values are known, oldest first, as the file of earlier
    /// programs had them. The rows of finaldata.csv have to be added again afterwards.
    pub fn import(
        &mut self,
        predictions: impl ExactSizeIterator<Item = (u64, u64, WaitingPrediction)>,
    ) -> anyhow::Result<()> {
        let context = self.failed();
        let n_rows = predictions.len() as i64;
        let (connection, state) = self.connected()?;
        let mut write = ChangeWriter::prepare(connection).with_context(|| context.clone())?;
        for ((client, row_hash, prediction), place) in predictions.zip(-n_rows..) {
            let row = StoredRow {
                row_hash,
                place,
                prediction: Some(prediction),
            };
            state.newest_run = state.newest_run.max(prediction.run);
            let added = write.apply(client, Change::Add(row, None), state);
            as_damage(added.with_context(|| context.clone()))?;
        }
        Ok(())
    }

    /// Drops the oldest rows if there are too many.
    fn drop_oldest(&mut self) -> anyhow::Result<()> {
        let n_rows = self.state.stored;
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        if n_rows <= self.max_rows {
            return Ok(());
        }
        let n_dropped = n_rows - self.max_rows / 4 * 3;
        tracing::warn!(
            n_dropped,
            "more rows wait for a label than are kept, so the oldest are dropped"
        );
        let first_kept = connection
            .query_row(
                "SELECT place FROM waiting ORDER BY place LIMIT 1 OFFSET ?1",
                [n_dropped.cast_signed()],
                |row| row.get(0),
            )
            .with_context(|| self.failed());
        self.remove("place < ?1", as_damage(first_kept)?)
    }

    /// Clients and places of all rows, for tests.
    #[cfg(test)]
    pub(super) fn places(&self) -> Vec<(u64, i64)> {
        let Some(connection) = &self.connection else {
            return Vec::new();
        };
        let mut statement = connection
            .prepare("SELECT client, place FROM waiting ORDER BY place")
            .unwrap();
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?))
        };
        statement
            .query_map([], read)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }
}

/// An error if a newer program made the table.
pub(super) fn check_version(version: i64) -> anyhow::Result<()> {
    if version > VERSION {
        return Err(Failure::input_output(format!(
            "it has version {version}, and this program knows versions up to {VERSION}: use the newer program, or, if there is none, move the file away, which loses its predictions"
        ))
        .into());
    }
    Ok(())
}

/// Minimum number of unused pages before the file is written again without them.
const MIN_UNUSED_PAGES: i64 = 1024;

/// Gives unused pages back to the file system once they are the larger part of the file. The cost depends on
/// the number of used pages. These are fewer than the pages whose rows were removed since the last time.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let count = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (unused, pages) = (count("freelist_count")?, count("page_count")?);
    if unused >= MIN_UNUSED_PAGES && unused > pages / 2 {
        connection.execute_batch("VACUUM")?;
    }
    Ok(())
}
