//! `GET /openapi.json` and `GET /docs`: the API description for programs and for people.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::json::expect_json;
use super::query::expect_no_parameters;
use crate::accept::{self, Media};
use crate::content::Content;
use crate::error::ApiError;
use crate::{answer, docs, openapi};

/// Answers with the OpenAPI description.
pub(super) async fn openapi(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    Ok(answer::tagged(
        &request,
        Media::Json,
        Content::fixed(openapi::text()),
    ))
}

/// Answers with the documentation page.
pub(super) async fn docs(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    accept::choose(request.headers(), &[Media::Html])?;
    let mut response = answer::tagged(&request, Media::Html, Content::fixed(docs::page()));
    let policy = HeaderValue::from_static(docs::policy());
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
