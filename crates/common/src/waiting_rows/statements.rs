//! SQL statements that read and write rows of the table. Statements that write also update the counts and
//! sums of the table.

use rusqlite::{Connection, OptionalExtension, Params, Statement, params};

use super::pairing::{Change, StoredRow};
use super::state::State;
use super::store::{RowPrediction, WaitingPrediction};
use super::sums::{COLUMNS, TableRow};

/// Visits the rows that meet `condition`, in the order of clients and places.
pub(super) fn each_row(
    connection: &Connection,
    condition: &str,
    values: impl Params,
    mut visit: impl FnMut(&TableRow),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM waiting WHERE {condition} ORDER BY client, place"
    ))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        visit(&TableRow::read(row)?);
    }
    Ok(())
}

/// Stores the predictions for rows that are in the table, and ignores the others. Predictions in the order
/// of the table are read and written faster.
pub(super) fn store_predictions(
    connection: &Connection,
    state: &mut State,
    predictions: &[RowPrediction],
) -> rusqlite::Result<()> {
    let mut stored = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM waiting WHERE client = ?1 AND place = ?2"
    ))?;
    let mut update = connection.prepare(
        "UPDATE waiting SET run = ?3, margin = ?4, probability = ?5
         WHERE client = ?1 AND place = ?2",
    )?;
    for row in predictions {
        let (client, place) = (row.client.cast_signed(), row.place.cast_signed());
        let found = stored
            .query_row([client, place], TableRow::read)
            .optional()?;
        let Some(found) = found else {
            continue;
        };
        let WaitingPrediction {
            run,
            margin,
            probability,
        } = row.prediction;
        update.execute(params![client, place, run, margin, probability])?;
        // A prediction changes the sums, but no count.
        state.sums.remove(&found);
        state.sums.add(&found.with_prediction(Some(row.prediction)));
    }
    Ok(())
}

/// Reads the rows of a client that wait.
pub(super) struct WaitingRowsOfClient<'a>(Statement<'a>);

impl<'a> WaitingRowsOfClient<'a> {
    pub(super) fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM waiting
                 WHERE client = ?1 AND label IS NULL ORDER BY place"
            ))
            .map(Self)
    }

    pub(super) fn read(&mut self, client: u64) -> rusqlite::Result<Vec<StoredRow>> {
        let rows = self.0.query_map([client.cast_signed()], |row| {
            let row = TableRow::read(row)?;
            Ok(StoredRow {
                row_hash: row.row.cast_unsigned(),
                place: row.place,
                prediction: row.prediction(),
            })
        })?;
        rows.collect()
    }
}

/// Writes changes of rows.
pub(super) struct ChangeWriter<'a> {
    add: Statement<'a>,
    label: Statement<'a>,
    remove: Statement<'a>,
}

impl<'a> ChangeWriter<'a> {
    pub(super) fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
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

    /// Applies a change to a row of the client.
    pub(super) fn apply(
        &mut self,
        client: u64,
        change: Change,
        state: &mut State,
    ) -> rusqlite::Result<()> {
        let client = client.cast_signed();
        match change {
            Change::Add(row, label) => {
                let added = TableRow::waiting(client, row).with_label(label);
                self.add.execute(params![
                    added.client,
                    added.place,
                    added.row,
                    added.run,
                    added.margin,
                    added.probability,
                    added.label,
                    added.label_place,
                ])?;
                state.add(&added);
            }
            Change::Label(stored, label) => {
                let stored = TableRow::waiting(client, stored);
                let labelled = stored.with_label(Some(label));
                let values = params![client, stored.place, labelled.label, labelled.label_place];
                self.label.execute(values)?;
                state.remove(&stored);
                state.add(&labelled);
            }
            Change::Remove(stored) => {
                self.remove.execute(params![client, stored.place])?;
                state.remove(&TableRow::waiting(client, stored));
            }
        }
        Ok(())
    }
}
