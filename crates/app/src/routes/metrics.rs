//! `GET /metrics`: counters and gauges for Prometheus.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::query::expect_no_parameters;
use crate::accept::{self, Media};
use crate::error::ApiError;
use crate::metrics::Page;
use crate::state::AppState;

/// Answers with all metrics.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    accept::choose(request.headers(), &[Media::Metrics])?;
    let reading = state.clone();
    let read = move || reading.runs.read(&reading.config);
    let is_busy = || state.is_busy();
    state.runs.check.run(is_busy, read).await?;
    let page = Page {
        metrics: &state.metrics,
        load: state.load(),
        model: &state.models.metrics(),
        runs: &state.runs.known(),
        now: common::clock::now().as_second(),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, Media::Metrics.content_type()))
        .body(page.to_string()))
}
