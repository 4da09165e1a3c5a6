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

/// Stores the predictions for rows that are in the table, and ignores the others. The predictions are
/// sorted like the table.
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
        state.sums.remove(&found);
        state.sums.add(&found.with_prediction(Some(row.prediction)));
    }
    Ok(())
}

/// The stored row that a change is about; `None` for a row that is added.
pub(super) fn stored_of<'a>(stored: &'a [StoredRow], change: &Change) -> Option<&'a StoredRow> {
    let place = match change {
        Change::Add { .. } => return None,
        Change::Label { place, .. } | Change::Remove { place } => *place,
    };
    // The rows of a client are sorted by place.
    let position = stored.binary_search_by_key(&place, |row| row.place).ok()?;
    stored.get(position)
}

/// Reads the rows of a client that wait.
pub(super) struct WaitingRowsOfClient<'a>(Statement<'a>);

impl<'a> WaitingRowsOfClient<'a> {
    pub(super) fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection
            .prepare(
                "SELECT row, place, run, margin, probability FROM waiting
                 WHERE client = ?1 AND label IS NULL ORDER BY place",
            )
            .map(Self)
    }

    pub(super) fn read(&mut self, client: u64) -> rusqlite::Result<Vec<StoredRow>> {
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

    /// Applies a change. `stored` is the row that is labelled or removed; `None` if a row is added.
    pub(super) fn apply(
        &mut self,
        client: u64,
        change: &Change,
        stored: Option<&StoredRow>,
        state: &mut State,
    ) -> rusqlite::Result<()> {
        let client = client.cast_signed();
        let stored = stored.map(|stored| TableRow::waiting(client, stored));
        match *change {
            Change::Add {
                row,
                place,
                prediction,
                label,
            } => {
                let waiting = StoredRow {
                    row,
                    place,
                    prediction,
                };
                let row = TableRow::waiting(client, &waiting).with_label(label);
                self.add.execute(params![
                    row.client,
                    row.place,
                    row.row,
                    row.run,
                    row.margin,
                    row.probability,
                    row.label,
                    row.label_place,
                ])?;
                state.add(&row);
            }
            Change::Label {
                place,
                label: (label, label_place),
            } => {
                self.label
                    .execute(params![client, place, label, label_place.cast_signed()])?;
                if let Some(stored) = stored {
                    state.remove(&stored);
                    state.add(&stored.with_label(Some((label, label_place))));
                }
            }
            Change::Remove { place } => {
                self.remove.execute(params![client, place])?;
                if let Some(stored) = stored {
                    state.remove(&stored);
                }
            }
        }
        Ok(())
    }
}
