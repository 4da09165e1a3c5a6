//! `GET /diagnostics`: durations, missing values, dependencies, drift and the last run.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use record::RunRecord;
use schemars::JsonSchema;
use serde::Serialize;

use super::json::expect_json;
use super::page::DEFAULT_ITEMS;
use super::query::expect_no_parameters;
use super::{drift, stored};
use crate::error::ApiError;
use crate::state::AppState;

/// Durations, missing values, dependencies, drift and the last run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Diagnostics {
    #[serde(flatten)]
    stored: ::diagnostics::StoredDiagnostics,
    /// How the newest runs evaluated the deployed model, newest first.
    #[serde(serialize_with = "drift::serialize")]
    #[schemars(with = "Vec<drift::EvaluatedRun<'_>>")]
    drift: Vec<RunRecord>,
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

fn read(config: &Config) -> anyhow::Result<Diagnostics> {
    Ok(Diagnostics {
        stored: ::diagnostics::stored(config, common::clock::now())?,
        drift: drift::newest(config, DEFAULT_ITEMS)?,
    })
}
