//! `GET /dashboard/reports`: the runs that have a report.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::layout::names;
use common::{History, Layout};
use record::RunRecord;
use reporting::dashboard::{Paged, ReportsPage, RunLine};

use super::list::{ITEMS, PageItems};
use super::{Page, answer_list_of_history};
use crate::error::ApiError;
use crate::state::AppState;

/// Answers with a page of the reports.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    answer_list_of_history(&request, state, lines, |reading, runs| {
        let page = ReportsPage {
            now: common::clock::now(),
            runs,
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
    let is_asked = |run: &i64| before.is_none_or(|before| *run < before);
    for run in history.run_ids()?.into_iter().rev().filter(is_asked) {
        if !has_report(layout, run) {
            continue;
        }
        // A run has its report before it has ended.
        let Some(stored) = history.finished_run(run)? else {
            continue;
        };
        let line = || RunLine::of(&RunRecord::of_stored(&stored), true);
        if items.push(run.unsigned_abs(), line).is_break() {
            break;
        }
    }
    Ok(items.end())
}

/// True if a run has a report. A link could lead to any file, so it is none.
pub(super) fn has_report(layout: &Layout, run: i64) -> bool {
    let report = layout.run_folder(run).join(names::REPORT);
    report.symlink_metadata().is_ok_and(|found| found.is_file())
}
