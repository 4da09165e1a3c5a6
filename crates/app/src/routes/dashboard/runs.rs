//! `GET /dashboard/runs` and `GET /dashboard/runs/{id}`: the runs with their reasons, and one run.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use common::{History, Layout};
use diagnostics::Dependencies;
use record::{RunFilter, RunRecord};
use reporting::dashboard::{Paged, RunLine, RunPage, RunsPage};
use reporting::{EarlierRuns, RunReport};

use super::list::{ITEMS, PageItems, changes, parts};
use super::reports::has_report;
use super::{Page, Reading, absent, alerts, answer, answer_list_of_history};
use crate::error::ApiError;
use crate::routes::page::run_number;
use crate::routes::query::expect_no_parameters;
use crate::routes::runs;
use crate::state::AppState;

/// Answers with a page of the runs.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let read = |layout: &Layout, history: &History, before| {
        let lines = lines(layout, history, before)?;
        let changes = changes(history, before, &lines)?;
        Ok((lines, changes))
    };
    answer_list_of_history(&request, state, read, |reading, read| {
        let (runs, changes) = parts(read);
        let page = RunsPage {
            now: common::clock::now(),
            runs,
            changes,
            state: reading.pipeline_state(),
        };
        Page::about(&page.runs, page.html())
    })
    .await
}

fn lines(
    layout: &Layout,
    history: &History,
    before: Option<i64>,
) -> anyhow::Result<Paged<RunLine>> {
    let mut items = PageItems::begin(ITEMS, before);
    record::visit_runs(history, RunFilter::All, before, |run| {
        let number = run.run_id.unwrap_or_default();
        let line = || RunLine::of(&run, has_report(layout, number));
        Ok(items.push(number.unsigned_abs(), line))
    })?;
    Ok(items.end())
}

/// Answers with the page of a run.
pub(in crate::routes) async fn one(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let id = run_number(&id);
    answer(&request, state, move |reading| read_one(reading, id)).await
}

/// There is no such run: the answer names those that have ended.
fn no_run(reading: &Reading) -> Result<ApiError, ApiError> {
    let range = runs::read(&reading.state.config, |history| {
        let newest = history.last_run()?.map(|run| run.run_id);
        let oldest = history.first_finished_run()?;
        Ok(oldest.zip(newest).map(|(oldest, newest)| [oldest, newest]))
    })?;
    Ok(absent::run(range.flatten(), &reading.pipeline_state()))
}

/// What the history knows of a run.
struct Found {
    record: RunRecord,
    earlier: EarlierRuns,
    alerts: Vec<reporting::dashboard::AlertLine>,
    neighbours: [Option<i64>; 2],
}

fn read_one(reading: &Reading, id: Option<i64>) -> Result<Page, ApiError> {
    let Some(id) = id else {
        return Err(no_run(reading)?);
    };
    let config = &reading.state.config;
    let found = runs::read(config, |history| {
        let Some(run) = history.finished_run(id)? else {
            return Ok(None);
        };
        let record = RunRecord::of_stored(&run);
        // Only the charts of a run that evaluated the deployed model show earlier runs.
        let earlier = match record.evidence {
            Some(_) => EarlierRuns::read(history, Some(id), record.release.as_deref())?,
            None => EarlierRuns::default(),
        };
        Ok(Some(Found {
            alerts: alerts::lines(history.alerts_of_run(id)?),
            neighbours: history.neighbours_of_run(id)?,
            earlier,
            record,
        }))
    })?;
    let Some(found) = found.flatten() else {
        return Err(no_run(reading)?);
    };
    let page = RunPage {
        now: common::clock::now(),
        report: RunReport {
            record: &found.record,
            earlier: Ok(found.earlier),
            deployed: Ok(None),
            clients: Ok(Vec::new()),
            dependencies: Ok(Dependencies::default()),
        },
        has_report: has_report(&config.layout, id),
        alerts: found.alerts,
        neighbours: found.neighbours,
    };
    Ok(Page::whole(page.html()))
}
