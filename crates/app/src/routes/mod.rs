//! The routes: each address with its handler.

mod dashboard;
mod diagnostics;
mod documentation;
mod drift;
mod health;
mod json;
mod metrics;
mod model;
mod page;
mod prediction;
mod query;
mod reports;
mod risks;
mod run_view;
mod runs;
mod scoring;
mod stored;
mod summarystats;
mod version;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route};

use crate::endpoints::{self, Endpoint};
use crate::error::ApiError;

pub(crate) use self::diagnostics::Diagnostics;
pub(crate) use self::drift::EvaluatedRun;
pub(crate) use self::health::Health;
pub(crate) use self::model::ServedModel;
pub(crate) use self::page::Page;
pub(crate) use self::runs::ListedRun;
pub(crate) use self::scoring::Score;
pub(crate) use self::version::Version;

/// Adds all routes.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let prediction = &endpoints::PREDICTION;
    config
        .service(
            web::resource(prediction.path)
                .route(web::post().to(prediction::predict))
                .route(options(prediction.allowed())),
        )
        .service(readable(&endpoints::SCORING, scoring::show))
        .service(readable(&endpoints::SUMMARYSTATS, summarystats::show))
        .service(readable(&endpoints::DIAGNOSTICS, diagnostics::show))
        .service(readable(&endpoints::LIVEZ, health::live))
        .service(readable(&endpoints::READYZ, health::ready))
        .service(readable(&endpoints::METRICS, metrics::show))
        .service(readable(&endpoints::VERSION, version::show))
        .service(readable(&endpoints::RUNS, runs::list))
        .service(readable(&endpoints::RUN, runs::one))
        .service(readable(&endpoints::DRIFT, drift::list))
        .service(readable(&endpoints::MODEL, model::show))
        .service(readable(&endpoints::RELEASES, model::releases))
        .service(readable(&endpoints::RISKS, risks::list))
        .service(readable(&endpoints::REPORT, reports::one))
        .service(readable(&endpoints::OPENAPI, documentation::openapi))
        .service(readable(&endpoints::DOCS, documentation::docs))
        .service(readable(&endpoints::START, dashboard::overview))
        .service(readable(&endpoints::SCORE_PAGE, dashboard::score))
        .service(readable(&endpoints::DRIFT_PAGE, dashboard::drift))
        .service(readable(&endpoints::CALLS_PAGE, dashboard::calls))
        .service(readable(&endpoints::CALLS_FILE, dashboard::calls_file))
        .service(readable(&endpoints::RUNS_PAGE, dashboard::runs))
        .service(readable(&endpoints::RUN_PAGE, dashboard::run))
        .service(readable(&endpoints::RELEASES_PAGE, dashboard::releases))
        .service(readable(&endpoints::RELEASE_PAGE, dashboard::release))
        .service(readable(&endpoints::ALERTS_PAGE, dashboard::alerts))
        .service(readable(&endpoints::REPORTS_PAGE, dashboard::reports))
        .default_service(web::to(unknown_address));
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

async fn unknown_address() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}
