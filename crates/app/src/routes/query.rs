//! The query of a request.

use actix_web::HttpRequest;
use actix_web::web::Query;

use crate::error::ApiError;
use crate::problem::excerpt;

/// The query parameters, decoded, in their order.
pub(super) fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    if request.query_string().is_empty() {
        return Vec::new();
    }
    // Any text is a list of parameters.
    Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(Query::into_inner)
        .unwrap_or_default()
}

/// Rejects every parameter.
pub(super) fn expect_no_parameters(request: &HttpRequest) -> Result<(), ApiError> {
    match parameters(request).first() {
        Some((name, _)) => Err(unknown_parameter(name, "there are none here")),
        None => Ok(()),
    }
}

/// The error for a parameter that the endpoint does not have.
pub(super) fn unknown_parameter(name: &str, known: &'static str) -> ApiError {
    ApiError::UnknownParameter {
        given: excerpt(name.as_bytes()),
        known,
    }
}
