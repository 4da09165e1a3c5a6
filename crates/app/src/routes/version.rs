//! `GET /version`: versions of the server and of the model.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{self, expect_json};
use super::query::expect_no_parameters;
use crate::error::ApiError;
use crate::state::AppState;

/// Versions of the server and of the model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Version {
    /// Name of the program.
    name: &'static str,
    /// Version of the program.
    version: &'static str,
    /// Number of the release that is served; `null` before the first deployment.
    model_version: Option<String>,
}

/// Answers with the versions.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    json::answer(
        &request,
        &Version {
            name: "app",
            version: env!("CARGO_PKG_VERSION"),
            model_version: state.models.readiness().release,
        },
    )
}
