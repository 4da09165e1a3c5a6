//! The rows of a request, collected: accepted ones as numbers, refused ones as errors.

use common::config::LimitSettings;
use serde::Serialize;
use serde::ser::Serializer;

use crate::error::{ApiError, RowError, RowErrors};
use crate::in_flight::Permit;

/// Row errors that an answer lists at most.
const SHOWN_ERRORS: usize = 20;

/// Rows that a model can read; at least one.
#[derive(Debug, PartialEq)]
pub(crate) struct Rows {
    /// The clients.
    pub(crate) ids: Ids,
    /// The features row by row, in schema order; NaN stands for a missing value.
    values: Vec<f64>,
    n_features: usize,
}

/// Names of clients, kept in one text.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ids {
    text: String,
    ends: Vec<usize>,
}

/// What the rows of a request may take.
pub(crate) struct Room<'r> {
    pub(crate) limits: &'r LimitSettings,
    /// Counts the rows while they are collected.
    pub(crate) permit: &'r mut Permit,
}

/// Bytes of rows after which those collected are counted again: so many, and those of one row, are
/// never counted.
const BYTES_BETWEEN_COUNTS: usize = 256 * 1024;

/// Takes the rows of a request one by one.
pub(super) struct Collector<'r> {
    rows: Rows,
    errors: RowErrors,
    n_rows: u64,
    most_rows: u64,
    permit: &'r mut Permit,
    /// Bytes of the rows that the permit holds.
    counted: usize,
}

/// There are more rows than a request may have.
#[derive(Debug)]
pub(super) struct TooMany(u64);

impl Rows {
    /// The features of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_features)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
            + size_of_val(self.ids.ends.as_slice())
            + self.ids.text.len()
    }

    /// Missing values among all rows.
    pub(crate) fn missing(&self) -> usize {
        self.values.iter().filter(|value| value.is_nan()).count()
    }
}

impl Ids {
    /// The names in the order of the rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let id = &self.text[start..*end];
            start = *end;
            id
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All names, one behind the other.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl TooMany {
    /// There are more than the limits allow.
    pub(super) fn rows(limits: &LimitSettings) -> Self {
        Self(limits.rows)
    }
}

impl<'r> Collector<'r> {
    /// A collector without rows; `n_features` is at least 1.
    pub(super) fn new(n_features: usize, room: Room<'r>) -> Self {
        Self {
            rows: Rows {
                ids: Ids::default(),
                values: Vec::new(),
                n_features,
            },
            errors: RowErrors::default(),
            n_rows: 0,
            most_rows: room.limits.rows,
            permit: room.permit,
            counted: 0,
        }
    }

    /// Whether a row was begun.
    pub(super) fn has_rows(&self) -> bool {
        self.n_rows > 0
    }

    /// Counts a row, and returns its number; refused when there are too many, or too many bytes of
    /// them.
    pub(super) fn begin(&mut self) -> Result<u64, ApiError> {
        if self.n_rows == self.most_rows {
            return Err(TooMany(self.most_rows).into());
        }
        // By bytes, not by rows: a row may be as long as its fields.
        if self.rows.bytes() - self.counted >= BYTES_BETWEEN_COUNTS {
            self.count()?;
        }
        self.n_rows += 1;
        Ok(self.n_rows)
    }

    /// Takes the row begun last.
    pub(super) fn accept(&mut self, id: &str, values: impl IntoIterator<Item = f64>) {
        // Once a row is refused nothing is predicted: the others are only checked.
        if self.errors.total == 0 {
            self.rows.ids.push(id);
            self.rows.values.extend(values);
        }
    }

    /// Refuses the row begun last.
    pub(super) fn refuse(&mut self, error: RowError) {
        self.errors.add(error);
    }

    fn count(&mut self) -> Result<(), ApiError> {
        let bytes = self.rows.bytes();
        self.permit.grow(bytes - self.counted)?;
        self.counted = bytes;
        Ok(())
    }

    /// The rows, unless there are none or one was refused; the permit holds them.
    pub(super) fn finish(mut self) -> Result<Rows, ApiError> {
        self.count()?;
        if self.errors.total > 0 {
            Err(ApiError::RowInvalid(self.errors))
        } else if self.n_rows == 0 {
            Err(ApiError::NoRows)
        } else {
            Ok(self.rows)
        }
    }
}

impl RowErrors {
    pub(super) fn add(&mut self, error: RowError) {
        self.total += 1;
        *self.by_code.entry(error.code).or_default() += 1;
        if self.first.len() < SHOWN_ERRORS {
            self.first.push(error);
        }
    }
}

impl From<TooMany> for ApiError {
    fn from(TooMany(most): TooMany) -> Self {
        Self::TooManyRows(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_flight::InFlight;

    /// The bytes that were there when rows with an id of this length were refused.
    fn held_when_refused(limit: u64, id_bytes: usize) -> u64 {
        let in_flight = InFlight::new(limit);
        let mut permit = in_flight.permit();
        let limits = LimitSettings::default();
        let room = Room {
            limits: &limits,
            permit: &mut permit,
        };
        let mut collector = Collector::new(1, room);
        let id = "x".repeat(id_bytes);
        let refused = (0..limits.rows).find_map(|_| {
            let refused = collector.begin().err();
            collector.accept(&id, [1.0]);
            refused
        });
        assert!(matches!(refused, Some(ApiError::BodyTooLarge { .. })));
        collector.rows.bytes() as u64
    }

    #[test]
    fn rows_are_counted_while_they_are_collected_however_long_they_are() {
        for id_bytes in [8, 64 * 1024] {
            let held = held_when_refused(1 << 20, id_bytes);
            assert!(held < (1 << 20) + (1 << 18), "{held} bytes of {id_bytes}");
        }
    }

    #[test]
    fn the_permit_holds_what_was_collected() {
        let in_flight = InFlight::new(800);
        let mut permit = in_flight.permit();
        let room = Room {
            limits: &LimitSettings::default(),
            permit: &mut permit,
        };
        let mut collector = Collector::new(1, room);
        collector.begin().unwrap();
        collector.accept("a", [1.0]);
        let rows = collector.finish().unwrap();
        assert_eq!(in_flight.held(), rows.bytes() as u64);
        drop(permit);
        assert_eq!(in_flight.held(), 0);
    }
}
