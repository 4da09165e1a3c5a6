//! `GET /dashboard/score`: the score of the deployed model by run.

use std::ops::ControlFlow;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::{History, Layout};
use record::{RunFilter, RunRecord};
use reporting::dashboard::{Paged, ScorePage};
use reporting::{EvaluatedRun, MAX_RUNS};

use super::list::{PageItems, changes, parts};
use super::{Page, answer_list_of_history};
use crate::error::ApiError;
use crate::state::AppState;

/// Answers with a page of the scores.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let read = |_: &Layout, history: &History, before| {
        let runs = evaluated(history, before, |_| {})?;
        let changes = changes(history, before, &runs)?;
        Ok((runs, changes))
    };
    answer_list_of_history(&request, state, read, |reading, read| {
        let (runs, changes) = parts(read);
        let page = ScorePage {
            now: common::clock::now(),
            runs,
            changes,
            state: reading.pipeline_state(),
        };
        Page::about(&page.runs, page.html())
    })
    .await
}

/// One page of the runs that evaluated the deployed model. Calls `visit` with each run of the page.
pub(super) fn evaluated(
    history: &History,
    before: Option<i64>,
    mut visit: impl FnMut(&RunRecord),
) -> anyhow::Result<Paged<EvaluatedRun>> {
    let mut items = PageItems::begin(MAX_RUNS, before);
    record::visit_runs(history, RunFilter::WithEvidence, before, |run| {
        let Some(evaluated) = EvaluatedRun::of(&run) else {
            return Ok(ControlFlow::Continue(()));
        };
        let number = run.run_id.unwrap_or_default().unsigned_abs();
        let pushed = items.push(number, || evaluated);
        if pushed.is_continue() {
            visit(&run);
        }
        Ok(pushed)
    })?;
    Ok(items.end())
}
