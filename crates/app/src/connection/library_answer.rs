//! Answers that the HTTP library makes itself, because it could not read a request.
//!
//! The library answers with a status only. Here such an answer is recognised among the written
//! bytes, and replaced by a problem that says what is wrong.

use actix_web::http::StatusCode;

use crate::error::ApiError;
use crate::problem;
use crate::request_state::{REQUEST_ID, RequestId};

/// Upper limit of bytes of an answer of the library.
const MAX_BYTES: usize = 256;

/// Beginning of an answer of the library.
const BEGINNING: &[u8] = b"HTTP/1.1 4";

/// The answer of the library at the end of some written bytes: its position, and the error that it
/// stands for. Answers to earlier requests may stand before it. `None` for an answer of this
/// program, which always has a request id.
pub(super) fn find(written: &[u8]) -> Option<(usize, ApiError)> {
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let first = written.len().saturating_sub(MAX_BYTES);
    let mut windows = written[first..].windows(BEGINNING.len());
    let at = first + windows.rposition(|window| window == BEGINNING)?;
    let error = match written[at..].get(BEGINNING.len()..BEGINNING.len() + 2)? {
        b"00" => ApiError::RequestInvalid,
        b"31" => ApiError::HeadTooLarge,
        _ => return None,
    };
    let name = REQUEST_ID;
    let mut windows = written[at..].windows(name.as_str().len());
    let has_id = windows.any(|window| window.eq_ignore_ascii_case(name.as_str().as_bytes()));
    (!has_id).then_some((at, error))
}

/// The bytes of the answer to a request that could not be read; the connection ends after it.
pub(super) fn bytes(error: &ApiError, id: &RequestId) -> Vec<u8> {
    let body = problem::body(error, "", id.as_str());
    let status = error.status();
    let reason = StatusCode::canonical_reason(&status).unwrap_or_default();
    let mut answer = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-length: {}\r\ncontent-type: {}\r\n{REQUEST_ID}: {}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        body.len(),
        problem::CONTENT_TYPE_OF_PROBLEMS,
        id.as_str(),
    )
    .into_bytes();
    answer.extend(body);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_answers_without_an_id_are_those_of_the_library() {
        let code = |written: &[u8]| find(written).map(|(_, error)| error.kind().code);
        let head = "content-length: 0\r\nconnection: close\r\ndate: x\r\n\r\n";
        let of = |start: &str, end: &str| code(format!("{start}\r\n{end}").as_bytes());
        assert_eq!(
            of("HTTP/1.1 400 Bad Request", head),
            Some("request-invalid")
        );
        let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
        assert_eq!(of(too_large, head), Some("head-too-large"));
        for (start, end) in [
            ("HTTP/1.1 200 OK", head),
            ("HTTP/1.1 404 Not Found", head),
            ("HTTP/1.1 400 Bad Request", "x-request-id: a\r\n\r\n"),
            ("HTTP/1.1 400 Bad Request", "X-Request-Id: a\r\n\r\n"),
            ("HTTP/1.1 400 Bad Request", "content-length: 2\r\n\r\nab"),
            ("HTTP/1.1 4", ""),
            ("", head),
        ] {
            assert_eq!(of(start, end), None, "{start} {end}");
        }
        let before = "HTTP/1.1 200 OK\r\nx-request-id: a\r\n\r\n{}";
        let library = format!("HTTP/1.1 400 Bad Request\r\n{head}");
        let both = format!("{before}{library}");
        assert_eq!(find(both.as_bytes()).map(|(at, _)| at), Some(before.len()));
        assert_eq!(
            of("HTTP/1.1 400 Bad Request", &("x".repeat(MAX_BYTES) + head)),
            None
        );
    }
}
