//! The middleware of all routes: access control, request id, common headers, problem bodies,
//! metrics and access log.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, TRANSFER_ENCODING, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use crate::accept::Media;
use crate::access::{self, Client, Key, Origins};
use crate::access_log::Event;
use crate::connection::{Connection, RunningRequest};
use crate::content::{Content, count_large_answer};
use crate::endpoints::{self, Access};
use crate::error::ApiError;
use crate::gzip::{OmittedContent, compress};
use crate::kind::Kind;
use crate::metrics::Target;
use crate::problem;
use crate::request_state::{REQUEST_ID, RequestId, RequestState};
use crate::state::AppState;
use crate::trace::{TRACEPARENT, Trace};
use crate::unread::Unread;

/// Status in metrics and log for a client that left before its answer. Not standardised, but used
/// by other servers.
const CLIENT_GONE: u16 = 499;

/// The middleware around all routes.
pub(crate) async fn complete(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<Answer>, Error> {
    let began = Instant::now();
    let running_request = Connection::begin_request(&request);
    // The application always provides the state.
    let Some(state) = request.app_data::<Data<AppState>>().cloned() else {
        let answered = next.call(request).await?;
        return Ok(answered.map_body(|_, body| Answer::new(body, running_request)));
    };
    let running = state.metrics.begin();
    let id = RequestId::of(request.headers());
    // Decoded like the router does: `/%70rediction` is `/prediction`.
    let endpoint_index = endpoints::endpoint_index(request.match_info().as_str())
        .or_else(|| resolve_alternative_address(&mut request));
    let mut pending = PendingRequest {
        state: &state,
        target: Target::of(endpoint_index, request.method()),
        began,
        id: id.as_str(),
        key: None,
        trace: Trace::of(request.headers()),
        is_answered: false,
    };
    let origin = state.access.origins.listed(request.headers());
    let method = request.method().clone();
    let has_body = has_body(request.headers());
    let unread = Unread::of(&mut request);

    let errors = ErrorForm::of(request.match_info().as_str(), endpoint_index);
    let mut answered = match pending.admit(&request, endpoint_index, errors.client) {
        Ok(()) => {
            let key = pending.key.clone();
            request
                .extensions_mut()
                .insert(RequestState::new(id.clone(), key));
            let answered = with_problem_body(next.call(request).await?, errors, id.as_str());
            count_large_answer(&state.in_flight, answered).unwrap_or_else(|(request, error)| {
                let answer = errors.answer(&error, request.path(), id.as_str());
                ServiceResponse::new(request, answer)
            })
        }
        Err(error) => {
            let answer = errors.answer(&error, request.path(), id.as_str());
            request.into_response(answer)
        }
    };
    answered = compress(&state.in_flight, answered);
    // Nobody waits for the rest of a body that is not read to its end.
    let is_cut = has_body && !RequestState::is_body_read(answered.request());
    if is_cut && let Some(unread) = unread {
        answered = unread.attach_to(answered);
    }
    if is_cut || state.is_draining.load(Ordering::Relaxed) {
        let head = answered.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let headers = answered.headers_mut();
    add_headers(headers, &id);
    if let Some(trace) = &pending.trace {
        headers.insert(TRACEPARENT, trace.header());
    }
    Origins::allow(origin, &method, headers);
    drop(running);
    pending.count_and_log_answer(&answered);
    drop(pending);
    Ok(answered.map_body(|_, body| Answer::new(body, running_request)))
}

/// Body of an answer. The request counts as running until the body is handed over.
pub(crate) struct Answer {
    body: BoxBody,
    _running_request: RunningRequest,
}

impl Answer {
    fn new(body: BoxBody, running_request: RunningRequest) -> Self {
        Self {
            body,
            _running_request: running_request,
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

/// Makes the router treat another form of an address like the address itself. Returns the position of
/// the endpoint. `None` if the address stands for no endpoint.
fn resolve_alternative_address(request: &mut ServiceRequest) -> Option<usize> {
    let meant = endpoints::endpoint_address_of(request.match_info().as_str())?;
    let uri: Uri = meant.parse().ok()?;
    request.match_info_mut().get_mut().update(&uri);
    endpoints::endpoint_index(request.match_info().as_str())
}

/// Adds the headers of every answer.
fn add_headers(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, id.header());
}

/// A request from its head to the start of its answer.
struct PendingRequest<'a> {
    state: &'a AppState,
    target: Target,
    began: Instant,
    id: &'a str,
    /// `None` if no key was needed, or none was known.
    key: Option<Arc<Key>>,
    trace: Option<Trace>,
    is_answered: bool,
}

impl PendingRequest<'_> {
    /// Applies access control, and notes the key.
    fn admit(
        &mut self,
        request: &ServiceRequest,
        endpoint_index: Option<usize>,
        client: Client,
    ) -> Result<(), ApiError> {
        let endpoint = endpoint_index.and_then(|index| endpoints::ALL.get(index));
        let needs = match endpoint {
            // A browser's preflight request carries no key.
            Some(_) if *request.method() == Method::OPTIONS => Access::Open,
            Some(endpoint) => endpoint.access,
            // Without a key, nobody may learn which addresses exist.
            None => Access::Read,
        };
        let is_monitoring = endpoint.is_some_and(|endpoint| endpoint.is_monitoring());
        let access = &self.state.access;
        self.key = access.identify(request, needs, is_monitoring, client)?;
        let admitted = self.key.as_ref().map_or(Ok(()), |key| key.admit(needs));
        admitted.map_err(|error| match error {
            // A browser asks for another password only after the status 401.
            ApiError::ScopeMissing { has, needs } if access::shows_password(request) => {
                ApiError::PasswordScope { has, needs }
            }
            error => error,
        })
    }

    fn count_and_log_answer(&mut self, answered: &ServiceResponse) {
        self.is_answered = true;
        let bytes = match answered.response().body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            BodySize::Stream => None,
        };
        let problem = problem::kind_of(answered.response());
        if let Some(kind) = problem {
            self.state.metrics.count_problem(kind);
        }
        self.count_and_log(answered.status().as_u16(), bytes, problem);
    }

    fn count_and_log(&self, status: u16, bytes: Option<u64>, problem: Option<&'static Kind>) {
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
                problem: problem.map(|kind| kind.code),
                key: self.key.as_ref().map(|key| key.name()),
                trace_id: self.trace.as_ref().map(Trace::id),
            });
        }
    }
}

/// The library drops a request whose client has left, at any point.
impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.count_and_log(CLIENT_GONE, None, None);
        }
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || headers.contains_key(TRANSFER_ENCODING)
}

/// How errors at an address are answered.
#[derive(Clone, Copy)]
struct ErrorForm {
    /// Who asks for the address.
    client: Client,
    /// True if an error is answered with an HTML page, false for the body of a problem.
    is_page: bool,
}

impl ErrorForm {
    fn of(path: &str, endpoint_index: Option<usize>) -> Self {
        let is_page = endpoints::is_of_dashboard(path);
        let endpoint = endpoint_index.and_then(|endpoint_index| endpoints::ALL.get(endpoint_index));
        let is_for_browsers = endpoint.map_or(is_page, |endpoint| endpoint.is_for_browsers());
        Self {
            client: match is_for_browsers {
                true => Client::Browser,
                false => Client::Program,
            },
            is_page,
        }
    }

    fn answer(self, error: &ApiError, path: &str, id: &str) -> HttpResponse {
        let mut answer = match self.is_page {
            true => problem::page(error, id),
            false => problem::answer(error, &instance(path), id),
        };
        if self.client == Client::Browser && answer.status() == StatusCode::UNAUTHORIZED {
            let headers = answer.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(ASK_FOR_PASSWORD));
        }
        answer
    }
}

/// Makes a browser ask for a password.
const ASK_FOR_PASSWORD: &str = "Basic realm=\"Dynamic Risk Assessment\", charset=\"UTF-8\"";

/// Adds the problem body to an error, because only here the request is known.
fn with_problem_body(answered: ServiceResponse, errors: ErrorForm, id: &str) -> ServiceResponse {
    let answer = |error: &ApiError| errors.answer(error, answered.request().path(), id);
    let error = answered.response().error().map(Error::as_error::<ApiError>);
    let mut problem = match error {
        Some(Some(error)) => {
            log_internal(error, id);
            answer(error.as_overload().unwrap_or(error))
        }
        // Only the framework's own errors have another type; the extractors in use have none.
        Some(None) => {
            let unknown = ApiError::Internal(anyhow::anyhow!("an error of the framework"));
            log_internal(&unknown, id);
            answer(&unknown)
        }
        None if answered.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = answered.headers().get(ALLOW).map(HeaderValue::as_bytes);
            let error = ApiError::MethodNotAllowed {
                given: problem::excerpt(answered.request().method().as_str().as_bytes()),
                allowed: problem::excerpt(allowed.unwrap_or_default()),
            };
            answer(&error)
        }
        None => return answered,
    };
    if let Some(allowed) = answered.headers().get(ALLOW) {
        problem.headers_mut().insert(ALLOW, allowed.clone());
    }
    answered.into_response(problem)
}

/// The address, shortened for the answer.
fn instance(path: &str) -> String {
    problem::excerpt(path.as_bytes())
}

fn log_internal(error: &ApiError, id: &str) {
    match error {
        ApiError::Internal(cause) => {
            tracing::error!(request_id = id, "a request failed: {cause:#}");
        }
        ApiError::CallListDamaged(_) => tracing::error!(request_id = id, "{error}"),
        _ => {}
    }
}

/// An answer with an entity tag. A client that already has the content gets only the tag.
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
        let mut response = response.finish();
        let bytes = content.size();
        response.extensions_mut().insert(OmittedContent { bytes });
        return response;
    }
    response.insert_header((CONTENT_TYPE, media.content_type()));
    response.body(content.into_body())
}
