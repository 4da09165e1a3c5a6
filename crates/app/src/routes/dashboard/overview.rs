//! `GET /`: the state of the pipeline now, and what needs attention.

use std::ops::ControlFlow;
use std::path::PathBuf;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::{Config, History};
use jiff::Timestamp;
use record::RunFilter;
use reporting::MAX_RUNS;
use reporting::dashboard::{CallFilter, LiveRelease, Overview, RunsSoFar, UnfinishedRun};
use serde::de::IgnoredAny;

use super::{Page, answer, calls};
use crate::error::ApiError;
use crate::routes::query::expect_no_parameters;
use crate::routes::runs;
use crate::snapshot::Readiness;
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
        // What a run has just deployed is shown at once.
        state.models.refresh();
        let read = runs::read(&state.config, |history| so_far(&state.config, history, now));
        let clients = calls::clients(state, None, CLIENTS, &CallFilter::default());
        let clients = reading.logged(clients);
        let page = Overview {
            now,
            stale_after_hours: state.config.diagnostics.stale_after_hours,
            release: live_release(
                state.models.readiness(),
                deployment::live_target(&state.config.layout),
            ),
            runs: reading.logged(read),
            clients: clients
                .map(|clients| clients.map(|clients| clients.items))
                .map_err(|_| anyhow::anyhow!("the log of the server has the cause")),
        };
        // A page that says what is wrong shows what it is for.
        Ok(Page::whole(page.html()))
    })
    .await
}

/// What the page says of the live release: `target` is what `current` points at.
fn live_release(readiness: Readiness, target: anyhow::Result<Option<PathBuf>>) -> LiveRelease {
    match (readiness.release, readiness.is_live, target) {
        (Some(release), true, _) => LiveRelease::Served(release),
        (None, _, Ok(None)) => LiveRelease::None,
        (Some(served), _, Ok(None)) => LiveRelease::Missing { served },
        (served, _, Ok(Some(_)) | Err(_)) => LiveRelease::Damaged { served },
    }
}

fn so_far(config: &Config, history: &History, now: Timestamp) -> anyhow::Result<RunsSoFar> {
    let unfinished = history.unfinished_runs::<IgnoredAny>()?.into_iter().next();
    let ended = history.last_run()?;
    let mut last = record::newest_runs(history, RunFilter::All, 1)?.pop();
    // A run that could not write its record has ended, too.
    if let (Some(last), Some(ended)) = (&mut last, &ended) {
        last.finished_at = Some(ended.finished_at);
    }
    let mut runs = RunsSoFar {
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
            None => runs.evaluated = Some(run),
            Some(evaluated) => runs.earlier.add(run, evaluated.release.as_deref()),
        }
        Ok(match runs.earlier.len() + 1 < MAX_RUNS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    })?;
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_is_served_but_no_longer_live_is_said_to_be_missing() {
        let served = || Some("000002".to_owned());
        let state = |release, is_live, target| live_release(Readiness { release, is_live }, target);
        assert_eq!(
            state(served(), false, Ok(None)),
            LiveRelease::Missing {
                served: "000002".into()
            }
        );
        assert_eq!(state(None, false, Ok(None)), LiveRelease::None);
        let target = || Ok(Some(PathBuf::from("releases/000003")));
        let damaged = LiveRelease::Damaged { served: served() };
        assert_eq!(state(served(), false, target()), damaged);
        let unreadable = Err(anyhow::anyhow!("no link"));
        assert_eq!(state(served(), false, unreadable), damaged);
        assert_eq!(
            state(served(), true, target()),
            LiveRelease::Served("000002".into())
        );
    }
}
