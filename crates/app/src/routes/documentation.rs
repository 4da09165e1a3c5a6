//! `GET /openapi.json` and `GET /docs`: the API description for programs and for people.

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse};

use super::json::expect_json;
use super::query::expect_no_parameters;
use crate::accept::{self, Media};
use crate::content::Content;
use crate::error::ApiError;
use crate::{answer, docs, openapi};

/// What a browser may load for a page of the server: only its own style.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    page(&request, Media::Html, docs::page())
}

/// Answers with the style sheet of the documentation page.
pub(super) async fn style(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    page(&request, Media::Css, docs::STYLE)
}

fn page(request: &HttpRequest, media: Media, text: &'static str) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(request)?;
    accept::choose(request.headers(), &[media])?;
    let mut response = answer::tagged(request, media, Content::fixed(text));
    let policy = actix_web::http::header::HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
