//! `GET /metrics`: counters and gauges for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use jiff::Timestamp;

use super::expect_no_parameters;
use crate::accept::{self, Media};
use crate::error::ApiError;
use crate::metrics::{Page, RunFigures};
use crate::state::AppState;

/// What the history said of runs last; it stands in while the history cannot be read.
#[derive(Default)]
pub(crate) struct RunFiguresCache(Mutex<Arc<RunFigures>>);

/// Answers with all metrics.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    accept::choose(request.headers(), &[Media::Metrics])?;
    let now = Timestamp::now();
    let shown = state.clone();
    let runs = web::block(move || state.runs.now(&state.config, now)).await?;
    let page = Page {
        metrics: &shown.metrics,
        model: &shown.models.figures(),
        runs: &runs,
        now: now.as_second(),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, Media::Metrics.content_type()))
        .body(page.to_string()))
}

impl RunFiguresCache {
    fn now(&self, config: &Config, now: Timestamp) -> Arc<RunFigures> {
        let read = RunFigures::read(config, now);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(figures) => *kept = Arc::new(figures),
            Err(error) => tracing::warn!("the figures of runs are given again: {error:#}"),
        }
        Arc::clone(&kept)
    }
}
