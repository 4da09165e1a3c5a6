//! `GET /metrics`: counters and gauges for Prometheus.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use jiff::Timestamp;

use super::expect_no_parameters;
use crate::accept::{self, Media};
use crate::error::ApiError;
use crate::metrics::{Page, RunFigures};
use crate::state::AppState;
use crate::work::MonitoringCheck;

/// Figures of runs from the last successful read; used while the history cannot be read.
#[derive(Default)]
pub(crate) struct RunFiguresCache {
    known: Mutex<Arc<RunFigures>>,
    check: MonitoringCheck,
}

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
        model: &state.models.figures(),
        runs: &state.runs.known(),
        now: Timestamp::now().as_second(),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, Media::Metrics.content_type()))
        .body(page.to_string()))
}

impl RunFiguresCache {
    /// Reads the history; the old figures stay if that fails.
    pub(crate) fn read(&self, config: &Config) {
        match RunFigures::read(config, Timestamp::now()) {
            Ok(figures) => *self.lock() = Arc::new(figures),
            Err(error) => tracing::warn!("the figures of runs are given again: {error:#}"),
        }
    }

    fn known(&self) -> Arc<RunFigures> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<RunFigures>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
