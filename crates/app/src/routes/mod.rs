//! The routes: which address is answered by what.

mod diagnostics;
mod health;
mod prediction;
mod scoring;
mod stored;
mod summarystats;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, Query, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};

pub(crate) use self::scoring::ScoreCache;
pub(crate) use self::stored::StoredAnswer;
use crate::error::ApiError;
use crate::problem::excerpt;

/// Adds all routes.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/prediction")
                .route(web::post().to(prediction::predict))
                .route(options("POST, OPTIONS")),
        )
        .service(readable("/scoring", scoring::show))
        .service(readable("/summarystats", summarystats::show))
        .service(readable("/diagnostics", diagnostics::show))
        .service(readable("/livez", health::live))
        .service(readable("/readyz", health::ready))
        .default_service(web::to(nothing_here));
}

/// A resource that can be read and nothing else.
fn readable<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .route(options("GET, HEAD, OPTIONS"))
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

/// The query's parameters, decoded, in their order.
fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    // Any text is a list of parameters.
    Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(Query::into_inner)
        .unwrap_or_default()
}

/// Refuses every parameter.
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
