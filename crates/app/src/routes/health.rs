//! `/livez` and `/readyz`: liveness and readiness checks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use schemars::JsonSchema;
use serde::Serialize;

use super::query::expect_no_parameters;
use crate::error::ApiError;
use crate::state::AppState;

/// The server answers.
const ALIVE: &str = "alive";
/// Predictions are possible.
const READY: &str = "ready";
/// Predictions are possible, but not with the live release.
const DEGRADED: &str = "degraded";
/// No model can be used.
const NO_MODEL: &str = "no-model";
/// The server is being stopped.
const DRAINING: &str = "draining";

/// Result of a liveness or readiness check.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Result of all checks together.
    #[schemars(extend("enum" = [ALIVE, READY, DEGRADED, NO_MODEL, DRAINING]))]
    status: &'static str,
    /// The checks of `/readyz`; absent in the answer of `/livez`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
}

/// One check of `/readyz`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HealthCheck")]
struct Check {
    /// Name of the check.
    name: &'static str,
    /// True if the check passed.
    ok: bool,
    /// Result of the check in words.
    detail: String,
}

/// Liveness check: answers as long as the server runs.
pub(super) async fn live(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    Ok(answer(StatusCode::OK, ALIVE, Vec::new()))
}

/// Readiness check: looks for a new release, then answers whether predictions are possible.
pub(super) async fn ready(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let models = Arc::clone(&state.models);
    let refresh = move || models.refresh();
    let is_busy = || state.is_busy();
    state.models.check.run(is_busy, refresh).await?;
    let readiness = state.models.readiness();
    let is_draining = state.is_draining.load(Ordering::Relaxed);
    let model = Check {
        name: "model",
        ok: readiness.release.is_some(),
        detail: match &readiness.release {
            Some(release) => format!("release {release} is served"),
            None => "no model is deployed yet, or the deployed model cannot be loaded".into(),
        },
    };
    let live = Check {
        name: "live-release",
        ok: readiness.is_live,
        detail: if readiness.is_live {
            "the live release is the one served".into()
        } else {
            "the live release is missing or cannot be loaded; the log of the server says why".into()
        },
    };
    let running = Check {
        name: "running",
        ok: !is_draining,
        detail: if is_draining {
            "the server is being stopped".into()
        } else {
            "the server takes requests".into()
        },
    };
    let (status, status_text) = match (is_draining, model.ok, live.ok) {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, DRAINING),
        (false, false, _) => (StatusCode::SERVICE_UNAVAILABLE, NO_MODEL),
        (false, true, false) => (StatusCode::OK, DEGRADED),
        (false, true, true) => (StatusCode::OK, READY),
    };
    Ok(answer(status, status_text, vec![model, live, running]))
}

fn answer(status: StatusCode, status_text: &'static str, checks: Vec<Check>) -> HttpResponse {
    HttpResponseBuilder::new(status).json(Health {
        status: status_text,
        checks,
    })
}
