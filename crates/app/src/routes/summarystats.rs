//! `GET /summarystats`: the summary of the ingested data from the last ingestion.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::json::expect_json;
use super::query::expect_no_parameters;
use super::stored;
use crate::error::ApiError;
use crate::state::AppState;

/// Answers with the stored summary.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    stored::answer(
        &request,
        state,
        |state| &state.summary,
        diagnostics::stored_summary,
    )
    .await?
    .ok_or(ApiError::NoData("nothing was ingested yet"))
}
