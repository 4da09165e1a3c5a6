//! `GET /v1/runs`, `/v1/runs/{id}` and `/v1/drift`: what the history recorded of runs.
//!
//! A record is shown as it was stored: its form is `fullprocess`'s.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use common::history::{StoredRun, with_remedy};
use common::{Config, History};
use serde_json::{Map, Value};

use super::page::{Listing, Page};
use super::{expect_json, expect_no_parameters, parameters, table};
use crate::accept::Media;
use crate::answer;
use crate::error::ApiError;
use crate::held::Content;
use crate::state::AppState;

/// The member of a run's record that only runs have that judged the deployed model.
const EVIDENCE: &str = "evidence";

/// What a list shows of a run.
const LISTED: [&str; 16] = [
    "run_id",
    "outcome",
    "reason",
    "started_at",
    "finished_at",
    "release",
    "new_score",
    "new_score_interval",
    "deployed_score",
    "deployed_score_interval",
    "candidate_score",
    "candidate_score_interval",
    "files",
    "rows",
    "seconds",
    "warnings",
];
/// What is shown of how a run judged the deployed model.
const JUDGED: [&str; 11] = [
    "run_id",
    "outcome",
    "reason",
    "finished_at",
    "release",
    "new_score",
    "new_score_interval",
    "deployed_score",
    "deployed_score_interval",
    "evidence",
    "decision",
];

/// A run as its record, or a part of it.
pub(super) type Record = Map<String, Value>;

/// Answers with a page of the runs.
pub(super) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let show = |_: &History, run| Ok(part(record(run), &LISTED));
    paged(&request, state, (None, table::RUNS.path), show).await
}

/// Answers with how a page of the runs judged the deployed model.
pub(super) async fn drift(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let which = (Some(EVIDENCE), table::DRIFT.path);
    paged(&request, state, which, with_verdicts).await
}

/// Answers with a page of the runs whose record has an object under a name, where it is given; the
/// list's address stands beside it.
async fn paged(
    request: &HttpRequest,
    state: Data<AppState>,
    (member, path): (Option<&'static str>, &'static str),
    show: impl Fn(&History, StoredRun<Record>) -> anyhow::Result<Record> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&parameters(request))?;
    expect_json(request)?;
    let listing = Listing::begin("runs", page, state.in_flight.permit());
    let reading = state.clone();
    let job = move || {
        let mut listing = listing;
        read(&reading.config, |history| {
            let before = page.before().and_then(|before| i64::try_from(before).ok());
            history.visit_finished_runs(member, before, |id, run| {
                let item = || show(history, StoredRun::parse(id, run)?);
                listing.push(id.unsigned_abs(), item)
            })
        })?;
        Ok::<_, ApiError>(listing.end(path))
    };
    let listed = state.work.run(request, job).await??;
    Ok(answer::tagged(request, Media::Json, listed))
}

/// How the deployed model was judged by the newest runs that did.
pub(super) fn judged(config: &Config, limit: u32) -> anyhow::Result<Vec<Record>> {
    let runs = read(config, |history| {
        let runs = history.finished_runs_with(EVIDENCE, i64::from(limit))?;
        let judged = runs.into_iter().map(|run| with_verdicts(history, run));
        judged.collect::<anyhow::Result<Vec<Record>>>()
    })?;
    Ok(runs.unwrap_or_default())
}

fn with_verdicts(history: &History, run: StoredRun<Record>) -> anyhow::Result<Record> {
    let verdicts = serde_json::to_value(history.verdicts_of(run.id)?)?;
    let mut judged = part(record(run), &JUDGED);
    judged.insert("verdicts".into(), verdicts);
    Ok(judged)
}

/// Answers with everything that one run recorded.
pub(super) async fn one(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    expect_json(&request)?;
    let none = || ApiError::NoData("there is no run of that number that has ended");
    let id: i64 = id.parse().map_err(|_| none())?;
    let mut permit = state.in_flight.permit();
    let reading = state.clone();
    let job = move || {
        let run = read(&reading.config, |history| history.finished_run(id))?;
        let run = run.flatten().map(record).ok_or_else(none)?;
        let body = serde_json::to_vec(&run).map_err(anyhow::Error::new)?;
        permit.grow(body.len())?;
        Ok::<_, ApiError>(Content::counted(body.into(), permit))
    };
    let made = state.work.run(&request, job).await??;
    Ok(answer::tagged(&request, Media::Json, made))
}

/// `None` when there is no history yet.
fn read<T>(
    config: &Config,
    what: impl FnOnce(&History) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let found = match History::read(&config.layout)? {
        Some(history) => what(&history).map(Some),
        None => Ok(None),
    };
    found.map_err(|error| with_remedy(error, &config.layout))
}

fn record(run: StoredRun<Record>) -> Record {
    let mut record = run.record;
    // A run gets its number after its record was begun.
    record.insert("run_id".into(), run.id.into());
    record
}

fn part(mut run: Record, shown: &[&str]) -> Record {
    run.retain(|name, _| shown.contains(&name.as_str()));
    run
}
