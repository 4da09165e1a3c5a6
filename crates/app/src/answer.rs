//! What every answer carries: the request id, `Cache-Control`, and the problem body of an error.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::error::ApiError;
use crate::problem;

/// Name of the header with the request id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own id is taken up to this length.
const LONGEST_ID: usize = 64;

/// The id of a request; handlers find it among the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The middleware around all routes.
pub(crate) async fn complete(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let id = request_id(request.headers());
    let instance = problem::excerpt(request.path().as_bytes());
    request.extensions_mut().insert(RequestId(id.clone()));

    let answered = next.call(request).await?;
    let mut answered = with_problem_body(answered, &instance, &id);
    let headers = answered.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(answered)
}

/// An error's answer gets its body here, where the request is known.
fn with_problem_body(answered: ServiceResponse, instance: &str, id: &str) -> ServiceResponse {
    let error = answered.response().error().map(Error::as_error::<ApiError>);
    let mut problem = match error {
        Some(Some(error)) => {
            log_internal(error, id);
            problem::answer(error, instance, id)
        }
        // Only the framework's own errors are of another type; none of the extractors in use
        // has one.
        Some(None) => {
            let unknown = ApiError::Internal(anyhow::anyhow!("an error of the framework"));
            log_internal(&unknown, id);
            problem::answer(&unknown, instance, id)
        }
        None if answered.status() == StatusCode::METHOD_NOT_ALLOWED => {
            problem::answer(&ApiError::MethodNotAllowed, instance, id)
        }
        None => return answered,
    };
    if let Some(allowed) = answered.headers().get(ALLOW) {
        problem.headers_mut().insert(ALLOW, allowed.clone());
    }
    answered.into_response(problem)
}

fn log_internal(error: &ApiError, id: &str) {
    if let ApiError::Internal(cause) = error {
        tracing::error!(request_id = id, "a request failed: {cause:#}");
    }
}

/// The client's id where it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given {
        Some(id) if is_harmless(id) => id.to_owned(),
        _ => new_id(),
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Unique within this process by its number, and among processes by chance.
fn new_id() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let process = PROCESS.get_or_init(|| {
        // Without randomness the process id has to do: the id only serves to find log lines.
        getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
    });
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{process:016x}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_is_taken_only_when_it_is_harmless() {
        for id in ["a", "A.b_c-9", &"x".repeat(64)] {
            assert!(is_harmless(id), "{id}");
        }
        for id in [
            "",
            "a b",
            "a\r\nSet-Cookie: x",
            "é",
            "<script>",
            &"x".repeat(65),
        ] {
            assert!(!is_harmless(id), "{id}");
        }
        let (first, second) = (new_id(), new_id());
        assert!(is_harmless(&first) && first != second);
    }
}
