//! `GET /dashboard/calls` and `GET /dashboard/calls.csv`: the call list with a filter, as a page and as a
//! file.

use std::time::SystemTime;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use record::RunFilter;
use reporting::dashboard::{CallFilter, Called, CallsPage, Paged};
use scoring::{CallListSummary, RankedClient, StoredList};

use super::list::PageItems;
use super::{Page, Reading, answer, headers};
use crate::accept::{self, Media};
use crate::answer as answers;
use crate::content::Content;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::routes::query::QueryParameters;
use crate::routes::risks::{ClientsAsCsv, NO_LIST};
use crate::routes::runs;
use crate::state::AppState;

/// Clients of a page.
const CLIENTS: usize = 50;

/// Answers with a page of the call list.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let names = ["band", "call", "client", "before"];
    let given = QueryParameters::of_form(
        &request,
        &names,
        "the parameters are band, call, client and before",
    )?;
    let filter = filter(&given)?;
    let before = given.before()?.map(u64::cast_signed);
    answer(&request, state, move |reading| {
        let clients = clients(&reading.state, before, CLIENTS, &filter);
        let page = CallsPage {
            now: common::clock::now(),
            clients: reading.logged(clients),
            summary: summary(reading),
            state: reading.pipeline_state(),
            filter,
        };
        Ok(Page::about(&page.clients, page.html()))
    })
    .await
}

/// Maximum number of characters of a text that clients are looked for with.
const MAX_TEXT: usize = 200;

const CALL_INVALID: ApiError = ApiError::InvalidParameter {
    name: "call",
    expected: "one of yes, no and held_out",
};
const CLIENT_INVALID: ApiError = ApiError::InvalidParameter {
    name: "client",
    expected: "a text of at most 200 characters",
};

fn filter(given: &QueryParameters) -> Result<CallFilter, ApiError> {
    let id = |text: &str| (text.chars().count() <= MAX_TEXT).then(|| text.to_owned());
    Ok(CallFilter {
        band: given.band()?,
        called: given.read("call", CALL_INVALID, Called::of_name)?,
        id: given.read("client", CLIENT_INVALID, id)?,
    })
}

/// The selected clients that follow rank `before` on the list; `None` if there is no list.
pub(super) fn clients(
    state: &AppState,
    before: Option<i64>,
    limit: usize,
    filter: &CallFilter,
) -> anyhow::Result<Option<Paged<RankedClient>>> {
    let Some(list) = StoredList::open(&state.config.layout.risk_ranking())? else {
        return Ok(None);
    };
    let last = before.map_or(0, i64::unsigned_abs);
    let mut list = state.risk_places.after(list, last)?;
    let mut items = PageItems::begin(limit, before);
    while let Some(client) = list.next_client()? {
        let is_asked = client.rank > last && filter.holds(&client);
        if is_asked && items.push(client.rank, || client).is_break() {
            break;
        }
    }
    Ok(Some(items.end()))
}

/// The counts of the list as the newest run recorded them, even if the list is now missing. `None`
/// if the list was written after that run.
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
    let names = ["band", "call", "client"];
    let given =
        QueryParameters::of_form(&request, &names, "the parameters are band, call and client")?;
    let filter = filter(&given)?;
    // A browser asks for pages, and keeps what it gets.
    let media =
        accept::choose(request.headers(), &[Media::Csv, Media::Html]).map(|_| Media::Csv)?;
    let permit = state.in_flight.permit();
    let reading = state.clone();
    let job = move || csv(&reading, &filter, permit);
    let content = state.work.run(&request, job).await??;
    let mut response = answers::tagged(&request, media, content);
    let as_file = HeaderValue::from_static("attachment; filename=\"riskranking.csv\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, as_file);
    for (name, value) in headers() {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn csv(state: &AppState, filter: &CallFilter, permit: Permit) -> Result<Content, ApiError> {
    let Some(mut list) = StoredList::open(&state.config.layout.risk_ranking())? else {
        return Err(NO_LIST);
    };
    let mut clients = ClientsAsCsv::begin(permit)?;
    while let Some(client) = list.next_client()? {
        if filter.holds(&client) {
            clients.push(&client)?;
        }
    }
    Ok(clients.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints;

    fn filter_of(query: &[(&str, &str)]) -> Result<CallFilter, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let pairs = query.iter().map(owned).collect();
        let given = QueryParameters::among(
            pairs,
            &["band", "call", "client"],
            "the parameters are some",
        );
        given
            .and_then(|given| filter(&given.into_form()))
            .map_err(|error| error.kind().code)
    }

    #[test]
    fn a_field_that_was_left_empty_is_absent() {
        let form = [("band", ""), ("call", "yes"), ("client", " ")];
        let wanted = CallFilter {
            called: Some(Called::Yes),
            ..CallFilter::default()
        };
        assert_eq!(filter_of(&form), Ok(wanted));
    }

    #[test]
    fn other_values_are_named() {
        let long = "x".repeat(MAX_TEXT + 1);
        for pair in [("band", "x"), ("call", "maybe"), ("client", &*long)] {
            assert_eq!(filter_of(&[pair]), Err("invalid-parameter"), "{}", pair.0);
        }
        let twice = [("band", ""), ("band", "high")];
        assert_eq!(filter_of(&twice), Err("invalid-parameter"));
    }

    #[test]
    fn the_words_of_the_description_are_those_of_the_list() {
        let names: Vec<&str> = Called::ALL.iter().map(|(_, name)| *name).collect();
        assert_eq!(endpoints::CALLS_IN_WORDS.to_vec(), names);
    }
}
