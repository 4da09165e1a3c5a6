//! Errors of requests.
//!
//! Inner layers return these errors; their HTTP side (status, type, title) is defined by their
//! kind. Texts may go to clients. So they contain no path of this machine, and only excerpts of a
//! client's input.

use std::collections::BTreeMap;
use std::io::stderr;
use std::os::fd::AsFd;

use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use reporting::dashboard::Advice;
use rustix::io::Errno;
use schemars::JsonSchema;
use scoring::CallListFlaw;
use serde::Serialize;
use thiserror::Error;

use crate::kind::{self, Kind};

/// Error of a request.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    JsonInvalid(String),
    #[error("the text is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    #[error("the body is not a complete gzip stream")]
    GzipInvalid,
    #[error("the rows have more than one source: {0}; send one of them")]
    AmbiguousInput(&'static str),
    #[error("the query parameter {given:?} is not known; {known}")]
    UnknownParameter { given: String, known: &'static str },
    #[error("the query parameter {name} must be {expected}, once")]
    InvalidParameter {
        name: &'static str,
        expected: &'static str,
    },
    #[error("the body broke off before its end")]
    BodyIncomplete,
    #[error("this server needs a key: Authorization: Bearer KEY, or X-API-Key")]
    KeyMissing,
    #[error("the key is not among those of the server")]
    KeyUnknown,
    #[error("too many wrong keys came from this address")]
    TooManyWrongKeys,
    #[error("the key's scope is {has}; this needs {needs}")]
    ScopeMissing {
        has: &'static str,
        needs: &'static str,
    },
    #[error("the key given as the password has the scope {has}; this needs {needs}")]
    PasswordScope {
        has: &'static str,
        needs: &'static str,
    },
    #[error(
        "a page of the origin {0:?} sent this, and a server without keys accepts only its own and listed origins; list the origin in api.allowed_origins"
    )]
    ForeignOrigin(String),
    #[error("{0}")]
    PathNotAllowed(&'static str),
    #[error("there is no such file")]
    FileNotFound,
    #[error("{0}")]
    NoData(&'static str),
    #[error("{}", .0.what)]
    Absent(Box<Absent>),
    #[error("there is nothing at this address")]
    NotFound,
    #[error("the method {given} is not allowed here; allowed: {allowed}")]
    MethodNotAllowed { given: String, allowed: String },
    #[error("this is answered as {0}")]
    NotAcceptable(String),
    #[error("the body did not come within {0} s, or far too slowly")]
    BodyTimeout(u64),
    #[error("{what} is larger than {limit} bytes")]
    BodyTooLarge { what: &'static str, limit: u64 },
    #[error("there are more than {0} rows")]
    TooManyRows(u64),
    #[error("there are more than {0} columns")]
    TooManyColumns(u64),
    #[error("a field is longer than {0} bytes")]
    FieldTooLong(u64),
    #[error("the content type {0:?} is not supported; send text/csv or application/json")]
    ContentType(String),
    #[error("the charset {0:?} is not supported; send the text as UTF-8")]
    Charset(String),
    #[error(
        "a form with a file is not supported; send the file itself as the body, as curl does with --data-binary @FILE"
    )]
    FormUpload,
    #[error("the content encoding {0:?} is not supported; send the body as it is or as gzip")]
    ContentEncoding(String),
    #[error(
        "the head of the request is not valid HTTP: perhaps its address is longer than 65534 bytes, it does not have exactly one header Host, or it has a line without a colon or a length that is not a number"
    )]
    RequestInvalid,
    #[error("the head of the request is larger than 128 KiB, or has more than 96 headers")]
    HeadTooLarge,
    #[error("the head of the request did not arrive within {0} s")]
    HeadTimeout(u64),
    #[error(
        "the server is not known as {0:?}; the operator of the server can add the name to api.allowed_hosts"
    )]
    Host(String),
    #[error("{} of the rows cannot be read; nothing was predicted", .0.total)]
    RowInvalid(RowErrors),
    #[error("{} missing (found: {found})", subject(.columns))]
    MissingColumn {
        /// All missing columns, at least one.
        columns: Vec<String>,
        found: String,
    },
    #[error("the column {0:?} occurs twice")]
    DuplicateColumn(String),
    #[error("{0}")]
    CsvInvalid(String),
    #[error("there are no rows")]
    NoRows,
    #[error("no model is deployed yet, or the deployed model cannot be loaded")]
    NoModel,
    /// An error with a hint at its likely cause.
    #[error("{0}; {1}")]
    Hinted(Box<ApiError>, &'static str),
    #[error("the server is overloaded; try again")]
    Overloaded,
    #[error("the call list is damaged: {0}")]
    CallListDamaged(String),
    /// An unexpected error on the server. Its details go to the log only.
    #[error("something failed on the server; its log says what, under the request id")]
    Internal(#[source] anyhow::Error),
}

/// Something that a page would show and that is not there.
#[derive(Debug)]
pub(crate) struct Absent {
    /// What is not there, as a sentence.
    pub(crate) what: String,
    /// What to do instead.
    pub(crate) advice: Advice,
}

/// Upper limit of missing columns that an answer names.
const MAX_SHOWN_COLUMNS: usize = 50;

/// The columns as the subject of a sentence, with its verb.
fn subject(columns: &[String]) -> String {
    let shown = columns[..columns.len().min(MAX_SHOWN_COLUMNS)].join(", ");
    match columns.len() {
        1 => format!("the column {shown} is"),
        2..=MAX_SHOWN_COLUMNS => format!("the columns {shown} are"),
        all => format!(
            "the columns {shown} and {} more are",
            all - MAX_SHOWN_COLUMNS
        ),
    }
}

/// Errors in the rows of a request.
#[derive(Debug, Default)]
pub(crate) struct RowErrors {
    /// The first errors.
    pub(crate) first: Vec<RowError>,
    /// Number of all errors.
    pub(crate) total: u64,
    /// Number of errors by code.
    pub(crate) by_code: BTreeMap<&'static str, u64>,
}

/// Error in one row.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RowError {
    /// Number of the row, counted from 1 without the header of a CSV file.
    pub(crate) row: u64,
    /// Line of a CSV text, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// Name of the column, if the error concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// Code of what is wrong, such as `not-a-number`.
    pub(crate) code: &'static str,
    /// What is wrong, as a sentence.
    pub(crate) detail: String,
    /// Beginning of the cell, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

impl ApiError {
    /// Kind of the error, which defines its HTTP side.
    pub(crate) fn kind(&self) -> &'static Kind {
        match self {
            Self::JsonInvalid(_) => &kind::JSON_INVALID,
            Self::NotUtf8(_) => &kind::NOT_UTF8,
            Self::GzipInvalid => &kind::GZIP_INVALID,
            Self::AmbiguousInput(_) => &kind::AMBIGUOUS_INPUT,
            Self::UnknownParameter { .. } => &kind::UNKNOWN_PARAMETER,
            Self::InvalidParameter { .. } => &kind::INVALID_PARAMETER,
            Self::BodyIncomplete => &kind::BODY_INCOMPLETE,
            Self::KeyMissing | Self::PasswordScope { .. } => &kind::KEY_MISSING,
            Self::KeyUnknown => &kind::KEY_UNKNOWN,
            Self::TooManyWrongKeys => &kind::TOO_MANY_WRONG_KEYS,
            Self::ScopeMissing { .. } => &kind::SCOPE_MISSING,
            Self::ForeignOrigin(_) => &kind::FOREIGN_ORIGIN,
            Self::PathNotAllowed(_) => &kind::PATH_NOT_ALLOWED,
            Self::FileNotFound => &kind::FILE_NOT_FOUND,
            Self::NoData(_) | Self::Absent(_) => &kind::NO_DATA,
            Self::NotFound => &kind::NOT_FOUND,
            Self::MethodNotAllowed { .. } => &kind::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => &kind::NOT_ACCEPTABLE,
            Self::BodyTimeout(_) => &kind::BODY_TIMEOUT,
            Self::BodyTooLarge { .. } => &kind::BODY_TOO_LARGE,
            Self::TooManyRows(_) => &kind::TOO_MANY_ROWS,
            Self::TooManyColumns(_) => &kind::TOO_MANY_COLUMNS,
            Self::FieldTooLong(_) => &kind::FIELD_TOO_LONG,
            Self::ContentType(_) | Self::Charset(_) | Self::FormUpload => &kind::CONTENT_TYPE,
            Self::ContentEncoding(_) => &kind::CONTENT_ENCODING,
            Self::RequestInvalid => &kind::REQUEST_INVALID,
            Self::HeadTooLarge => &kind::HEAD_TOO_LARGE,
            Self::HeadTimeout(_) => &kind::HEAD_TIMEOUT,
            Self::Host(_) => &kind::HOST,
            Self::RowInvalid(_) => &kind::ROW_INVALID,
            Self::MissingColumn { .. } => &kind::MISSING_COLUMN,
            Self::DuplicateColumn(_) => &kind::DUPLICATE_COLUMN,
            Self::CsvInvalid(_) => &kind::CSV_INVALID,
            Self::NoRows => &kind::NO_ROWS,
            Self::NoModel => &kind::NO_MODEL,
            Self::Hinted(error, _) => error.kind(),
            Self::Overloaded => &kind::OVERLOADED,
            Self::CallListDamaged(_) => &kind::CALL_LIST_DAMAGED,
            Self::Internal(_) => &kind::INTERNAL,
        }
    }

    /// The error to answer with if the system has run out of resources: the server is then
    /// overloaded, not broken. `None` for any other error.
    pub(crate) fn as_overload(&self) -> Option<&'static Self> {
        match self {
            Self::Internal(cause) if is_out_of_resources(cause) => Some(&Self::Overloaded),
            _ => None,
        }
    }

    /// HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Seconds after which a retry may succeed; `None` if waiting does not help.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Overloaded => Some(1),
            Self::NoModel => Some(5),
            Self::TooManyWrongKeys => Some(60),
            _ => None,
        }
    }
}

/// True if an error occurred because the system has no more handles, threads or memory to give.
/// Errors of the database hide this cause, so the function also tries to get a handle.
fn is_out_of_resources(cause: &anyhow::Error) -> bool {
    const SYSTEM: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    let is_of_system = |error: &std::io::Error| {
        let code = error.raw_os_error();
        SYSTEM
            .iter()
            .any(|errno| code == Some(errno.raw_os_error()))
    };
    let mut causes = cause.chain().filter_map(|error| error.downcast_ref());
    causes.any(is_of_system)
        || stderr()
            .as_fd()
            .try_clone_to_owned()
            .is_err_and(|error| is_of_system(&error))
}

/// An error decided in another layer is kept, and a damaged call list is named. Any other error is internal.
impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast() {
            Ok(decided) => return decided,
            Err(error) => error,
        };
        match CallListFlaw::of(&error) {
            Some(flaw) => Self::CallListDamaged(flaw.without_folder()),
            None => Self::Internal(error),
        }
    }
}

/// Work outside the server's workers ends without a value only when it panics.
impl From<BlockingError> for ApiError {
    fn from(error: BlockingError) -> Self {
        Self::Internal(anyhow::Error::new(error))
    }
}

/// The body is written by [`crate::answer`], which knows the request.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::*;

    #[test]
    fn a_system_without_handles_or_threads_is_an_overload() {
        let internal = |errno: Errno| {
            let error: anyhow::Result<()> = Err(io::Error::from(errno).into());
            ApiError::Internal(error.context("failed to read").unwrap_err())
        };
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN] {
            let error = internal(errno);
            assert!(
                matches!(error.as_overload(), Some(ApiError::Overloaded)),
                "{errno}"
            );
        }
        assert!(internal(Errno::IO).as_overload().is_none());
        assert!(ApiError::NotFound.as_overload().is_none());
    }
}
