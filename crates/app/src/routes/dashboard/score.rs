//! `GET /dashboard/score`: the score of the deployed model by run.

use std::ops::ControlFlow;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use record::{RunFilter, RunRecord};
use reporting::dashboard::{Paged, ScorePage};
use reporting::{EvaluatedRun, MAX_RUNS};

use super::list::Part;
use super::parameters::Given;
use super::{Page, Reading, answer};
use crate::error::ApiError;
use crate::routes::runs;
use crate::state::AppState;

/// Answers with a page of the scores.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let before = Given::of(&request, &["before"], "known is before")?.before_number()?;
    answer(&request, state, move |reading| {
        let page = ScorePage {
            now: common::clock::now(),
            runs: evaluated(reading, before, |_| {}),
        };
        Ok(Page {
            is_whole: page.runs.is_ok(),
            html: page.html(),
        })
    })
    .await
}

/// The runs that evaluated the deployed model, page by page; `None` if there is no history yet. Each run
/// is also shown to `visit`.
pub(super) fn evaluated(
    reading: &Reading,
    before: Option<i64>,
    mut visit: impl FnMut(&RunRecord),
) -> anyhow::Result<Option<Paged<EvaluatedRun>>> {
    let mut part = Part::begin(MAX_RUNS, before.map(i64::unsigned_abs));
    let read = runs::read(&reading.state.config, |history| {
        record::visit_runs(history, RunFilter::WithEvidence, before, |run| {
            let Some(evaluated) = EvaluatedRun::of(&run) else {
                return Ok(ControlFlow::Continue(()));
            };
            let number = run.run_id.unwrap_or_default().unsigned_abs();
            let pushed = part.push(number, || evaluated);
            if pushed.is_continue() {
                visit(&run);
            }
            Ok(pushed)
        })
    });
    Ok(reading.logged(read)?.map(|()| part.end()))
}
