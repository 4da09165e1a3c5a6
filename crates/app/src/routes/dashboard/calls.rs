//! `GET /dashboard/calls` and `GET /dashboard/calls.csv`: the call list with a filter, as a page and as a
//! file.

use std::time::SystemTime;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use dataset::RecordWriter;
use record::RunFilter;
use reporting::dashboard::{CallFilter, CallsPage, Paged};
use scoring::{CALL_LIST_COLUMNS, CallListSummary, RankedClient, StoredList};

use super::list::Part;
use super::parameters::Given;
use super::{Page, Reading, answer, headers};
use crate::accept::{self, Media};
use crate::answer as answers;
use crate::content::Content;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::routes::runs;
use crate::state::AppState;

/// Clients of a page.
const CLIENTS: usize = 50;
const NO_LIST: ApiError = ApiError::NoData(
    "there is no call list yet: the first run with clients that have no label makes one",
);

/// Answers with a page of the call list.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let given = Given::of(
        &request,
        &["band", "call", "client", "before"],
        "known are band, call, client and before",
    )?;
    let (filter, before) = (given.filter()?, given.before()?);
    answer(&request, state, move |reading| {
        let clients = clients(&reading.state, before, CLIENTS, &filter);
        let page = CallsPage {
            now: common::clock::now(),
            clients: reading.logged(clients),
            summary: summary(reading),
            live: reading.state.models.readiness().release,
            filter,
        };
        Ok(Page {
            is_whole: page.clients.is_ok(),
            html: page.html(),
        })
    })
    .await
}

/// The clients behind those of rank `before` that the filter selects; `None` if there is no list.
pub(super) fn clients(
    state: &AppState,
    before: Option<u64>,
    limit: usize,
    filter: &CallFilter,
) -> anyhow::Result<Option<Paged<RankedClient>>> {
    let Some(list) = StoredList::open(&state.config.layout.risk_ranking())? else {
        return Ok(None);
    };
    let last = before.unwrap_or(0);
    let mut list = state.risk_places.after(list, last)?;
    let mut part = Part::begin(limit, before);
    while let Some(client) = list.next_client()? {
        let is_asked = client.rank > last && filter.holds(&client);
        if is_asked && part.push(client.rank, || client).is_break() {
            break;
        }
    }
    Ok(Some(part.end()))
}

/// The counts of the list, as the newest run recorded them, also of a list that is missing now. `None` if
/// another program wrote the list since.
fn summary(reading: &Reading) -> Option<CallListSummary> {
    let config = &reading.state.config;
    let newest = runs::read(config, |history| {
        record::newest_runs(history, RunFilter::WithEvidence, 1)
    });
    let run = reading.logged(newest).ok()??.pop()?;
    let ended = u64::try_from(run.finished_at?.as_second()).ok()?;
    run.call_list
        .filter(|_| written(config).is_none_or(|at| at <= ended))
}

/// When the list was written, in seconds since 1970.
fn written(config: &Config) -> Option<u64> {
    let metadata = config.layout.risk_ranking().symlink_metadata().ok()?;
    let since = metadata
        .modified()
        .ok()?
        .duration_since(SystemTime::UNIX_EPOCH);
    since.ok().map(|since| since.as_secs())
}

/// Answers with the clients that the filter selects, as a file.
pub(in crate::routes) async fn file(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let filter = Given::of(
        &request,
        &["band", "call", "client"],
        "known are band, call and client",
    )?
    .filter()?;
    // A browser asks for pages, and keeps what it gets.
    let media =
        accept::choose(request.headers(), &[Media::Csv, Media::Html]).map(|_| Media::Csv)?;
    let permit = state.in_flight.permit();
    let reading = state.clone();
    let job = move || text(&reading, &filter, permit);
    let content = state.work.run(&request, job).await??;
    let mut response = answers::tagged(&request, media, content);
    let as_file = HeaderValue::from_static("attachment; filename=\"riskranking.csv\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, as_file);
    for (name, value) in headers() {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn text(state: &AppState, filter: &CallFilter, mut permit: Permit) -> Result<Content, ApiError> {
    let Some(mut list) = StoredList::open(&state.config.layout.risk_ranking())? else {
        return Err(NO_LIST);
    };
    let mut text = Vec::new();
    RecordWriter::new(&mut text)
        .write(CALL_LIST_COLUMNS)
        .map_err(anyhow::Error::new)?;
    while let Some(client) = list.next_client()? {
        if filter.holds(&client) {
            let counted = text.len();
            RecordWriter::new(&mut text)
                .write(client.fields())
                .map_err(anyhow::Error::new)?;
            permit.grow(text.len() - counted)?;
        }
    }
    Ok(Content::counted(Bytes::from(text), permit))
}
