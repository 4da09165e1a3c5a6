//! State of a request while it is answered: its id, its key, and whether its body is read.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

use crate::access::Key;

/// Name of the header with the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Upper limit for the length of a client's own id.
const MAX_ID_BYTES: usize = 64;

/// Id of a request. Its characters are allowed in headers and harmless in log lines. It is stored
/// as a header value, which answers share without a copy.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

/// State of a request, stored in its extensions.
pub(crate) struct RequestState {
    id: RequestId,
    /// `None` if no key was needed.
    key: Option<Arc<Key>>,
    is_body_read: Cell<bool>,
}

impl RequestId {
    /// The client's id if it is harmless, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID) {
            Some(given) if is_harmless(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    /// A new id: a random part for the process, then a number.
    pub(crate) fn new() -> Self {
        static PROCESS: OnceLock<String> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let process = PROCESS.get_or_init(|| {
            // Without randomness the process id is enough, because request ids only serve to find
            // log lines.
            let process = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
            format!("{process:016x}-")
        });
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut id = String::with_capacity(MAX_ID_BYTES);
        id.push_str(process);
        // Writing to a string cannot fail.
        let _ = write!(id, "{number}");
        Self::from_text(id)
    }

    /// Empty if the text is not a valid header.
    fn from_text(text: String) -> Self {
        let header = HeaderValue::from_maybe_shared(Bytes::from(text));
        Self(header.unwrap_or_else(|_| HeaderValue::from_static("")))
    }

    /// Id as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Id as a header value.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl RequestState {
    /// State of a request of which only the head was read.
    pub(crate) fn new(id: RequestId, key: Option<Arc<Key>>) -> Self {
        Self {
            id,
            key,
            is_body_read: Cell::new(false),
        }
    }

    /// Id of a request; empty if it has none.
    pub(crate) fn id_of(request: &HttpRequest) -> RequestId {
        let extensions = request.extensions();
        let state = extensions.get::<Self>();
        state.map_or_else(
            || RequestId(HeaderValue::from_static("")),
            |state| state.id.clone(),
        )
    }

    /// Key of a request; `None` if none was needed.
    pub(crate) fn key_of(request: &HttpRequest) -> Option<Arc<Key>> {
        let extensions = request.extensions();
        extensions.get::<Self>()?.key.clone()
    }

    /// Records that the body was or will be read to its end.
    pub(crate) fn mark_body_read(request: &HttpRequest) {
        if let Some(state) = request.extensions().get::<Self>() {
            state.is_body_read.set(true);
        }
    }

    /// True if the body was or will be read to its end.
    pub(crate) fn is_body_read(request: &HttpRequest) -> bool {
        let extensions = request.extensions();
        let state = extensions.get::<Self>();
        state.is_some_and(|state| state.is_body_read.get())
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_is_taken_only_when_it_is_harmless() {
        for id in ["a", "A.b_c-9", &"x".repeat(64)] {
            assert!(is_harmless(id.as_bytes()), "{id}");
        }
        for id in [
            "",
            "a b",
            "a\r\nSet-Cookie: x",
            "é",
            "<script>",
            &"x".repeat(65),
        ] {
            assert!(!is_harmless(id.as_bytes()), "{id}");
        }
        let (first, second) = (RequestId::new(), RequestId::new());
        assert!(is_harmless(first.as_str().as_bytes()) && first.as_str() != second.as_str());
    }
}
