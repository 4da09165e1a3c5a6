//! `GET /diagnostics`: what the history knows of durations, missing values, drift and the last run.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use jiff::Timestamp;
use serde::Serialize;

use super::page::USUAL_ITEMS;
use super::runs::{self, Record};
use super::{expect_json, expect_no_parameters, stored};
use crate::error::ApiError;
use crate::state::AppState;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    stored: ::diagnostics::StoredDiagnostics,
    /// What the newest runs found of the deployed model, the newest first.
    drift: Vec<Record>,
}

/// Answers with the stored diagnostics.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    stored::answer(
        &request,
        state,
        |state| &state.diagnostics,
        |config| read(config).map(Some),
    )
    .await?
    .ok_or(ApiError::NoData("there are no diagnostics"))
}

fn read(config: &Config) -> anyhow::Result<Answer> {
    Ok(Answer {
        stored: ::diagnostics::stored(config, Timestamp::now())?,
        drift: runs::judged(config, USUAL_ITEMS)?,
    })
}
