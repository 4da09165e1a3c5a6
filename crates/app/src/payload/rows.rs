//! Collection of the rows of a request: accepted rows as numbers, rejected rows as errors.

use common::config::LimitSettings;
use serde::Serialize;
use serde::ser::Serializer;

use crate::error::{ApiError, RowError, RowErrors};
use crate::in_flight::Permit;

/// Upper limit of row errors in an answer.
const MAX_SHOWN_ERRORS: usize = 20;

/// Rows that a model can read; at least one.
#[derive(Debug, PartialEq)]
pub(crate) struct RequestRows {
    /// Ids of the clients.
    pub(crate) ids: Ids,
    /// The features row by row, in schema order; NaN is a missing value.
    values: Vec<f64>,
    n_features: usize,
}

/// Ids of clients, stored in one text.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ids {
    text: String,
    ends: Vec<usize>,
}

/// Limits and memory for the rows of a request.
pub(crate) struct RowBudget<'r> {
    pub(crate) limits: &'r LimitSettings,
    /// Counts the rows while they are collected.
    pub(crate) permit: &'r mut Permit,
}

/// Bytes of collected rows after which the memory is counted again. So at most this many bytes, and
/// those of one row, are not counted.
const BYTES_BETWEEN_COUNTS: usize = 256 * 1024;

/// Collects the rows of a request one by one.
pub(super) struct RowCollector<'r> {
    /// The rows without the text of their ids.
    rows: RequestRows,
    /// The text of the ids. Checking it once is faster than checking each id.
    id_text: Vec<u8>,
    errors: RowErrors,
    n_rows: u64,
    max_rows: u64,
    permit: &'r mut Permit,
    /// Bytes of rows that the permit has counted.
    counted: usize,
}

/// Error: a request has more rows than this limit.
#[derive(Debug)]
pub(super) struct TooManyRows(u64);

impl RequestRows {
    /// The features of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_features)
    }

    /// The features of all rows, one row after another.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that the rows use in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
            + size_of_val(self.ids.ends.as_slice())
            + self.ids.text.len()
    }

    /// Number of missing values in all rows.
    pub(crate) fn missing(&self) -> usize {
        self.values.iter().filter(|value| value.is_nan()).count()
    }
}

impl Ids {
    /// The ids in the order of the rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let id = &self.text[start..*end];
            start = *end;
            id
        })
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All ids, joined without separators.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl TooManyRows {
    /// The error for the configured limit.
    pub(super) fn rows(limits: &LimitSettings) -> Self {
        Self(limits.rows)
    }
}

impl<'r> RowCollector<'r> {
    /// A collector without rows; `n_features` is at least 1.
    pub(super) fn new(n_features: usize, budget: RowBudget<'r>) -> Self {
        Self {
            rows: RequestRows {
                ids: Ids::default(),
                values: Vec::new(),
                n_features,
            },
            id_text: Vec::new(),
            errors: RowErrors::default(),
            n_rows: 0,
            max_rows: budget.limits.rows,
            permit: budget.permit,
            counted: 0,
        }
    }

    /// True if a row was begun.
    pub(super) fn has_rows(&self) -> bool {
        self.n_rows > 0
    }

    /// Begins a row and returns its number. An error if there are too many rows, or too many bytes.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<u64, ApiError> {
        if self.n_rows == self.max_rows {
            return Err(TooManyRows(self.max_rows).into());
        }
        // Counted by bytes, not rows: a row may be as long as its fields.
        if self.bytes() - self.counted >= BYTES_BETWEEN_COUNTS {
            self.count()?;
        }
        self.n_rows += 1;
        Ok(self.n_rows)
    }

    /// Accepts the current row. Its id is UTF-8.
    #[inline]
    pub(super) fn accept(&mut self, id: &[u8], values: &[f64]) {
        // After a rejected row nothing is predicted; further rows are only checked.
        if self.errors.total == 0 {
            self.id_text.extend_from_slice(id);
            self.rows.ids.ends.push(self.id_text.len());
            self.rows.values.extend_from_slice(values);
        }
    }

    /// Rejects the current row.
    pub(super) fn reject(&mut self, error: RowError) {
        self.errors.add(error);
    }

    /// Bytes that the rows use in memory.
    fn bytes(&self) -> usize {
        self.rows.bytes() + self.id_text.len()
    }

    fn count(&mut self) -> Result<(), ApiError> {
        let bytes = self.bytes();
        self.permit.grow(bytes - self.counted)?;
        self.counted = bytes;
        Ok(())
    }

    /// The rows. An error if there are none or one was rejected. The permit has counted all of
    /// them.
    pub(super) fn finish(mut self) -> Result<RequestRows, ApiError> {
        self.count()?;
        if self.errors.total > 0 {
            Err(ApiError::RowInvalid(self.errors))
        } else if self.n_rows == 0 {
            Err(ApiError::NoRows)
        } else {
            self.rows.ids.text = String::from_utf8(self.id_text)
                .map_err(|error| ApiError::Internal(error.into()))?;
            Ok(self.rows)
        }
    }
}

impl RowErrors {
    pub(super) fn add(&mut self, error: RowError) {
        self.total += 1;
        *self.by_code.entry(error.code).or_default() += 1;
        if self.first.len() < MAX_SHOWN_ERRORS {
            self.first.push(error);
        }
    }
}

impl From<TooManyRows> for ApiError {
    fn from(TooManyRows(limit): TooManyRows) -> Self {
        Self::TooManyRows(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_flight::InFlight;

    /// Bytes of rows in memory when rows with ids of this length exceed the limit.
    fn bytes_when_rejected(limit: u64, id_bytes: usize) -> u64 {
        let in_flight = InFlight::new(limit);
        let mut permit = in_flight.permit();
        let limits = LimitSettings::default();
        let budget = RowBudget {
            limits: &limits,
            permit: &mut permit,
        };
        let mut collector = RowCollector::new(1, budget);
        let id = "x".repeat(id_bytes);
        let rejected = (0..limits.rows).find_map(|_| {
            let rejected = collector.begin().err();
            collector.accept(id.as_bytes(), &[1.0]);
            rejected
        });
        assert!(matches!(rejected, Some(ApiError::BodyTooLarge { .. })));
        collector.bytes() as u64
    }

    #[test]
    fn rows_of_any_length_are_counted_while_they_are_collected() {
        for id_bytes in [8, 64 * 1024] {
            let bytes_in_memory = bytes_when_rejected(1 << 20, id_bytes);
            assert!(
                bytes_in_memory < (1 << 20) + (1 << 18),
                "{bytes_in_memory} bytes of {id_bytes}"
            );
        }
    }

    #[test]
    fn the_permit_counts_the_collected_rows() {
        let in_flight = InFlight::new(800);
        let mut permit = in_flight.permit();
        let budget = RowBudget {
            limits: &LimitSettings::default(),
            permit: &mut permit,
        };
        let mut collector = RowCollector::new(1, budget);
        collector.begin().unwrap();
        collector.accept(b"a", &[1.0]);
        let rows = collector.finish().unwrap();
        assert_eq!(in_flight.used(), rows.bytes() as u64);
        drop(permit);
        assert_eq!(in_flight.used(), 0);
    }
}
