//! The routes: each address with its handler.

mod diagnostics;
mod documentation;
mod drift;
mod health;
mod metrics;
mod model;
mod page;
mod prediction;
mod runs;
mod scoring;
mod stored;
mod summarystats;
mod table;
mod version;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, Query, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};
use serde::Serialize;

pub(crate) use self::metrics::RunFiguresCache;
pub(crate) use self::scoring::ScoreCache;
pub(crate) use self::stored::StoredAnswer;
pub(crate) use self::table::{
    ALL, Access, Endpoint, Parameter, ParameterKind, Verb, endpoint_index,
};
use crate::accept::{self, Media};
use crate::answer;
use crate::content::Content;
use crate::error::ApiError;
use crate::problem::excerpt;

/// Adds all routes.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let prediction = &table::PREDICTION;
    config
        .service(
            web::resource(prediction.path)
                .route(web::post().to(prediction::predict))
                .route(options(prediction.allowed())),
        )
        .service(readable(&table::SCORING, scoring::show))
        .service(readable(&table::SUMMARYSTATS, summarystats::show))
        .service(readable(&table::DIAGNOSTICS, diagnostics::show))
        .service(readable(&table::LIVEZ, health::live))
        .service(readable(&table::READYZ, health::ready))
        .service(readable(&table::METRICS, metrics::show))
        .service(readable(&table::VERSION, version::show))
        .service(readable(&table::RUNS, runs::list))
        .service(readable(&table::RUN, runs::one))
        .service(readable(&table::DRIFT, drift::list))
        .service(readable(&table::MODEL, model::show))
        .service(readable(&table::RELEASES, model::releases))
        .service(readable(&table::OPENAPI, documentation::openapi))
        .service(readable(&table::DOCS, documentation::docs))
        .service(readable(&table::DOCS_STYLE, documentation::style))
        .default_service(web::to(nothing_here));
}

/// A resource that can only be read.
fn readable<F, Args>(endpoint: &Endpoint, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(endpoint.path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .route(options(endpoint.allowed()))
}

fn options(allowed: &'static str) -> Route {
    web::method(Method::OPTIONS).to(move || async move {
        HttpResponse::NoContent()
            .insert_header((ALLOW, allowed))
            .finish()
    })
}

async fn nothing_here() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

/// The query parameters, decoded, in their order.
fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    if request.query_string().is_empty() {
        return Vec::new();
    }
    // Any text is a list of parameters.
    Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(Query::into_inner)
        .unwrap_or_default()
}

/// Rejects every parameter.
fn expect_no_parameters(request: &HttpRequest) -> Result<(), ApiError> {
    match parameters(request).first() {
        Some((name, _)) => Err(unknown_parameter(name, "there are none here")),
        None => Ok(()),
    }
}

fn unknown_parameter(name: &str, known: &'static str) -> ApiError {
    ApiError::UnknownParameter {
        given: excerpt(name.as_bytes()),
        known,
    }
}

/// Rejects a client that does not accept JSON.
fn expect_json(request: &HttpRequest) -> Result<(), ApiError> {
    accept::choose(request.headers(), &[Media::Json]).map(drop)
}

/// A value as JSON, with its entity tag.
fn json(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(answer::tagged(request, Media::Json, Content::made(body)))
}
