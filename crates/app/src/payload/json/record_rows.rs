//! Rows that are objects: each member is a cell under its column's name.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::reading::Reading;
use super::row_array::{ReadRow, a_string};

/// Rows that are objects.
pub(super) struct RecordRows<'r, 's>(pub(super) &'r mut Reading<'s>);

impl<'de> ReadRow<'de> for RecordRows<'_, '_> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error> {
        // If an object were requested, the error of the parser would repeat a string that stands in
        // place of the object.
        row.deserialize_any(Record(self.0))
    }
}

struct Record<'r, 's>(&'r mut Reading<'s>);

impl<'de> Visitor<'de> for Record<'_, '_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object of column names and values for each row")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(a_string(&self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reading = self.0;
        let row = reading.begin_row()?;
        let mut n_members = 0;
        while let Some(slot) = members.next_key_seed(Key(reading))? {
            n_members += 1;
            reading.check_width(n_members)?;
            match slot {
                Some(slot) => {
                    let cell = members.next_value_seed(reading.cell())?;
                    reading.put(slot, cell)?;
                }
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        reading.end_row(row);
        Ok(())
    }
}

/// The slot of a member's name.
struct Key<'r, 's>(&'r mut Reading<'s>);

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
        self.0.check_name(name)?;
        Ok(self.0.slot(name))
    }
}
