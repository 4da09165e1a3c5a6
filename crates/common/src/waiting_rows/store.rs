//! The table of waiting rows, in SQLite.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use rusqlite::{Connection, MAIN_DB, Statement, params};

use super::pairing::{ArrivingRow, Change, Pair, StoredRow, pair};
use crate::history::{check_pages, is_damage, open_database, open_to_read, with_suffix};
use crate::ledger::FileStamp;
use crate::{Failure, Layout, Ledger, files, regular};

/// Upper limit of stored rows, which take about 600 MB. Above it the oldest quarter is dropped.
const MAX_ROWS: u64 = 10_000_000;

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

const VERSION: i64 = 1;

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
        end_place INTEGER NOT NULL
    );
    INSERT INTO state VALUES (1, '', 0, 0, 0, 0, 0);
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
    /// True between begin and commit, also while there is no file.
    is_changing: bool,
    /// True if the file was damaged and is removed.
    is_lost: bool,
}

/// What is known of the table as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// SHA-256 of the finaldata.csv that the places belong to; empty if they belong to none.
    digest: String,
    /// Number of rows.
    stored: u64,
    /// Number of these that are not in finaldata.csv.
    absent: u64,
    /// Number of rows whose label has arrived.
    labelled: u64,
    /// Largest number of a run that predicted a row.
    newest_run: i64,
    /// A number above every place.
    end_place: i64,
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
    /// The table of a pipeline. A damaged file is reported and removed: its predictions are lost, and
    /// the rows are found again in finaldata.csv.
    pub fn open(layout: &Layout) -> anyhow::Result<Self> {
        Self::open_with_limit(layout, MAX_ROWS)
    }

    pub(super) fn open_with_limit(layout: &Layout, max_rows: u64) -> anyhow::Result<Self> {
        let mut rows = Self {
            path: layout.predictions(),
            connection: None,
            state: State::default(),
            max_rows,
            is_changing: false,
            is_lost: false,
        };
        if !files::exists(&rows.path)? {
            return Ok(rows);
        }
        match rows.connect() {
            Err(error) if is_damage(&error) => {
                tracing::warn!(
                    "the predictions that wait for a label are lost, and none is compared with its label: {error:#}"
                );
                rows.connection = None;
                rows.state = State::default();
                rows.is_lost = true;
                let mut journal = rows.path.clone().into_os_string();
                journal.push("-journal");
                files::remove_file(&PathBuf::from(journal))?;
                files::remove_file(&rows.path)?;
                Ok(rows)
            }
            connected => connected.map(|()| rows),
        }
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        let context = || format!("failed to open {}", self.path.display());
        let mut version: i64 = 0;
        let connection = open_database(&self.path, |connection| {
            version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version > VERSION {
                return Err(Failure::input_output(format!(
                    "it has version {version}, and this program knows versions up to {VERSION}: use the newer program"
                ))
                .into());
            }
            if !is_checked(&self.path) {
                check_pages(connection)?;
            }
            Ok(())
        })
        .with_context(context)?;
        // SQLite opens a file for reading only if it cannot be opened for writing.
        if connection.is_readonly(MAIN_DB).with_context(context)? {
            let error = Failure::input_output("it cannot be opened for writing");
            return Err(error).with_context(context);
        }
        connection
            .pragma_update(None, "cache_size", -CACHE_KIB)
            .with_context(context)?;
        if version == 0 {
            connection
                .execute_batch(&format!(
                    "BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
                ))
                .with_context(context)?;
        }
        // An error if a column is missing.
        connection
            .prepare(
                "SELECT client, place, row, run, margin, probability, label, label_place FROM waiting",
            )
            .with_context(context)?;
        self.state = connection
            .query_row("SELECT * FROM state", [], |row| {
                Ok(State {
                    digest: row.get("digest")?,
                    stored: row.get::<_, i64>("stored")?.cast_unsigned(),
                    absent: row.get::<_, i64>("absent")?.cast_unsigned(),
                    labelled: row.get::<_, i64>("labelled")?.cast_unsigned(),
                    newest_run: row.get("newest_run")?,
                    end_place: row.get("end_place")?,
                })
            })
            .with_context(context)?;
        self.connection = Some(connection);
        note_checked(&self.path);
        Ok(())
    }

    /// Why a run could not use the table, or would lose its predictions; `None` if it can be used or is not
    /// there. Only reads. A change that was cut short is no problem: the next run undoes it.
    pub fn problem(layout: &Layout, ledger: &Ledger) -> Option<String> {
        let path = layout.predictions();
        path.symlink_metadata().ok()?;
        Self::read_problem(&path, ledger)
            .map_err(|error| format!("{}: {error:#}", path.display()))
            .err()
    }

    fn read_problem(path: &Path, ledger: &Ledger) -> anyhow::Result<()> {
        let length = regular::open(path)?.metadata()?.len();
        let journal = with_suffix(path, "-journal").metadata();
        if length == 0 || journal.is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(());
        }
        let connection = open_to_read(path)?;
        check_pages(&connection)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > VERSION {
            anyhow::bail!(
                "it has version {version}, and this program knows versions up to {VERSION}"
            );
        }
        let (digest, end_place, stored): (String, i64, i64) =
            connection.query_row("SELECT digest, end_place, stored FROM state", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let counted: i64 =
            connection.query_row("SELECT COUNT(*) FROM waiting", [], |row| row.get(0))?;
        if counted != stored {
            anyhow::bail!("it has {counted} rows, and should have {stored}");
        }
        if digest == ledger.digest && end_place.cast_unsigned() > ledger.rows {
            anyhow::bail!(
                "it knows row {end_place} of finaldata.csv, which has {}",
                ledger.rows
            );
        }
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

    /// Says that the predictions are lost, if the file is missing or empty although rows waited.
    pub fn warn_if_missing(&self) {
        if self.is_empty() && !self.is_lost {
            tracing::warn!(
                "the predictions that wait for a label are lost, and none is compared with its label: {} is missing or empty",
                self.path.display()
            );
        }
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

    /// Commits the change. From now on the places are those of the finaldata.csv with this digest.
    pub fn commit(&mut self, digest: &str) -> anyhow::Result<()> {
        self.is_changing = false;
        self.drop_oldest()?;
        digest.clone_into(&mut self.state.digest);
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let State {
            digest,
            stored,
            absent,
            labelled,
            newest_run,
            end_place,
        } = &self.state;
        connection
            .execute(
                "UPDATE state SET digest = ?1, stored = ?2, absent = ?3, labelled = ?4,
                     newest_run = ?5, end_place = ?6",
                params![
                    digest,
                    stored.cast_signed(),
                    absent.cast_signed(),
                    labelled.cast_signed(),
                    newest_run,
                    end_place
                ],
            )
            .and_then(|_| connection.execute_batch("COMMIT"))
            .with_context(|| self.failed())?;
        if let Err(error) = give_back(connection) {
            // Nothing is lost: the file is only larger than it has to be.
            tracing::debug!("{}: {error}", self.path.display());
        }
        note_checked(&self.path);
        Ok(())
    }

    /// The connection; makes the file if there is none.
    fn made(&mut self) -> anyhow::Result<&Connection> {
        if self.connection.is_none() {
            self.connect()?;
            if self.is_changing {
                self.begin()?;
            }
        }
        let connection = self.connection.as_ref();
        Ok(connection.expect("it was made above"))
    }

    /// Begins again, for a finaldata.csv whose rows are added again from the first. Predictions are kept;
    /// they are taken over by the same rows.
    pub fn begin_again(&mut self) -> anyhow::Result<()> {
        let shift = self.state.end_place + 1;
        let context = self.failed();
        if let Some(connection) = &self.connection {
            connection
                .execute("DELETE FROM waiting WHERE run IS NULL", [])
                .and_then(|_| {
                    // Every place becomes negative, and their order stays.
                    connection.execute(
                        "UPDATE waiting SET place = place - ?1, label = NULL, label_place = NULL",
                        [shift],
                    )
                })
                .with_context(|| context)?;
        }
        self.state.digest.clear();
        self.state.end_place = 0;
        self.count()
    }

    fn count(&mut self) -> anyhow::Result<()> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let [stored, absent, labelled] = connection
            .query_row(
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE place < 0), COUNT(label) FROM waiting",
                [],
                |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]),
            )
            .with_context(|| self.failed())?
            .map(i64::cast_unsigned);
        self.state = State {
            stored,
            absent,
            labelled,
            ..std::mem::take(&mut self.state)
        };
        Ok(())
    }

    /// Adds rows behind those before, and pairs their labels. Returns the pairs within finaldata.csv, by
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
        let mut pairs = Vec::new();
        let (is_empty, has_absent) = (self.is_empty(), self.state.absent > 0);
        let mut counts = self.state.clone();
        let context = self.failed();
        let connection = self.made()?;
        let mut of_client = OfClient::prepare(connection).with_context(|| context.clone())?;
        let mut write = Writing::prepare(connection).with_context(|| context.clone())?;
        for arriving in rows.chunk_by(|one, other| one.client == other.client) {
            let client = arriving[0].client;
            let brings_label = arriving.iter().any(|row| row.label.is_some());
            let stored = match !is_empty && (brings_label || has_absent) {
                true => of_client.read(client).with_context(|| context.clone())?,
                false => Vec::new(),
            };
            for change in pair(stored, arriving, first_new, &mut pairs) {
                write
                    .apply(client, &change, &mut counts)
                    .with_context(|| context.clone())?;
            }
        }
        drop((of_client, write));
        self.state = counts;
        pairs.sort_unstable();
        Ok(pairs)
    }

    /// Removes the rows whose labels are evaluated, as one change. Does nothing if the places are not
    /// those of the ledger.
    pub fn forget_evaluated_of(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
        let mut rows = Self::open(layout)?;
        if !rows.has_labelled() || !rows.belongs_to(&ledger.digest) {
            return Ok(());
        }
        rows.begin()?;
        rows.forget_evaluated(ledger.evaluated_rows)?;
        rows.commit(&ledger.digest)
    }

    /// Removes the rows whose labels are evaluated.
    pub fn forget_evaluated(&mut self, evaluated_rows: u64) -> anyhow::Result<()> {
        if !self.has_labelled() {
            return Ok(());
        }
        if let Some(connection) = &self.connection {
            connection
                .execute(
                    "DELETE FROM waiting WHERE label_place < ?1",
                    [evaluated_rows.cast_signed()],
                )
                .with_context(|| self.failed())?;
            let n_removed = connection.changes();
            if self.state.absent == 0 {
                // All of them had a label, so nobody has to count.
                self.state.stored = self.state.stored.saturating_sub(n_removed);
                self.state.labelled = self.state.labelled.saturating_sub(n_removed);
                return Ok(());
            }
        }
        self.count()
    }

    /// Stores predictions of a run for rows of finaldata.csv. Those of runs from this one on are
    /// replaced: such a run did not end, or belongs to a history that is lost.
    pub fn predict(&mut self, run: i64, predictions: &mut [RowPrediction]) -> anyhow::Result<()> {
        let context = self.failed();
        let has_stale = self.has_predictions_from(run);
        if let Some(connection) = &self.connection
            && has_stale
        {
            connection
                .execute("DELETE FROM waiting WHERE run >= ?1 AND place < 0", [run])
                .and_then(|_| {
                    connection.execute(
                        "UPDATE waiting SET run = NULL, margin = NULL, probability = NULL
                         WHERE run >= ?1",
                        [run],
                    )
                })
                .with_context(|| context.clone())?;
            self.count()?;
            // Only predictions of earlier runs remain.
            self.state.newest_run = run - 1;
        }
        if predictions.is_empty() || self.connection.is_none() {
            return Ok(());
        }
        self.state.newest_run = run;
        predictions.sort_unstable_by_key(|row| (row.client.cast_signed(), row.place));
        let mut statement = self
            .made()?
            .prepare(
                "UPDATE waiting SET run = ?3, margin = ?4, probability = ?5
                 WHERE client = ?1 AND place = ?2",
            )
            .with_context(|| context.clone())?;
        for row in predictions {
            let WaitingPrediction {
                run,
                margin,
                probability,
            } = row.prediction;
            statement
                .execute(params![
                    row.client.cast_signed(),
                    row.place.cast_signed(),
                    run,
                    margin,
                    probability
                ])
                .with_context(|| context.clone())?;
        }
        Ok(())
    }

    /// Visits each prediction whose label has arrived and is not evaluated, in an order that depends on
    /// the rows only.
    pub fn each_labelled(
        &self,
        evaluated_rows: u64,
        mut visit: impl FnMut(LabelledPrediction),
    ) -> anyhow::Result<()> {
        let context = || format!("failed to read {}", self.path.display());
        let Some(connection) = self.connection.as_ref().filter(|_| self.has_labelled()) else {
            return Ok(());
        };
        let mut statement = connection
            .prepare(
                "SELECT run, margin, probability, label FROM waiting
                 WHERE label_place >= ?1 AND run IS NOT NULL",
            )
            .with_context(context)?;
        let mut rows = statement
            .query([evaluated_rows.cast_signed()])
            .with_context(context)?;
        while let Some(row) = rows.next().with_context(context)? {
            let read = || {
                Ok::<_, rusqlite::Error>(LabelledPrediction {
                    prediction: WaitingPrediction {
                        run: row.get(0)?,
                        margin: row.get(1)?,
                        probability: row.get(2)?,
                    },
                    label: row.get(3)?,
                })
            };
            visit(read().with_context(context)?);
        }
        Ok(())
    }

    /// Adds predictions of which only client and values are known, oldest first, as the file of earlier
    /// programs had them. The rows of finaldata.csv have to be added again afterwards.
    pub fn import(
        &mut self,
        predictions: impl ExactSizeIterator<Item = (u64, u64, WaitingPrediction)>,
    ) -> anyhow::Result<()> {
        let context = self.failed();
        let mut counts = self.state.clone();
        let n_rows = predictions.len() as i64;
        let connection = self.made()?;
        let mut write = Writing::prepare(connection).with_context(|| context.clone())?;
        for ((client, row, prediction), place) in predictions.zip(-n_rows..) {
            let change = Change::Add {
                row,
                place,
                prediction: Some(prediction),
                label: None,
            };
            counts.newest_run = counts.newest_run.max(prediction.run);
            write
                .apply(client, &change, &mut counts)
                .with_context(|| context.clone())?;
        }
        drop(write);
        self.state = counts;
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
        connection
            .execute(
                "DELETE FROM waiting WHERE place <
                     (SELECT place FROM waiting ORDER BY place LIMIT 1 OFFSET ?1)",
                [n_dropped.cast_signed()],
            )
            .with_context(|| self.failed())?;
        self.count()
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

/// File and stamp when all of its pages were last known to be whole. One run opens the file several times.
static CHECKED: Mutex<Option<(PathBuf, FileStamp)>> = Mutex::new(None);

/// True if this process knows that all pages are whole: it checked or wrote the file, and nobody changed it
/// since.
fn is_checked(path: &Path) -> bool {
    let checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    let stamp = path.metadata().map(|metadata| FileStamp::of(&metadata));
    matches!((&*checked, stamp), (Some((own, known)), Ok(stamp)) if own == path && *known == stamp)
}

fn note_checked(path: &Path) {
    let stamp = path.metadata().map(|metadata| FileStamp::of(&metadata));
    let mut checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    *checked = stamp.ok().map(|stamp| (path.to_owned(), stamp));
}

/// Minimum number of unused pages before the file is written again without them.
const MIN_UNUSED_PAGES: i64 = 1024;

/// Gives unused pages back to the file system once they are the larger part of the file. The cost is that of
/// the used pages, fewer than those whose rows were removed since the last time.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let count = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (unused, pages) = (count("freelist_count")?, count("page_count")?);
    if unused >= MIN_UNUSED_PAGES && unused > pages / 2 {
        connection.execute_batch("VACUUM")?;
    }
    Ok(())
}

/// Reads the rows of a client that wait.
struct OfClient<'a>(Statement<'a>);

impl<'a> OfClient<'a> {
    fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection
            .prepare(
                "SELECT row, place, run, margin, probability FROM waiting
                 WHERE client = ?1 AND label IS NULL ORDER BY place",
            )
            .map(Self)
    }

    fn read(&mut self, client: u64) -> rusqlite::Result<Vec<StoredRow>> {
        let rows = self.0.query_map([client.cast_signed()], |row| {
            let run: Option<i64> = row.get(2)?;
            let prediction = run
                .map(|run| {
                    Ok::<_, rusqlite::Error>(WaitingPrediction {
                        run,
                        margin: row.get(3)?,
                        probability: row.get(4)?,
                    })
                })
                .transpose()?;
            Ok(StoredRow {
                row: row.get::<_, i64>(0)?.cast_unsigned(),
                place: row.get(1)?,
                prediction,
            })
        })?;
        rows.collect()
    }
}

/// Writes changes of rows.
struct Writing<'a> {
    add: Statement<'a>,
    label: Statement<'a>,
    remove: Statement<'a>,
}

impl<'a> Writing<'a> {
    fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            add: connection.prepare(
                "INSERT INTO waiting
                     (client, place, row, run, margin, probability, label, label_place)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            label: connection.prepare(
                "UPDATE waiting SET label = ?3, label_place = ?4 WHERE client = ?1 AND place = ?2",
            )?,
            remove: connection.prepare("DELETE FROM waiting WHERE client = ?1 AND place = ?2")?,
        })
    }

    fn apply(&mut self, client: u64, change: &Change, counts: &mut State) -> rusqlite::Result<()> {
        let client = client.cast_signed();
        match *change {
            Change::Add {
                row,
                place,
                prediction,
                label,
            } => {
                self.add.execute(params![
                    client,
                    place,
                    row.cast_signed(),
                    prediction.map(|it| it.run),
                    prediction.map(|it| it.margin),
                    prediction.map(|it| it.probability),
                    label.map(|(label, _)| label),
                    label.map(|(_, place)| place.cast_signed()),
                ])?;
                counts.stored += 1;
                counts.absent += u64::from(place < 0);
                counts.labelled += u64::from(label.is_some());
            }
            Change::Label {
                place,
                label: (label, label_place),
            } => {
                let label_place = label_place.cast_signed();
                self.label
                    .execute(params![client, place, label, label_place])?;
                counts.labelled += 1;
            }
            Change::Remove { place } => {
                self.remove.execute(params![client, place])?;
                counts.stored = counts.stored.saturating_sub(1);
                counts.absent = counts.absent.saturating_sub(u64::from(place < 0));
            }
        }
        Ok(())
    }
}
