//! The rows of one text while they are read. Each cell is put into the slot of its column; then the
//! row is accepted or rejected.

use std::cell::OnceCell;

use common::Schema;
use common::config::LimitSettings;
use common::schema::Kind;
use dataset::cell::allowed;
use serde::de::Error;

use super::value::{Cell, Value};
use crate::error::{ApiError, RowError};
use crate::payload::csv::{FIELD_COUNT, MISSING_ID, cell_code};
use crate::payload::rows::{RequestRows, RowBudget, RowCollector};
use crate::problem::excerpt;

/// State shared by the rows of one text. The id, where the schema has one, and the features have a
/// slot each.
pub(super) struct Reading<'s> {
    schema: &'s Schema,
    limits: &'s LimitSettings,
    collector: RowCollector<'s>,
    /// Names of the slots, trimmed and in lower case. Built only when a name does not match
    /// exactly.
    names: OnceCell<Vec<String>>,
    /// For each slot, true if any row had its column.
    found: Vec<bool>,
    /// The cells of the current row.
    cells: Vec<Option<Value>>,
    /// The features of the current row.
    values: Vec<f64>,
    /// Reason for stopping that is not a JSON error.
    stopped: Option<ApiError>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(schema: &'s Schema, budget: RowBudget<'s>) -> Self {
        let n_slots = usize::from(schema.id.is_some()) + schema.features.len();
        Self {
            schema,
            limits: budget.limits,
            collector: RowCollector::new(schema.features.len(), budget),
            found: vec![false; n_slots],
            cells: vec![None; n_slots],
            values: Vec::with_capacity(schema.features.len()),
            names: OnceCell::new(),
            stopped: None,
        }
    }

    /// The slot of a column; `None` for a column that is not read.
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
        match (&self.schema.id, slot.checked_sub(self.n_ids())) {
            (_, Some(feature)) => &self.schema.features[feature].name,
            (id, None) => id.as_deref().unwrap_or_default(),
        }
    }

    /// Number of slots before those of the features.
    fn n_ids(&self) -> usize {
        usize::from(self.schema.id.is_some())
    }

    /// Rejects the text if no row has one of the columns. Without rows, no column counts as
    /// missing.
    pub(super) fn check_columns(&self) -> Result<(), ApiError> {
        if !self.collector.has_rows() || self.found.iter().all(|is_found| *is_found) {
            return Ok(());
        }
        let names = |is_wanted: bool| {
            let slots = (0..self.found.len()).filter(move |slot| self.found[*slot] == is_wanted);
            slots.map(|slot| self.name(slot))
        };
        let found: Vec<&str> = names(true).collect();
        Err(ApiError::MissingColumn {
            columns: names(false).map(str::to_owned).collect(),
            found: excerpt(found.join(", ").as_bytes()),
        })
    }

    /// Result of reading the text. A recorded reason for stopping takes precedence over the JSON
    /// error.
    pub(super) fn ended(&mut self, read: Result<(), ApiError>) -> Result<(), ApiError> {
        read.map_err(|error| self.stopped.take().unwrap_or(error))
    }

    /// The accepted rows.
    pub(super) fn finish(self) -> Result<RequestRows, ApiError> {
        self.collector.finish()
    }

    /// Clears the slots for the next row and returns its number.
    pub(super) fn begin_row<E: Error>(&mut self) -> Result<u64, E> {
        self.cells.fill(None);
        match self.collector.begin() {
            Ok(row) => Ok(row),
            Err(stop_error) => Err(self.stop(stop_error)),
        }
    }

    /// Rejects a row with too many columns.
    pub(super) fn check_width<E: Error>(&mut self, n_columns: u64) -> Result<(), E> {
        if n_columns > self.limits.columns {
            return Err(self.stop(ApiError::TooManyColumns(self.limits.columns)));
        }
        Ok(())
    }

    /// Rejects a column name that is too long.
    pub(super) fn check_name<E: Error>(&mut self, name: &str) -> Result<(), E> {
        if name.len() as u64 > self.limits.field_bytes {
            return Err(self.stop(ApiError::FieldTooLong(self.limits.field_bytes)));
        }
        Ok(())
    }

    /// Parser of a cell.
    pub(super) fn cell(&self) -> Cell {
        Cell {
            max_bytes: self.limits.field_bytes,
        }
    }

    /// Puts a cell of the current row into its slot. Rejects cells that are too long and columns
    /// that occur twice.
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

    /// Accepts or rejects the current row.
    pub(super) fn end_row(&mut self, row: u64) {
        // Taken out, because the rest of `self` is borrowed while the id is in use. The next row
        // clears the cells.
        let n_ids = self.n_ids();
        let id_cell = self.cells.first_mut().filter(|_| n_ids > 0);
        let id_cell = id_cell.and_then(Option::take);
        let id = match n_ids {
            // Without an id, an answer has the number of the row.
            0 => Some(row.to_string().into()),
            _ => id_cell.as_ref().and_then(Value::as_id),
        };
        let Some(id) = id else {
            let value = id_cell.as_ref().map(Value::excerpt);
            let detail = "the client has no name: send a text or a number".into();
            return self.reject(row, 0, MISSING_ID, value, detail);
        };
        self.values.clear();
        for slot in n_ids..self.cells.len() {
            let cell = self.cells[slot].as_ref();
            let cell_or_none = cell.unwrap_or(&Value::Missing);
            let value = match &self.schema.features[slot - n_ids].kind {
                Kind::Number(rules) => cell_or_none
                    .as_number(rules)
                    .and_then(|number| allowed(number, rules)),
                Kind::Category(rules) => cell_or_none.as_level(rules),
            };
            match value {
                Ok(value) => self.values.push(value),
                Err(problem) => {
                    let value = cell.map(Value::excerpt);
                    let detail =
                        problem.describe(self.name(slot), value.as_deref().unwrap_or("null"));
                    return self.reject(row, slot, cell_code(problem), value, detail);
                }
            }
        }
        self.collector.accept(id.as_bytes(), &self.values);
    }

    /// Rejects a row whose number of cells differs from the number of columns.
    pub(super) fn reject_cell_count(&mut self, row: u64, n_columns: usize) {
        self.collector.reject(RowError {
            row,
            line: None,
            column: None,
            code: FIELD_COUNT,
            detail: format!("the row does not have {n_columns} cells, one for each column"),
            value: None,
        });
    }

    fn reject(
        &mut self,
        row: u64,
        slot: usize,
        code: &'static str,
        value: Option<String>,
        detail: String,
    ) {
        let column = Some(self.name(slot).to_owned());
        self.collector.reject(RowError {
            row,
            line: None,
            column,
            code,
            detail,
            value,
        });
    }

    /// Stops the parser with an error of the request.
    fn stop<E: Error>(&mut self, because: ApiError) -> E {
        self.stopped = Some(because);
        E::custom("stopped")
    }
}
