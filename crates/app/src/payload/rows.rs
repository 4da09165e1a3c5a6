//! The rows of a request, collected: accepted ones as numbers, refused ones as errors.

use crate::error::{ApiError, RowError, RowErrors};

/// Rows of a request at most.
pub(super) const MOST_ROWS: usize = 1_000_000;
/// Row errors that an answer lists at most.
const SHOWN_ERRORS: usize = 20;

/// Rows that a model can read; at least one.
#[derive(Debug, PartialEq)]
pub(crate) struct Rows {
    /// The clients.
    pub(crate) ids: Vec<String>,
    /// The features row by row, in schema order; NaN stands for a missing value.
    values: Vec<f64>,
    n_features: usize,
}

/// Takes the rows of a request one by one.
pub(super) struct Collector {
    rows: Rows,
    errors: RowErrors,
    n_rows: usize,
}

/// There are more rows than a request may have.
#[derive(Debug)]
pub(super) struct TooMany;

impl Rows {
    /// The features of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_features)
    }

    /// Missing values among all rows.
    pub(crate) fn missing(&self) -> usize {
        self.values.iter().filter(|value| value.is_nan()).count()
    }
}

impl Collector {
    /// A collector without rows; `n_features` is at least 1.
    pub(super) fn new(n_features: usize) -> Self {
        Self {
            rows: Rows {
                ids: Vec::new(),
                values: Vec::new(),
                n_features,
            },
            errors: RowErrors::default(),
            n_rows: 0,
        }
    }

    /// Whether a row was begun.
    pub(super) fn has_rows(&self) -> bool {
        self.n_rows > 0
    }

    /// Counts a row, and returns its number.
    pub(super) fn begin(&mut self) -> Result<u64, TooMany> {
        if self.n_rows == MOST_ROWS {
            return Err(TooMany);
        }
        self.n_rows += 1;
        Ok(self.n_rows as u64)
    }

    /// Takes the row begun last.
    pub(super) fn accept(&mut self, id: String, values: impl IntoIterator<Item = f64>) {
        // Once a row is refused nothing is predicted: the others are only checked.
        if self.errors.total == 0 {
            self.rows.ids.push(id);
            self.rows.values.extend(values);
        }
    }

    /// Refuses the row begun last.
    pub(super) fn refuse(&mut self, error: RowError) {
        self.errors.total += 1;
        if self.errors.first.len() < SHOWN_ERRORS {
            self.errors.first.push(error);
        }
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

impl From<TooMany> for ApiError {
    fn from(_: TooMany) -> Self {
        Self::TooManyRows(MOST_ROWS)
    }
}
