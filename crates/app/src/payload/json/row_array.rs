//! An array of rows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Expected, SeqAccess, Unexpected, Visitor};

/// The error for a string where something else is expected. The string is not repeated: it may be
/// as long as the body, and longer once it is escaped.
pub(super) fn a_string<E: Error>(expected: &dyn Expected) -> E {
    E::invalid_type(Unexpected::Other("a string"), expected)
}

/// Reads one row.
pub(super) trait ReadRow<'de> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error>;
}

/// An array whose elements are rows.
pub(super) struct Array<'r, R>(pub(super) &'r mut R);

impl<'de, R: ReadRow<'de>> DeserializeSeed<'de> for Array<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, R: ReadRow<'de>> Visitor<'de> for Array<'_, R> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of rows")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(a_string(&self))
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
