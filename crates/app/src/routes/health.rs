//! `/livez` and `/readyz`: whether the server turns, and whether it can predict.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::expect_no_parameters;
use crate::error::ApiError;
use crate::state::AppState;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Answers as long as the server turns.
pub(super) async fn live(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    Ok(answer(StatusCode::OK, "alive", Vec::new()))
}

/// Answers whether predictions can be made, after a look for a new release.
pub(super) async fn ready(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let models = Arc::clone(&state.models);
    let look = move || models.look();
    let is_busy = || state.is_busy();
    state.models.glance.look(is_busy, look).await?;
    let readiness = state.models.readiness();
    let is_draining = state.is_draining.load(Ordering::Relaxed);
    let model = Check {
        name: "model",
        ok: readiness.release.is_some(),
        detail: match &readiness.release {
            Some(release) => format!("release {release} is served"),
            None => "no model is deployed yet, or none that can be loaded".into(),
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
    let stays = Check {
        name: "running",
        ok: !is_draining,
        detail: if is_draining {
            "the server is being stopped".into()
        } else {
            "the server takes requests".into()
        },
    };
    let (status, word) = match (is_draining, model.ok) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "no-model"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    Ok(answer(status, word, vec![model, live, stays]))
}

fn answer(status: StatusCode, word: &'static str, checks: Vec<Check>) -> HttpResponse {
    HttpResponseBuilder::new(status).json(Health {
        status: word,
        checks,
    })
}
