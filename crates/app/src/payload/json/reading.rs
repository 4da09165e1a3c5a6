//! The rows of one text while they are read: each cell is put into the slot of its column, and a
//! row is taken or refused once all of its cells are there.

use std::cell::OnceCell;

use common::Schema;
use common::config::LimitSettings;
use common::schema::Kind;
use dataset::cell::allowed;
use serde::de::Error;

use super::value::{Cell, Value};
use crate::error::{ApiError, RowError};
use crate::payload::csv::{FIELD_COUNT, MISSING_ID, cell_code};
use crate::payload::rows::{Collector, Room, Rows};

/// What is shared by the rows of one text. Slot 0 is the id, the others are the features.
pub(super) struct Reading<'s> {
    schema: &'s Schema,
    limits: &'s LimitSettings,
    collector: Collector<'s>,
    /// The names of the slots, trimmed and in lower case; made when a name is none of those as they
    /// are written.
    names: OnceCell<Vec<String>>,
    /// The slots that any row had.
    found: Vec<bool>,
    /// The cells of the row at hand.
    cells: Vec<Option<Value>>,
    /// The features of the row at hand.
    values: Vec<f64>,
    /// Why reading stopped, where the JSON is not to blame.
    stopped: Option<ApiError>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(schema: &'s Schema, room: Room<'s>) -> Self {
        let n_slots = 1 + schema.features.len();
        Self {
            schema,
            limits: room.limits,
            collector: Collector::new(schema.features.len(), room),
            found: vec![false; n_slots],
            cells: vec![None; n_slots],
            values: Vec::with_capacity(schema.features.len()),
            names: OnceCell::new(),
            stopped: None,
        }
    }

    /// The slot of a column; `None` for one that is not read.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        let as_written = (0..self.cells.len()).find(|slot| self.name(*slot) == name);
        as_written.or_else(|| {
            let lower = |slot| self.name(slot).trim().to_lowercase();
            let names = self
                .names
                .get_or_init(|| (0..self.cells.len()).map(lower).collect());
            let name = name.trim().to_lowercase();
            names.iter().position(|known| *known == name)
        })
    }

    fn name(&self, slot: usize) -> &str {
        match slot.checked_sub(1) {
            None => &self.schema.id,
            Some(feature) => &self.schema.features[feature].name,
        }
    }

    /// A column that no row has is missing; without rows there is none to miss.
    pub(super) fn check_columns(&self) -> Result<(), ApiError> {
        let missing = self.found.iter().position(|is_found| !is_found);
        let Some(missing) = missing.filter(|_| self.collector.has_rows()) else {
            return Ok(());
        };
        let found: Vec<&str> = (0..self.found.len())
            .filter(|slot| self.found[*slot])
            .map(|slot| self.name(slot))
            .collect();
        Err(ApiError::MissingColumn {
            column: self.name(missing).to_owned(),
            found: found.join(", "),
        })
    }

    /// What became of reading the text: the reason that it was stopped for stands before that of the
    /// JSON.
    pub(super) fn ended(&mut self, read: Result<(), ApiError>) -> Result<(), ApiError> {
        read.map_err(|error| self.stopped.take().unwrap_or(error))
    }

    /// The rows that were taken.
    pub(super) fn finish(self) -> Result<Rows, ApiError> {
        self.collector.finish()
    }

    /// Clears the slots for the next row, whose number it returns.
    pub(super) fn begin_row<E: Error>(&mut self) -> Result<u64, E> {
        self.cells.fill(None);
        match self.collector.begin() {
            Ok(row) => Ok(row),
            Err(refusal) => Err(self.stop(refusal)),
        }
    }

    /// Takes so many columns in a row, unless they are too many for one.
    pub(super) fn check_width<E: Error>(&mut self, n_columns: u64) -> Result<(), E> {
        if n_columns > self.limits.columns {
            return Err(self.stop(ApiError::TooManyColumns(self.limits.columns)));
        }
        Ok(())
    }

    /// Takes a column's name, unless it is too long for one.
    pub(super) fn check_name<E: Error>(&mut self, name: &str) -> Result<(), E> {
        if name.len() as u64 > self.limits.field_bytes {
            return Err(self.stop(ApiError::FieldTooLong(self.limits.field_bytes)));
        }
        Ok(())
    }

    /// How a cell is read.
    pub(super) fn cell(&self) -> Cell {
        Cell {
            max_bytes: self.limits.field_bytes,
        }
    }

    /// Takes the one cell that the row at hand has in a slot, unless it is too long for one.
    pub(super) fn put<E: Error>(&mut self, slot: usize, cell: Value) -> Result<(), E> {
        if cell == Value::TooLong {
            return Err(self.stop(ApiError::FieldTooLong(self.limits.field_bytes)));
        }
        if self.cells[slot].replace(cell).is_some() {
            let name = self.name(slot).to_owned();
            return Err(self.stop(ApiError::DuplicateColumn(name)));
        }
        self.found[slot] = true;
        Ok(())
    }

    /// Takes or refuses the row whose cells stand in the slots.
    pub(super) fn end_row(&mut self, row: u64) {
        // Taken out, as the rest is borrowed while it is in use; the next row clears the cells.
        let id_cell = self.cells[0].take();
        let Some(id) = id_cell.as_ref().and_then(Value::as_id) else {
            let value = id_cell.as_ref().map(Value::excerpt);
            return self.refuse(row, 0, MISSING_ID, value);
        };
        self.values.clear();
        for slot in 1..self.cells.len() {
            let cell = self.cells[slot].as_ref();
            let cell_or_none = cell.unwrap_or(&Value::Missing);
            let value = match &self.schema.features[slot - 1].kind {
                Kind::Number(rules) => cell_or_none
                    .as_number()
                    .and_then(|number| allowed(number, rules)),
                Kind::Category(rules) => cell_or_none.as_level(rules),
            };
            match value {
                Ok(value) => self.values.push(value),
                Err(problem) => {
                    let value = cell.map(Value::excerpt);
                    return self.refuse(row, slot, cell_code(problem), value);
                }
            }
        }
        self.collector.accept(&id, self.values.iter().copied());
    }

    /// Refuses a row that has not as many cells as there are columns.
    pub(super) fn refuse_count(&mut self, row: u64) {
        self.collector.refuse(RowError {
            row,
            line: None,
            column: None,
            code: FIELD_COUNT,
            value: None,
        });
    }

    fn refuse(&mut self, row: u64, slot: usize, code: &'static str, value: Option<String>) {
        let column = Some(self.name(slot).to_owned());
        self.collector.refuse(RowError {
            row,
            line: None,
            column,
            code,
            value,
        });
    }

    /// Ends the parsing with an answer of its own.
    fn stop<E: Error>(&mut self, because: ApiError) -> E {
        self.stopped = Some(because);
        E::custom("stopped")
    }
}
