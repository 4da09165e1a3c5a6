//! `GET /dashboard/drift`: drift by feature, or one feature.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use record::RunRecord;
use reporting::EvaluatedRun;
use reporting::dashboard::{DriftPage, FeaturePage, Paged};

use super::score::evaluated;
use super::{Page, Reading, absent, answer};
use crate::error::ApiError;
use crate::routes::query::QueryParameters;
use crate::routes::runs;
use crate::state::AppState;

const FEATURE_INVALID: ApiError = ApiError::InvalidParameter {
    name: "feature",
    expected: "the name of a feature",
};

/// Answers with the page of all features, or of one.
pub(in crate::routes) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let names = ["feature", "before"];
    let given =
        QueryParameters::of_form(&request, &names, "the parameters are feature and before")?;
    let before = given.before()?.map(u64::cast_signed);
    let feature = given.read("feature", FEATURE_INVALID, |name| Some(name.to_owned()))?;
    answer(&request, state, move |reading| match feature {
        None => Ok(all(reading, before)),
        Some(name) => one(reading, &name, before),
    })
    .await
}

fn all(reading: &Reading, before: Option<i64>) -> Page {
    let mut newest = None;
    let runs = tested(reading, before, &mut newest);
    let page = DriftPage {
        now: common::clock::now(),
        newest,
        runs,
        state: reading.pipeline_state(),
    };
    Page::about(&page.runs, page.html())
}

fn one(reading: &Reading, name: &str, before: Option<i64>) -> Result<Page, ApiError> {
    let mut newest = None;
    let runs = tested(reading, before, &mut newest);
    let served = reading.state.models.current().ok();
    let page = FeaturePage {
        now: common::clock::now(),
        name,
        newest,
        runs,
        model: served.as_ref().map(|served| &Arc::as_ref(served).model),
        state: reading.pipeline_state(),
    };
    let names = page.known_names();
    if page.runs.is_ok() && !names.contains(name) {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        return Err(absent::feature(&names, &page.state));
    }
    Ok(Page::about(&page.runs, page.html()))
}

/// The runs that evaluated the deployed model. `newest` gets the newest one that tested the features.
fn tested(
    reading: &Reading,
    before: Option<i64>,
    newest: &mut Option<RunRecord>,
) -> anyhow::Result<Paged<EvaluatedRun>> {
    let read = runs::read(&reading.state.config, |history| {
        evaluated(history, before, |run| keep_tested(newest, run))
    });
    reading.logged(read).map(Option::unwrap_or_default)
}

/// Keeps the first run that tested the features.
fn keep_tested(newest: &mut Option<RunRecord>, run: &RunRecord) {
    if newest.is_none() && run.verdicts().is_some() {
        *newest = Some(run.clone());
    }
}
