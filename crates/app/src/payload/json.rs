//! Rows as JSON, taken from the text without an intermediate tree.
//!
//! Column names follow the rules of a CSV header. A cell is a number, a string that is one, or
//! missing (`null`, or a string that is a missing marker); a category's is a string or missing. The
//! schema may limit both. Of an array of
//! objects the columns are those of all objects together; one that an object lacks is missing there.

mod value;

use std::cell::OnceCell;
use std::fmt;

use common::Schema;
use common::config::LimitSettings;
use common::schema::Kind;
use dataset::cell::allowed;
use dataset::find_columns;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use self::value::Value;
use super::csv::{FIELD_COUNT, MISSING_ID, cell_code, header_error};
use super::rows::{Collector, Room, Rows};
use crate::error::{ApiError, RowError};
use crate::problem::excerpt;

/// A JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    json: &'a str,
    /// Whether places in it are those of the body.
    is_whole: bool,
}

impl<'a> Text<'a> {
    /// The whole body.
    pub(crate) fn whole(json: &'a str) -> Self {
        Self {
            json,
            is_whole: true,
        }
    }

    /// A value within the body, known to be well-formed.
    pub(crate) fn part(json: &'a str) -> Self {
        Self {
            json,
            is_whole: false,
        }
    }
}

/// The rows of an array of objects.
pub(super) fn records(text: &Text<'_>, schema: &Schema, room: Room<'_>) -> Result<Rows, ApiError> {
    let mut reading = Reading::new(schema, room);
    read(text, Array(&mut RecordRows(&mut reading)))
        .map_err(|error| reading.stopped.take().unwrap_or(error))?;
    reading.check_columns()?;
    reading.collector.finish()
}

/// The rows of an array of arrays under these column names.
pub(super) fn columns(
    names: &Text<'_>,
    data: &Text<'_>,
    schema: &Schema,
    room: Room<'_>,
) -> Result<Rows, ApiError> {
    let names = column_names(names, room.limits.columns)?;
    let places = find_columns(names.iter().map(String::as_str), schema).map_err(header_error)?;
    let mut slots = vec![None; names.len()];
    for (slot, place) in std::iter::once(&places.id)
        .chain(&places.features)
        .enumerate()
    {
        if let Some(entry) = slots.get_mut(*place) {
            *entry = Some(slot);
        }
    }
    let mut reading = Reading::new(schema, room);
    let mut rows = CellRows {
        reading: &mut reading,
        slots: &slots,
    };
    read(data, Array(&mut rows)).map_err(|error| reading.stopped.take().unwrap_or(error))?;
    reading.collector.finish()
}

/// The names of an array, which is read no further than there may be columns.
fn column_names(text: &Text<'_>, most: u64) -> Result<Vec<String>, ApiError> {
    let mut names = Vec::new();
    let mut is_over = false;
    let result = read(
        text,
        Names {
            names: &mut names,
            most,
            is_over: &mut is_over,
        },
    );
    if is_over {
        return Err(ApiError::TooManyColumns(most));
    }
    result.map(|()| names)
}

/// What a JSON text is refused with; nothing of it is repeated.
pub(super) fn invalid(error: &serde_json::Error) -> ApiError {
    ApiError::JsonInvalid(format!(
        "{} (line {}, column {})",
        describe(error),
        error.line(),
        error.column()
    ))
}

fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    // What was found may be input of any length; what was expected is ours.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => excerpt(message.as_bytes()),
    }
}

fn read<'a, S>(text: &Text<'a>, seed: S) -> Result<(), ApiError>
where
    S: DeserializeSeed<'a, Value = ()>,
{
    let mut deserializer = serde_json::Deserializer::from_str(text.json);
    seed.deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| {
            if text.is_whole {
                invalid(&error)
            } else {
                ApiError::JsonInvalid(describe(&error))
            }
        })
}

/// An array of column names, up to so many.
struct Names<'n> {
    names: &'n mut Vec<String>,
    most: u64,
    is_over: &'n mut bool,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of column names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<(), A::Error> {
        while let Some(name) = names.next_element()? {
            if self.names.len() as u64 == self.most {
                *self.is_over = true;
                return Err(A::Error::custom("stopped"));
            }
            self.names.push(name);
        }
        Ok(())
    }
}

/// What is shared by the rows of one text. Slot 0 is the id, the others are the features.
struct Reading<'s> {
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
    fn new(schema: &'s Schema, room: Room<'s>) -> Self {
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
    fn slot(&self, name: &str) -> Option<usize> {
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
    fn check_columns(&self) -> Result<(), ApiError> {
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

    /// Ends the parsing with an answer of its own.
    fn stop<E: Error>(&mut self, because: ApiError) -> E {
        self.stopped = Some(because);
        E::custom("stopped")
    }

    /// Takes a cell, unless it is too long for one.
    fn check<E: Error>(&mut self, value: Value) -> Result<Value, E> {
        match &value {
            Value::Text(text) if text.len() as u64 > self.limits.field_bytes => {
                Err(self.stop(ApiError::FieldTooLong(self.limits.field_bytes)))
            }
            _ => Ok(value),
        }
    }

    fn begin_row<E: Error>(&mut self) -> Result<u64, E> {
        self.cells.fill(None);
        match self.collector.begin() {
            Ok(row) => Ok(row),
            Err(refusal) => Err(self.stop(refusal)),
        }
    }

    /// Takes or refuses the row whose cells stand in the slots.
    fn end_row(&mut self, row: u64) {
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
}

/// Reads one row.
trait ReadRow<'de> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error>;
}

/// An array, each element a row.
struct Array<'r, R>(&'r mut R);

impl<'de, R: ReadRow<'de>> DeserializeSeed<'de> for Array<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, R: ReadRow<'de>> Visitor<'de> for Array<'_, R> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

struct Row<'r, R>(&'r mut R);

impl<'de, R: ReadRow<'de>> DeserializeSeed<'de> for Row<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.read_row(from)
    }
}

/// Rows that are objects.
struct RecordRows<'r, 's>(&'r mut Reading<'s>);

impl<'de> ReadRow<'de> for RecordRows<'_, '_> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error> {
        row.deserialize_map(Record(self.0))
    }
}

struct Record<'r, 's>(&'r mut Reading<'s>);

impl<'de> Visitor<'de> for Record<'_, '_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object of column names and values for each row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reading = self.0;
        let row = reading.begin_row()?;
        let mut n_members = 0;
        while let Some(slot) = members.next_key_seed(Key(reading))? {
            n_members += 1;
            if n_members > reading.limits.columns {
                let most = reading.limits.columns;
                return Err(reading.stop(ApiError::TooManyColumns(most)));
            }
            let Some(slot) = slot else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = reading.check(members.next_value()?)?;
            if reading.cells[slot].replace(value).is_some() {
                let name = reading.name(slot).to_owned();
                return Err(reading.stop(ApiError::DuplicateColumn(name)));
            }
            reading.found[slot] = true;
        }
        reading.end_row(row);
        Ok(())
    }
}

/// The slot of a member's name.
struct Key<'r, 's>(&'r Reading<'s>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a column name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.slot(name))
    }
}

/// Rows that are arrays.
struct CellRows<'r, 's> {
    reading: &'r mut Reading<'s>,
    /// The slot of each column; `None` for one that is not read.
    slots: &'r [Option<usize>],
}

impl<'de> ReadRow<'de> for CellRows<'_, '_> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error> {
        row.deserialize_seq(Cells {
            reading: self.reading,
            slots: self.slots,
        })
    }
}

struct Cells<'r, 's> {
    reading: &'r mut Reading<'s>,
    slots: &'r [Option<usize>],
}

impl<'de> Visitor<'de> for Cells<'_, '_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of cells for each row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        let row = self.reading.begin_row()?;
        for slot in self.slots {
            let is_there = match slot {
                Some(slot) => {
                    let value = cells.next_element()?;
                    let value = value.map(|value| self.reading.check(value)).transpose()?;
                    let is_there = value.is_some();
                    self.reading.cells[*slot] = value;
                    is_there
                }
                None => cells.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                self.refuse(row);
                return Ok(());
            }
        }
        if cells.next_element::<IgnoredAny>()?.is_some() {
            while cells.next_element::<IgnoredAny>()?.is_some() {}
            self.refuse(row);
        } else {
            self.reading.end_row(row);
        }
        Ok(())
    }
}

impl Cells<'_, '_> {
    fn refuse(self, row: u64) {
        self.reading.collector.refuse(RowError {
            row,
            line: None,
            column: None,
            code: FIELD_COUNT,
            value: None,
        });
    }
}

#[cfg(test)]
mod tests;
