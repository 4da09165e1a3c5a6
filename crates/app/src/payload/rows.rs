//! The rows of a request, collected: accepted ones as numbers, refused ones as errors.

use common::config::LimitSettings;
use serde::Serialize;
use serde::ser::Serializer;

use crate::error::{ApiError, RowError, RowErrors};

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

/// Takes the rows of a request one by one.
pub(super) struct Collector {
    rows: Rows,
    errors: RowErrors,
    n_rows: u64,
    most_rows: u64,
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
        self.ids.ends.len()
    }

    /// Bytes that they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
            + size_of_val(self.ids.ends.as_slice())
            + self.ids.bytes()
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

    /// Bytes of all names.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
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

impl Collector {
    /// A collector without rows; `n_features` is at least 1.
    pub(super) fn new(n_features: usize, limits: &LimitSettings) -> Self {
        Self {
            rows: Rows {
                ids: Ids::default(),
                values: Vec::new(),
                n_features,
            },
            errors: RowErrors::default(),
            n_rows: 0,
            most_rows: limits.rows,
        }
    }

    /// Whether a row was begun.
    pub(super) fn has_rows(&self) -> bool {
        self.n_rows > 0
    }

    /// Counts a row, and returns its number.
    pub(super) fn begin(&mut self) -> Result<u64, TooMany> {
        if self.n_rows == self.most_rows {
            return Err(TooMany(self.most_rows));
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

    /// The rows, unless there are none or one was refused.
    pub(super) fn finish(self) -> Result<Rows, ApiError> {
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
