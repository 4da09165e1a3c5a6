//! Rows as JSON, taken from the text without an intermediate tree.
//!
//! Column names follow the rules of a CSV header. A cell is a number, a string that is one, or
//! missing (`null`, or a string that is a missing marker); a category's is a string or missing. The
//! schema may limit both. Of an array of objects the columns are those of all objects together; one
//! that an object lacks is missing there.

mod cell_rows;
mod reading;
mod record_rows;
mod text;
mod value;

use std::fmt;

use common::Schema;
use dataset::find_columns;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use self::cell_rows::CellRows;
use self::reading::Reading;
use self::record_rows::RecordRows;
use super::csv::header_error;
use super::rows::{Room, Rows};
use crate::error::ApiError;

pub(crate) use text::Text;
pub(super) use text::invalid;

/// The rows of an array of objects.
pub(super) fn records(text: &Text<'_>, schema: &Schema, room: Room<'_>) -> Result<Rows, ApiError> {
    let mut reading = Reading::new(schema, room);
    let read = text.read(Array(&mut RecordRows(&mut reading)));
    reading.ended(read)?;
    reading.check_columns()?;
    reading.finish()
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
    let read = data.read(Array(&mut rows));
    reading.ended(read)?;
    reading.finish()
}

/// The names of an array, which is read no further than there may be columns.
fn column_names(text: &Text<'_>, most: u64) -> Result<Vec<String>, ApiError> {
    let mut names = Vec::new();
    let mut is_over = false;
    let result = text.read(Names {
        names: &mut names,
        most,
        is_over: &mut is_over,
    });
    if is_over {
        return Err(ApiError::TooManyColumns(most));
    }
    result.map(|()| names)
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

#[cfg(test)]
mod tests;
