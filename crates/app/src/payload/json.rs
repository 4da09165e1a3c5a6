//! Rows as JSON, parsed from the text without an intermediate tree.
//!
//! Column names follow the rules of a CSV header. A cell is a number, a string that is a number, or
//! missing (`null`, or a string that is a missing marker). A category's cell is a string or
//! missing. The schema may limit both. An array of objects has the columns of all its objects
//! together. A column that an object lacks is missing there.

mod cell_rows;
mod reading;
mod record_rows;
mod row_array;
mod text;
mod value;

use std::fmt;

use common::Schema;
use common::config::LimitSettings;
use dataset::find_columns;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};

use self::cell_rows::CellRows;
use self::reading::Reading;
use self::record_rows::RecordRows;
use self::row_array::{Array, a_string};
use self::value::{Cell, Value};
use super::csv::header_error;
use super::rows::{RequestRows, RowBudget};
use crate::error::ApiError;

pub(crate) use text::Text;
pub(super) use text::invalid;

/// The rows of an array of objects.
pub(super) fn records(
    text: &Text<'_>,
    schema: &Schema,
    budget: RowBudget<'_>,
) -> Result<RequestRows, ApiError> {
    let mut reading = Reading::new(schema, budget);
    let read = text.read(Array(&mut RecordRows(&mut reading)));
    reading.ended(read)?;
    reading.check_columns()?;
    reading.finish()
}

/// The rows of an array of arrays, under these column names.
pub(super) fn columns(
    names: &Text<'_>,
    data: &Text<'_>,
    schema: &Schema,
    budget: RowBudget<'_>,
) -> Result<RequestRows, ApiError> {
    let names = column_names(names, budget.limits)?;
    let places = find_columns(names.iter().map(String::as_str), schema).map_err(header_error)?;
    let mut slots = vec![None; names.len()];
    for (slot, place) in places.id.iter().chain(&places.features).enumerate() {
        if let Some(entry) = slots.get_mut(*place) {
            *entry = Some(slot);
        }
    }
    let mut reading = Reading::new(schema, budget);
    let mut rows = CellRows {
        reading: &mut reading,
        slots: &slots,
    };
    let read = data.read(Array(&mut rows));
    reading.ended(read)?;
    reading.finish()
}

/// Column names of an array; reading stops at the limit of columns.
fn column_names(text: &Text<'_>, limits: &LimitSettings) -> Result<Vec<String>, ApiError> {
    let mut names = Vec::new();
    let mut stop_error = None;
    let read = text.read(Names {
        names: &mut names,
        limits,
        stop_error: &mut stop_error,
    });
    match stop_error {
        Some(stop_error) => Err(stop_error),
        None => read.map(|()| names),
    }
}

/// An array of column names, limited in number and length.
struct Names<'n> {
    names: &'n mut Vec<String>,
    limits: &'n LimitSettings,
    /// Reason for stopping that is not a JSON error.
    stop_error: &'n mut Option<ApiError>,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of column names")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(a_string(&self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<(), A::Error> {
        let LimitSettings {
            columns,
            field_bytes,
            ..
        } = *self.limits;
        let name = Cell {
            max_bytes: field_bytes,
        };
        while let Some(name) = names.next_element_seed(name)? {
            let stop_error = match name {
                Value::TooLong => ApiError::FieldTooLong(field_bytes),
                Value::Text(_) if self.names.len() as u64 == columns => {
                    ApiError::TooManyColumns(columns)
                }
                Value::Text(name) => {
                    self.names.push(name);
                    continue;
                }
                _ => {
                    return Err(A::Error::invalid_type(
                        Unexpected::Other("another value"),
                        &self,
                    ));
                }
            };
            *self.stop_error = Some(stop_error);
            return Err(A::Error::custom("stopped"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
