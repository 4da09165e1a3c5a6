//! `GET /v1/runs` and `/v1/runs/{id}`: the records of the runs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use common::history::with_remedy;
use common::{Config, History};
use record::{FileCounts, RowTotals, RunFilter, RunRecord};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::expect_json;
use super::page::{Listing, Page, run_number};
use super::query::expect_no_parameters;
use super::run_view::RunView;
use crate::accept::Media;
use crate::answer;
use crate::content::Content;
use crate::endpoints;
use crate::error::ApiError;
use crate::state::AppState;

/// A run in the list of all runs.
pub(crate) type ListedRun<'a> = RunView<'a, ListedMembers<'a>>;

/// The members that only the list of all runs shows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedRun")]
pub(crate) struct ListedMembers<'a> {
    /// F1 of the candidate on the test data, 0 to 1; `null` without a candidate.
    #[schemars(range(min = 0, max = 1))]
    candidate_score: Option<f64>,
    /// 95 % interval of `candidate_score`: its lower and its upper end.
    candidate_score_interval: Option<[f64; 2]>,
    /// Numbers of input files.
    files: FileCounts,
    /// Numbers of rows.
    rows: RowTotals,
    /// Seconds by stage.
    seconds: &'a BTreeMap<String, f64>,
    /// Warnings, one sentence each.
    warnings: &'a [String],
}

fn listed(run: &RunRecord) -> ListedRun<'_> {
    let members = ListedMembers {
        candidate_score: run.candidate_score,
        candidate_score_interval: run.candidate_score_interval,
        files: run.files,
        rows: run.rows,
        seconds: &run.seconds,
        warnings: &run.warnings,
    };
    RunView::of(run, members).with_start(run.started_at)
}

/// Answers with a page of the runs.
pub(super) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let push = |listing: &mut Listing, run: &RunRecord| push(listing, run, listed);
    paged(
        &request,
        state,
        (RunFilter::All, endpoints::RUNS.path),
        push,
    )
    .await
}

/// Answers with the whole record of a run.
pub(super) async fn one(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    let none = || ApiError::NoData("no run with that number has ended");
    let id = run_number(&id).ok_or_else(none)?;
    let mut permit = state.in_flight.permit();
    let reading = state.clone();
    let job = move || {
        let run = read(&reading.config, |history| history.finished_run(id))?;
        let run = run.flatten().ok_or_else(none)?;
        let body = serde_json::to_vec(&RunRecord::of_stored(&run)).map_err(anyhow::Error::new)?;
        permit.grow(body.len())?;
        Ok::<_, ApiError>(Content::counted(body.into(), permit))
    };
    let made = state.work.run(&request, job).await??;
    Ok(answer::tagged(&request, Media::Json, made))
}

/// Answers with a page of the runs that a filter selects; `path` is the address of the list.
pub(super) async fn paged(
    request: &HttpRequest,
    state: Data<AppState>,
    (filter, path): (RunFilter, &'static str),
    push: impl Fn(&mut Listing, &RunRecord) -> anyhow::Result<ControlFlow<()>> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(request)?;
    expect_json(request)?;
    let listing = Listing::begin("runs", page, state.in_flight.permit());
    let reading = state.clone();
    let job = move || {
        let mut listing = listing;
        let found = read(&reading.config, |history| {
            let before = page.before().and_then(|before| i64::try_from(before).ok());
            record::visit_runs(history, filter, before, |run| push(&mut listing, &run))?;
            if filter == RunFilter::All {
                add_changes(&mut listing, history, before)?;
            }
            Ok(())
        })?;
        if found.is_none() && filter == RunFilter::All {
            listing.add_member("changes_by_hand", &[(); 0])?;
        }
        Ok::<_, ApiError>(listing.end(path))
    };
    let listed = state.work.run(request, job).await??;
    Ok(answer::tagged(request, Media::Json, listed))
}

/// Maximum number of changes by hand that a page of runs lists, the newest first.
const MAX_CHANGES: u32 = 1000;

/// Adds the changes by hand that were made after the oldest run of a page began, and before the next
/// newer page. The last page also has the changes before the first run.
fn add_changes(
    listing: &mut Listing,
    history: &History,
    before: Option<i64>,
) -> anyhow::Result<()> {
    let first = listing.last_of_several_pages().unwrap_or(0);
    let first = i64::try_from(first).unwrap_or(i64::MAX);
    let changes = history.changes_between(first, before.unwrap_or(i64::MAX), MAX_CHANGES)?;
    listing.add_member("changes_by_hand", &changes)
}

/// Adds the view of a run to a page.
pub(super) fn push<'r, V: Serialize>(
    listing: &mut Listing,
    run: &'r RunRecord,
    view: impl FnOnce(&'r RunRecord) -> V,
) -> anyhow::Result<ControlFlow<()>> {
    let number = run.run_id.unwrap_or_default().unsigned_abs();
    listing.push(number, || Ok(view(run)))
}

/// Reads the history; `None` when there is none yet.
pub(super) fn read<T>(
    config: &Config,
    what: impl FnOnce(&History) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let found = match History::read(&config.layout)? {
        Some(history) => what(&history).map(Some),
        None => Ok(None),
    };
    found.map_err(|error| with_remedy(error, &config.layout))
}
