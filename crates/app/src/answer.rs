//! What every request goes through and every answer carries: the gate, the request id,
//! `Cache-Control`, the problem body of an error, and what is counted and told of it.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, TRANSFER_ENCODING, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use crate::accept::Media;
use crate::access::Origins;
use crate::access_log::Event;
use crate::connection::{Connection, Underway};
use crate::error::ApiError;
use crate::held::{self, Content};
use crate::metrics::Target;
use crate::noted::{Noted, REQUEST_ID, RequestId};
use crate::problem;
use crate::routes::{self, Access};
use crate::state::AppState;
use crate::unread::Unread;

/// What is noted where the client went before its answer: of no standard, and known from other
/// servers.
const CLIENT_GONE: u16 = 499;

/// The middleware around all routes.
pub(crate) async fn complete(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<Answer>, Error> {
    let began = Instant::now();
    let underway = Connection::begin_request(&request);
    // The application always has it.
    let Some(state) = request.app_data::<Data<AppState>>().cloned() else {
        let answered = next.call(request).await?;
        return Ok(answered.map_body(|_, body| Answer::new(body, underway)));
    };
    let running = state.metrics.begin();
    let id = RequestId::of(request.headers());
    // As the router reads it: `/%70rediction` is `/prediction`.
    let place = routes::place(request.match_info().as_str());
    let mut asked = Asked {
        state: &state,
        target: Target::of(place, request.method()),
        began,
        id: id.as_str(),
        is_answered: false,
    };
    let origin = state.gate.origins.listed(request.headers());
    let method = request.method().clone();
    let has_body = has_body(request.headers());
    let unread = Unread::of(&mut request);

    let mut answered = match admit(&state, &request, place) {
        Ok(()) => {
            request.extensions_mut().insert(Noted::new(id.clone()));
            let answered = with_problem_body(next.call(request).await?, id.as_str());
            held::hold(&state, answered).unwrap_or_else(|(request, error)| {
                let answer = problem::answer(&error, &instance(request.path()), id.as_str());
                ServiceResponse::new(request, answer)
            })
        }
        Err(error) => {
            let answer = problem::answer(&error, &instance(request.path()), id.as_str());
            request.into_response(answer)
        }
    };
    // The rest of a body that nobody reads to its end is not waited for.
    let is_cut = has_body && !Noted::is_body_taken(answered.request());
    if is_cut && let Some(unread) = unread {
        answered = unread.hold_by(answered);
    }
    if is_cut || state.is_draining.load(Ordering::Relaxed) {
        let head = answered.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let headers = answered.headers_mut();
    add_headers(headers, &id);
    Origins::allow(origin, &method, headers);
    drop(running);
    asked.note_answer(&answered);
    drop(asked);
    Ok(answered.map_body(|_, body| Answer::new(body, underway)))
}

/// The body of an answer. The request counts as running until the body was handed over.
pub(crate) struct Answer {
    body: BoxBody,
    _underway: Underway,
}

impl Answer {
    fn new(body: BoxBody, underway: Underway) -> Self {
        Self {
            body,
            _underway: underway,
        }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// What every answer carries.
fn add_headers(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, id.header());
}

/// A request from its head to the beginning of its answer.
struct Asked<'a> {
    state: &'a AppState,
    target: Target,
    began: Instant,
    id: &'a str,
    is_answered: bool,
}

impl Asked<'_> {
    fn note_answer(&mut self, answered: &ServiceResponse) {
        self.is_answered = true;
        let bytes = match answered.response().body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            BodySize::Stream => None,
        };
        self.note(answered.status().as_u16(), bytes);
    }

    fn note(&self, status: u16, bytes: Option<u64>) {
        let took = self.began.elapsed();
        self.state.metrics.count_request(self.target, status, took);
        if let Some(log) = &self.state.log {
            log.add(&Event {
                method: self.target.method(),
                route: self.target.route(),
                status,
                took,
                bytes,
                request_id: self.id,
            });
        }
    }
}

/// The library drops a request whose client is gone, wherever it stands.
impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.note(CLIENT_GONE, None);
        }
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || headers.contains_key(TRANSFER_ENCODING)
}

/// Refuses what may not be asked here and now.
fn admit(state: &AppState, request: &ServiceRequest, place: Option<usize>) -> Result<(), ApiError> {
    let needs = match place.and_then(|place| routes::ALL.get(place)) {
        // A browser asks this way whether it may ask, and shows no key.
        Some(_) if *request.method() == Method::OPTIONS => Access::Open,
        Some(endpoint) => endpoint.access,
        // What is where is nobody's business without a key.
        None => Access::Read,
    };
    state.gate.admit(request, needs)
}

/// An error's answer gets its body here, where the request is known.
fn with_problem_body(answered: ServiceResponse, id: &str) -> ServiceResponse {
    let instance = || instance(answered.request().path());
    let error = answered.response().error().map(Error::as_error::<ApiError>);
    let mut problem = match error {
        Some(Some(error)) => {
            log_internal(error, id);
            problem::answer(error, &instance(), id)
        }
        // Only the framework's own errors are of another type; none of the extractors in use
        // has one.
        Some(None) => {
            let unknown = ApiError::Internal(anyhow::anyhow!("an error of the framework"));
            log_internal(&unknown, id);
            problem::answer(&unknown, &instance(), id)
        }
        None if answered.status() == StatusCode::METHOD_NOT_ALLOWED => {
            problem::answer(&ApiError::MethodNotAllowed, &instance(), id)
        }
        None => return answered,
    };
    if let Some(allowed) = answered.headers().get(ALLOW) {
        problem.headers_mut().insert(ALLOW, allowed.clone());
    }
    answered.into_response(problem)
}

/// What an answer repeats of the address.
fn instance(path: &str) -> String {
    problem::excerpt(path.as_bytes())
}

fn log_internal(error: &ApiError, id: &str) {
    if let ApiError::Internal(cause) = error {
        tracing::error!(request_id = id, "a request failed: {cause:#}");
    }
}

/// An answer that a client may have already: then only its tag is sent again.
pub(crate) fn tagged(request: &HttpRequest, media: Media, content: Content) -> HttpResponse {
    let tag = format!("\"{}\"", content.tag());
    let is_known = request.headers().get_all(IF_NONE_MATCH).any(|known| {
        let known = known.to_str().unwrap_or_default();
        known
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    });
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response.insert_header((ETAG, tag));
    response.insert_header((VARY, "Accept"));
    if is_known {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, media.content_type()));
    response.body(content.into_body())
}
