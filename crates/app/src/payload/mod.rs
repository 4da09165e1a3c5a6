//! The rows of a prediction request, whatever form they come in.

mod body;
mod csv;
mod json;
mod path;
mod rows;
mod source;

use common::{Config, Schema};

use crate::error::ApiError;

pub(crate) use body::read as read_body;
pub(crate) use rows::Rows;
pub(crate) use source::{Form, Source};

/// The rows of a source.
pub(crate) fn rows(
    source: &Source<'_>,
    config: &Config,
    schema: &Schema,
) -> Result<Rows, ApiError> {
    match source {
        Source::Csv(text) => csv::rows(text.as_bytes(), schema),
        Source::Records(json) => json::records(json, schema),
        Source::Columns { names, data } => json::columns(names, data, schema),
        Source::Path(path) => csv::rows(path::open(config, path)?, schema),
    }
}

#[cfg(test)]
mod tests;
