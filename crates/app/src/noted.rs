//! What is noted of a request while it is answered: its id, and whether its body was dealt with.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

/// Name of the header with the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own id is taken up to this length.
const LONGEST_ID: usize = 64;

/// The id of a request, made of characters that a header may have and no log line minds. It is a
/// header from the beginning, so that the answer's is no copy.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

/// The notes; handlers find them among the request's extensions.
pub(crate) struct Noted {
    id: RequestId,
    is_body_taken: Cell<bool>,
}

impl RequestId {
    /// The client's id where it is harmless, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID) {
            Some(given) if is_harmless(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    /// Unique within this process by its number, and among processes by chance.
    fn new() -> Self {
        static PROCESS: OnceLock<String> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let process = PROCESS.get_or_init(|| {
            // Without randomness the process id has to do: the id only serves to find log lines.
            let process = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
            format!("{process:016x}-")
        });
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut id = String::with_capacity(LONGEST_ID);
        id.push_str(process);
        // A string takes all that is written.
        let _ = write!(id, "{number}");
        Self::from_text(id)
    }

    /// Empty where a header may not have the text.
    fn from_text(text: String) -> Self {
        let header = HeaderValue::from_maybe_shared(Bytes::from(text));
        Self(header.unwrap_or_else(|_| HeaderValue::from_static("")))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As the header of the answer.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl Noted {
    /// The notes of a request of which nothing was read but its head.
    pub(crate) fn new(id: RequestId) -> Self {
        Self {
            id,
            is_body_taken: Cell::new(false),
        }
    }

    /// The id of a request; an empty one where nobody gave it any.
    pub(crate) fn id_of(request: &HttpRequest) -> RequestId {
        let extensions = request.extensions();
        let noted = extensions.get::<Self>();
        noted.map_or_else(
            || RequestId(HeaderValue::from_static("")),
            |noted| noted.id.clone(),
        )
    }

    /// Notes that the body was read to its end, or that somebody does so.
    pub(crate) fn take_body(request: &HttpRequest) {
        if let Some(noted) = request.extensions().get::<Self>() {
            noted.is_body_taken.set(true);
        }
    }

    /// Whether that was noted.
    pub(crate) fn is_body_taken(request: &HttpRequest) -> bool {
        let extensions = request.extensions();
        let noted = extensions.get::<Self>();
        noted.is_some_and(|noted| noted.is_body_taken.get())
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
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
