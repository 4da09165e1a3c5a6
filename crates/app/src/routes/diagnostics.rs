//! `GET /diagnostics`: what the history knows of durations, missing values and the last run.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;

use super::{expect_no_parameters, stored};
use crate::error::ApiError;
use crate::state::AppState;

/// Answers with the stored diagnostics.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    stored::answer(
        state,
        |state| &state.diagnostics,
        |config| ::diagnostics::stored(config, Timestamp::now()).map(Some),
    )
    .await?
    .ok_or(ApiError::NoData("there are no diagnostics"))
}
