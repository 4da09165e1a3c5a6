//! The rows of a prediction request, whatever form they come in.

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

use crate::error::ApiError;
use crate::in_flight::Permit;

use self::rows::Room;
pub(crate) use body::{Gathered, Incoming};
pub(crate) use rows::{Ids, Rows};
pub(crate) use source::{Form, Source};
pub(crate) use stream::{Streaming, stream_body, stream_file};

/// Rows whose answer may stream are checked whole before the first byte up to this size.
pub(crate) const CHECKED_WHOLE: u64 = 16 * 1024 * 1024;

/// The rows of a source, which count as held while they are collected; a file does so before it is
/// read.
pub(crate) fn rows(
    source: &Source<'_>,
    config: &Config,
    schema: &Schema,
    permit: &mut Permit,
) -> Result<Rows, ApiError> {
    let limits = &config.api.limits;
    match source {
        Source::Csv(text) => csv::rows(text.as_bytes(), schema, Room { limits, permit }),
        Source::Records(json) => json::records(json, schema, Room { limits, permit }),
        Source::Columns { names, data } => {
            json::columns(names, data, schema, Room { limits, permit })
        }
        Source::Path(path) => {
            let file = path::open(config, path)?;
            permit.grow(usize::try_from(file.limit()).unwrap_or(usize::MAX))?;
            csv::rows(file, schema, Room { limits, permit })
        }
    }
}

/// A named file that is too large to be checked whole.
pub(crate) fn large_file(
    source: &Source<'_>,
    config: &Config,
) -> Result<Option<Take<File>>, ApiError> {
    let Source::Path(path) = source else {
        return Ok(None);
    };
    let file = path::open(config, path)?;
    Ok((file.limit() > CHECKED_WHOLE).then_some(file))
}

#[cfg(test)]
mod tests;
