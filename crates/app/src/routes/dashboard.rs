//! The dashboard: pages for people. The handlers read what a page shows; `reporting` makes the page.

mod absent;
mod alerts;
mod calls;
mod drift;
mod list;
mod overview;
mod releases;
mod reports;
mod runs;
mod score;
mod state;

use std::cell::RefCell;

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, VARY,
};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::{History, Layout};

use crate::accept::{self, Media};
use crate::answer;
use crate::content::Content;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::kind;
use crate::problem;
use crate::request_state::{RequestId, RequestState};
use crate::routes::query::QueryParameters;
use crate::routes::runs as history;
use crate::state::AppState;

pub(super) use self::alerts::list as alerts;
pub(super) use self::calls::{file as calls_file, list as calls};
pub(super) use self::drift::show as drift;
pub(super) use self::overview::show as overview;
pub(super) use self::releases::{list as releases, one as release};
pub(super) use self::reports::list as reports;
pub(super) use self::runs::{list as runs, one as run};
pub(super) use self::score::list as score;

/// A page.
struct Page {
    html: String,
    /// False if the main content of the page could not be shown.
    is_whole: bool,
}

impl Page {
    /// A page with its main content.
    fn whole(html: String) -> Self {
        Self {
            html,
            is_whole: true,
        }
    }

    /// A page about `part`, which is shown if it could be read.
    fn about<T>(part: &anyhow::Result<T>, html: String) -> Self {
        Self {
            html,
            is_whole: part.is_ok(),
        }
    }
}

/// What a handler needs for reading: the state, the id of the request, and its memory permit.
struct Reading {
    state: Data<AppState>,
    id: RequestId,
    permit: RefCell<Permit>,
}

impl Reading {
    /// Counts memory that the request holds until it is answered.
    fn count(&self, bytes: u64) -> Result<(), ApiError> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.permit.borrow_mut().grow(bytes)
    }

    /// Logs why a part of a page cannot be shown; the page itself does not say it, because the text may
    /// have paths of this machine.
    fn logged<T>(&self, part: anyhow::Result<T>) -> anyhow::Result<T> {
        part.inspect_err(|error| {
            tracing::error!(
                request_id = self.id.as_str(),
                "a part of a page cannot be shown: {error:#}"
            );
        })
    }
}

/// Answers with the page that `read` makes, outside the server's worker.
async fn answer(
    request: &HttpRequest,
    state: Data<AppState>,
    read: impl FnOnce(&Reading) -> Result<Page, ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let media = accept::choose(request.headers(), &[Media::Html])?;
    let reading = Reading {
        state: state.clone(),
        id: RequestState::id_of(request),
        permit: RefCell::new(state.in_flight.permit()),
    };
    let job = move || {
        let Page { html, is_whole } = read(&reading)?;
        reading.count(html.len() as u64)?;
        let permit = reading.permit.into_inner();
        let content = Content::counted(Bytes::from(html), permit);
        Ok::<_, ApiError>((content, is_whole))
    };
    let (content, is_whole) = state.work.run(request, job).await??;
    let mut response = match is_whole {
        true => answer::tagged(request, media, content),
        false => failed(media, content),
    };
    for (name, value) in headers() {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// Answers with a page of a list. `read` gets the number of the last item on the previous page.
async fn answer_list(
    request: &HttpRequest,
    state: Data<AppState>,
    read: impl FnOnce(&Reading, Option<i64>) -> Page + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let given = QueryParameters::of_form(request, &["before"], "the only parameter is \"before\"")?;
    let before = given.before()?.map(u64::cast_signed);
    answer(request, state, move |reading| Ok(read(reading, before))).await
}

/// Answers with a page of a list that `read` reads from the history; without a history it is empty. `page` gets
/// an error, which is logged, if the list cannot be read.
async fn answer_list_of_history<T: Default + 'static>(
    request: &HttpRequest,
    state: Data<AppState>,
    read: impl FnOnce(&Layout, &History, Option<i64>) -> anyhow::Result<T> + Send + 'static,
    page: impl FnOnce(&Reading, anyhow::Result<T>) -> Page + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    answer_list(request, state, move |reading, before| {
        let config = &reading.state.config;
        let list = history::read(config, |history| read(&config.layout, history, before));
        page(reading, reading.logged(list).map(Option::unwrap_or_default))
    })
    .await
}

/// The answer with a page whose main content could not be read. The answer counts as a problem, and has no
/// entity tag: a client that loads the page again gets the failure again, and not "not modified".
fn failed(media: Media, content: Content) -> HttpResponse {
    let mut response = HttpResponse::InternalServerError();
    response.insert_header((VARY, "Accept"));
    response.insert_header((CONTENT_TYPE, media.content_type()));
    let mut response = response.body(content.into_body());
    response.extensions_mut().insert(&kind::INTERNAL);
    response
}

/// The headers of a page.
fn headers() -> [(HeaderName, HeaderValue); 2] {
    [
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(problem::page_policy()),
        ),
        // Addresses may have names of clients and features.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]
}
