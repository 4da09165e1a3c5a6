//! Answers in JSON.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::accept::{self, Media};
use crate::answer::tagged;
use crate::content::Content;
use crate::error::ApiError;

/// Rejects a client that does not accept JSON.
pub(super) fn expect_json(request: &HttpRequest) -> Result<(), ApiError> {
    accept::choose(request.headers(), &[Media::Json]).map(drop)
}

/// Answers with a value as JSON, with its entity tag.
pub(super) fn answer(
    request: &HttpRequest,
    value: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(tagged(request, Media::Json, Content::made(body)))
}
