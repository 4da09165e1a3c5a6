//! `GET /dashboard/drift`: drift by feature, or one feature.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use record::RunRecord;
use reporting::dashboard::{DriftPage, FeaturePage};

use super::parameters::Given;
use super::score::evaluated;
use super::{Page, Reading, answer};
use crate::error::ApiError;
use crate::state::AppState;

const NO_FEATURE: ApiError =
    ApiError::NoData("neither the live model nor one of these runs has a feature of that name");

/// Answers with the page of all features, or of one.
pub(in crate::routes) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let given = Given::of(
        &request,
        &["feature", "before"],
        "known are feature and before",
    )?;
    let before = given.before_number()?;
    let feature = given.value("feature").map(str::to_owned);
    answer(&request, state, move |reading| match feature {
        None => Ok(all(reading, before)),
        Some(name) => one(reading, &name, before),
    })
    .await
}

fn all(reading: &Reading, before: Option<i64>) -> Page {
    let mut newest = None;
    let runs = evaluated(reading, before, |run| keep_tested(&mut newest, run));
    let page = DriftPage {
        now: common::clock::now(),
        newest,
        runs,
    };
    Page {
        is_whole: page.runs.is_ok(),
        html: page.html(),
    }
}

fn one(reading: &Reading, name: &str, before: Option<i64>) -> Result<Page, ApiError> {
    let mut newest = None;
    let runs = evaluated(reading, before, |run| keep_tested(&mut newest, run));
    let served = reading.state.models.current().ok();
    let page = FeaturePage {
        now: common::clock::now(),
        name,
        newest,
        runs,
        model: served.as_ref().map(|served| &Arc::as_ref(served).model),
    };
    if page.runs.is_ok() && !page.is_known() {
        return Err(NO_FEATURE);
    }
    Ok(Page {
        is_whole: page.runs.is_ok(),
        html: page.html(),
    })
}

/// Keeps the first run that tested the features.
fn keep_tested(newest: &mut Option<RunRecord>, run: &RunRecord) {
    if newest.is_none() && run.verdicts().is_some() {
        *newest = Some(run.clone());
    }
}
