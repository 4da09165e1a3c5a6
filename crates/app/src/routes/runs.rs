//! `GET /v1/runs`, `/v1/runs/{id}` and `/v1/drift`: what the history recorded of runs.
//!
//! A record is shown as it was stored: its form is `fullprocess`'s.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use common::history::{StoredRun, with_remedy};
use common::{Config, History};
use serde::Serialize;
use serde_json::{Map, Value};

use super::table::MOST_RUNS;
use super::{expect_json, expect_no_parameters, json, parameters, unknown_parameter};
use crate::error::ApiError;
use crate::state::AppState;

/// Runs listed where the query does not say how many.
pub(super) const USUAL_RUNS: u32 = 20;

/// What a list shows of a run.
const LISTED: [&str; 13] = [
    "run_id",
    "outcome",
    "reason",
    "started_at",
    "finished_at",
    "release",
    "new_score",
    "deployed_score",
    "candidate_score",
    "files",
    "rows",
    "seconds",
    "warnings",
];
/// What is shown of how a run judged the deployed model.
const JUDGED: [&str; 9] = [
    "run_id",
    "outcome",
    "reason",
    "finished_at",
    "release",
    "new_score",
    "deployed_score",
    "evidence",
    "decision",
];

/// A run as its record, or a part of it.
pub(super) type Record = Map<String, Value>;

#[derive(Serialize)]
struct Runs {
    runs: Vec<Record>,
}

/// Answers with the newest runs.
pub(super) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    newest(&request, state, |config, limit| {
        let runs = finished(config, limit)?.into_iter();
        Ok(runs.map(|run| part(run, &LISTED)).collect())
    })
    .await
}

/// Answers with how the newest runs judged the deployed model.
pub(super) async fn drift(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    newest(&request, state, judged).await
}

async fn newest(
    request: &HttpRequest,
    state: Data<AppState>,
    read: impl FnOnce(&Config, u32) -> anyhow::Result<Vec<Record>> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let limit = limit(&parameters(request))?;
    expect_json(request)?;
    let reading = state.clone();
    let job = move || read(&reading.config, limit);
    let runs = state.work.run(request, job).await??;
    json(request, &Runs { runs })
}

/// How the deployed model was judged by the newest runs that did.
pub(super) fn judged(config: &Config, limit: u32) -> anyhow::Result<Vec<Record>> {
    let runs = read(config, |history| {
        let runs = history.finished_runs_with("evidence", i64::from(limit))?;
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
    let reading = state.clone();
    let job = move || read(&reading.config, |history| history.finished_run(id));
    let run = state.work.run(&request, job).await??;
    let run = run.flatten().ok_or_else(none)?;
    json(&request, &record(run))
}

/// The newest runs that ended; none before the first.
fn finished(config: &Config, limit: u32) -> anyhow::Result<Vec<Record>> {
    let runs = read(config, |history| history.finished_runs(i64::from(limit)))?;
    Ok(runs.into_iter().flatten().map(record).collect())
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

fn limit(parameters: &[(String, String)]) -> Result<u32, ApiError> {
    let invalid = ApiError::InvalidParameter {
        name: "limit",
        expected: "a whole number from 1 to 1000",
    };
    match parameters {
        [] => Ok(USUAL_RUNS),
        [(name, value)] if name == "limit" => value
            .parse()
            .ok()
            .filter(|limit| (1..=MOST_RUNS).contains(limit))
            .ok_or(invalid),
        _ => Err(parameters
            .iter()
            .find(|(name, _)| name != "limit")
            .map_or(invalid, |(name, _)| {
                unknown_parameter(name, "known is limit")
            })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_strictly() {
        let of = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let parameters: Vec<_> = pairs.iter().map(owned).collect();
            limit(&parameters).map_err(|error| error.kind().code)
        };
        assert_eq!(of(&[]), Ok(USUAL_RUNS));
        assert_eq!(of(&[("limit", "1000")]), Ok(1000));
        for value in ["", "0", "1001", "-1", "1.5", "x"] {
            assert_eq!(of(&[("limit", value)]), Err("invalid-parameter"), "{value}");
        }
        assert_eq!(
            of(&[("limit", "1"), ("limit", "1")]),
            Err("invalid-parameter")
        );
        assert_eq!(of(&[("limit", "1"), ("x", "1")]), Err("unknown-parameter"));
    }
}
