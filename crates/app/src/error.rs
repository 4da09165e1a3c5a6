//! Everything that a request can be answered with instead of a result.
//!
//! The inner layers return these values; their HTTP side (status, type, title) stands here and
//! nowhere else. Texts may go to the client: they hold no path of this machine, and of the
//! client's input only excerpts.

use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use thiserror::Error;

/// Why a request is not answered with a result.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    JsonInvalid(String),
    #[error("the text is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
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
    #[error("{0}")]
    PathNotAllowed(&'static str),
    #[error("there is no such file")]
    FileNotFound,
    #[error("{0}")]
    NoData(&'static str),
    #[error("there is nothing at this address")]
    NotFound,
    #[error("the method is not allowed here; the header Allow names those that are")]
    MethodNotAllowed,
    #[error("{what} is larger than {limit} bytes")]
    BodyTooLarge { what: &'static str, limit: u64 },
    #[error("there are more than {0} rows")]
    TooManyRows(usize),
    #[error("the content type {0:?} is not read; send text/csv or application/json")]
    ContentType(String),
    #[error("the content encoding {0:?} is not read; send the body as it is")]
    ContentEncoding(String),
    #[error("{} of the rows cannot be read; nothing was predicted", .0.total)]
    RowInvalid(RowErrors),
    #[error("the column {column} is missing (found: {found})")]
    MissingColumn { column: String, found: String },
    #[error("the column {0:?} stands there twice")]
    DuplicateColumn(String),
    #[error("{0}")]
    CsvInvalid(String),
    #[error("there are no rows")]
    NoRows,
    #[error("no model is deployed yet, or none that can be loaded")]
    NoModel,
    /// Its details go to the log only.
    #[error("something failed on the server; its log says what, under the request id")]
    Internal(#[source] anyhow::Error),
}

/// What is wrong with the rows of a request.
#[derive(Debug, Default)]
pub(crate) struct RowErrors {
    /// The first of them.
    pub(crate) first: Vec<RowError>,
    /// All of them.
    pub(crate) total: u64,
}

/// What is wrong with one row.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct RowError {
    /// Counted from 1, the header of a CSV file not among them.
    pub(crate) row: u64,
    /// Line of a CSV text, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// Name of the column, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    pub(crate) code: &'static str,
    /// Excerpt of the cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

/// The HTTP side of an error.
pub(crate) struct Kind {
    pub(crate) status: StatusCode,
    /// Names the problem for programs.
    pub(crate) code: &'static str,
    /// Names it for people.
    pub(crate) title: &'static str,
}

impl ApiError {
    /// Its HTTP side.
    pub(crate) fn kind(&self) -> Kind {
        use StatusCode as S;
        let (status, code, title) = match self {
            Self::JsonInvalid(_) => (S::BAD_REQUEST, "json-invalid", "The JSON cannot be used"),
            Self::NotUtf8(_) => (S::BAD_REQUEST, "not-utf8", "The body is not UTF-8"),
            Self::AmbiguousInput(_) => (
                S::BAD_REQUEST,
                "ambiguous-input",
                "The rows have more than one source",
            ),
            Self::UnknownParameter { .. } => (
                S::BAD_REQUEST,
                "unknown-parameter",
                "The query has an unknown parameter",
            ),
            Self::InvalidParameter { .. } => (
                S::BAD_REQUEST,
                "invalid-parameter",
                "A query parameter has no usable value",
            ),
            Self::BodyIncomplete => (
                S::BAD_REQUEST,
                "body-incomplete",
                "The body could not be read",
            ),
            Self::PathNotAllowed(_) => (
                S::FORBIDDEN,
                "path-not-allowed",
                "The file may not be read through the API",
            ),
            Self::FileNotFound => (S::NOT_FOUND, "file-not-found", "The file does not exist"),
            Self::NoData(_) => (S::NOT_FOUND, "no-data", "There is no data to answer from"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "The address does not exist"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The method is not allowed",
            ),
            Self::BodyTooLarge { .. } => (
                S::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "There is too much to read",
            ),
            Self::TooManyRows(_) => (
                S::PAYLOAD_TOO_LARGE,
                "too-many-rows",
                "There are too many rows",
            ),
            Self::ContentType(_) => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "content-type",
                "The content type is not supported",
            ),
            Self::ContentEncoding(_) => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "content-encoding",
                "The content encoding is not supported",
            ),
            Self::RowInvalid(_) => (
                S::UNPROCESSABLE_ENTITY,
                "row-invalid",
                "Rows cannot be read",
            ),
            Self::MissingColumn { .. } => (
                S::UNPROCESSABLE_ENTITY,
                "missing-column",
                "A column is missing",
            ),
            Self::DuplicateColumn(_) => (
                S::UNPROCESSABLE_ENTITY,
                "duplicate-column",
                "A column stands there twice",
            ),
            Self::CsvInvalid(_) => (
                S::UNPROCESSABLE_ENTITY,
                "csv-invalid",
                "The CSV cannot be used",
            ),
            Self::NoRows => (S::UNPROCESSABLE_ENTITY, "no-rows", "There are no rows"),
            Self::NoModel => (S::SERVICE_UNAVAILABLE, "no-model", "There is no model"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        };
        Kind {
            status,
            code,
            title,
        }
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// Work off the server's workers ends without a value only when it panics.
impl From<BlockingError> for ApiError {
    fn from(error: BlockingError) -> Self {
        Self::Internal(anyhow::Error::new(error))
    }
}

/// The body is written by [`crate::answer`], which knows the request.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind().status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
