//! The rows of a prediction request, in any format.

mod body;
mod csv;
mod json;
mod path;
mod rows;
mod source;
mod stream;

use std::fs::File;
use std::io::Take;

use common::{Config, Schema};
use dataset::Format;

use crate::error::ApiError;
use crate::in_flight::Permit;

use self::rows::RowBudget;
pub(crate) use body::{Gathered, Incoming};
pub(crate) use rows::{Ids, RequestRows};
pub(crate) use source::{BodyFormat, Source};
pub(crate) use stream::{Streaming, stream_body, stream_file};

/// Size up to which rows with a streamable answer are checked as a whole before the first byte is
/// sent.
pub(crate) const MAX_BYTES_CHECKED_FIRST: u64 = 16 * 1024 * 1024;

/// The rows of a source. The memory of the rows is counted while they are collected. A file is
/// counted before it is read.
pub(crate) fn rows(
    source: &Source<'_>,
    config: &Config,
    schema: &Schema,
    permit: &mut Permit,
) -> Result<RequestRows, ApiError> {
    let limits = &config.api.limits;
    match source {
        Source::Csv(text) => {
            let format = Format::of_body(&config.ingestion.text);
            let budget = RowBudget { limits, permit };
            csv::rows(text.as_bytes(), format, schema, budget)
                .map_err(|error| source::hint_at_line_ends(text, error))
        }
        Source::Records(json) => json::records(json, schema, RowBudget { limits, permit }),
        Source::Columns { names, data } => {
            json::columns(names, data, schema, RowBudget { limits, permit })
        }
        Source::Path(path) => {
            let file = path::open(config, path)?;
            permit.grow(usize::try_from(file.limit()).unwrap_or(usize::MAX))?;
            let format = Format::foreign(&config.ingestion.text);
            csv::rows(file, format, schema, RowBudget { limits, permit })
        }
    }
}

/// A named file that is too large to be checked as a whole.
pub(crate) fn large_file(
    source: &Source<'_>,
    config: &Config,
) -> Result<Option<Take<File>>, ApiError> {
    let Source::Path(path) = source else {
        return Ok(None);
    };
    let file = path::open(config, path)?;
    Ok((file.limit() > MAX_BYTES_CHECKED_FIRST).then_some(file))
}

#[cfg(test)]
mod tests;
