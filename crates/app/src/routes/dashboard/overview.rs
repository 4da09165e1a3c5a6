//! `GET /`: the state of the pipeline now, and what needs attention.

use std::ops::ControlFlow;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::{Config, History};
use jiff::Timestamp;
use record::RunFilter;
use reporting::dashboard::{CallFilter, Overview, RunsSoFar, UnfinishedRun};
use serde::de::IgnoredAny;

use super::{Page, answer, calls};
use crate::error::ApiError;
use crate::routes::query::expect_no_parameters;
use crate::routes::runs;
use crate::state::AppState;

/// Clients of the page.
const CLIENTS: usize = 10;

/// Answers with the first page.
pub(in crate::routes) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    answer(&request, state, |reading| {
        let state = &reading.state;
        let now = common::clock::now();
        let read = runs::read(&state.config, |history| so_far(&state.config, history, now));
        let clients = calls::clients(state, None, CLIENTS, &CallFilter::default());
        let clients = reading.logged(clients);
        let page = Overview {
            now,
            stale_after_hours: state.config.diagnostics.stale_after_hours,
            release: reading.live_release(),
            runs: reading.logged(read),
            clients: clients.map(|clients| clients.map(|clients| clients.items)),
        };
        // The overview is complete even if something is wrong, because its purpose is to say so.
        Ok(Page::whole(page.html()))
    })
    .await
}

fn so_far(config: &Config, history: &History, now: Timestamp) -> anyhow::Result<RunsSoFar> {
    let unfinished = history.unfinished_runs::<IgnoredAny>()?.into_iter().next();
    let ended = history.last_run()?;
    let mut last = record::newest_runs(history, RunFilter::All, 1)?.pop();
    // The record of a run that failed to write its end has no end time.
    if let (Some(last), Some(ended)) = (&mut last, &ended) {
        last.finished_at = Some(ended.finished_at);
    }
    let unreadable = last.as_ref().filter(|last| last.is_unreadable);
    let mut runs = RunsSoFar {
        unreadable: unreadable.and_then(|last| last.run_id),
        is_stale: ended.is_some_and(|ended| diagnostics::is_stale(config, &ended, now)),
        last,
        unfinished: unfinished.map(|run| UnfinishedRun {
            run: run.id,
            started_at: run.started_at,
        }),
        conditions: history.open_conditions()?,
        waiting_alerts: history.n_undelivered_alerts()?,
        ..RunsSoFar::default()
    };
    record::visit_runs(history, RunFilter::WithEvidence, None, |run| {
        match &runs.evaluated {
            None if run.is_unreadable => {
                runs.unreadable = runs.unreadable.or(run.run_id);
            }
            None => runs.evaluated = Some(run),
            Some(evaluated) => return Ok(runs.earlier.add(run, evaluated.release.as_deref())),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(runs)
}
