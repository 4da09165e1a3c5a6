//! `GET /v1/model` and `GET /v1/releases`: what is served, and what could be.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::ledger::DataPosition;
use common::schema::Feature;
use deployment::ListedRelease;
use jiff::Timestamp;
use serde::Serialize;
use training::{Check, Convergence};

use super::{expect_json, expect_no_parameters, json};
use crate::error::ApiError;
use crate::snapshot::Snapshot;
use crate::state::AppState;

#[derive(Serialize)]
struct ServedModel<'a> {
    model_version: &'a str,
    created_at: Timestamp,
    /// The run that made it; `null` when it was deployed by hand.
    run: Option<i64>,
    /// The release that was live before it.
    parent: Option<&'a str>,
    /// F1 on the test data when it was deployed.
    deployed_score: f64,
    /// Version of the program that fitted it.
    program: &'a str,
    id: &'a str,
    target: &'a str,
    intercept: f64,
    features: Vec<ServedFeature<'a>>,
    /// Inverse strength of the penalty.
    c: f64,
    /// Labelled rows it was fitted to.
    rows: u64,
    /// Rows of class 1 among them.
    positives: u64,
    convergence: Convergence,
    check: Check,
    data: &'a DataPosition,
}

#[derive(Serialize)]
struct ServedFeature<'a> {
    name: &'a str,
    coefficient: f64,
    /// What stands in for a missing value.
    imputed: f64,
    /// What a request may send, as the configuration has it.
    allowed: &'a Feature,
}

#[derive(Serialize)]
struct Releases {
    releases: Vec<ListedRelease>,
}

/// Answers with the model that is served.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    let snapshot = state.models.current()?;
    json(&request, &served(&snapshot))
}

fn served(snapshot: &Snapshot) -> ServedModel<'_> {
    let Snapshot {
        release,
        manifest,
        model,
        schema,
        ..
    } = snapshot;
    let features = model
        .coefficients()
        .zip(&model.predictor.imputed)
        .zip(&schema.features)
        .map(|(((name, coefficient), imputed), allowed)| ServedFeature {
            name,
            coefficient,
            imputed: *imputed,
            allowed,
        });
    ServedModel {
        model_version: release,
        created_at: manifest.created_at,
        run: manifest.run,
        parent: manifest.parent.as_deref(),
        deployed_score: manifest.score,
        program: &model.program,
        id: &schema.id,
        target: &schema.target,
        intercept: model.predictor.intercept,
        features: features.collect(),
        c: model.c,
        rows: model.rows,
        positives: model.positives,
        convergence: model.convergence,
        check: model.check,
        data: &model.data,
    }
}

/// Answers with the releases that are kept.
pub(super) async fn releases(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    let releases = web::block(move || deployment::list(&state.config.layout)).await??;
    json(&request, &Releases { releases })
}
