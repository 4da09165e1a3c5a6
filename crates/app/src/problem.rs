//! The body of an error answer: a problem (RFC 9457), or a page for people.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use reporting::dashboard::{self, ProblemPage};
use schemars::JsonSchema;
use serde::Serialize;

use crate::accept::Media;
use crate::error::{ApiError, RowError};
use crate::kind::{self, Kind};

/// Maximum number of characters of a client's input that an answer repeats.
const MAX_SHOWN_CHARACTERS: usize = 64;
/// Bytes that hold at least that many characters.
const MAX_SHOWN_BYTES: usize = 4 * MAX_SHOWN_CHARACTERS;
/// Header that lists the media types of a request's body.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// Media type of the answers for errors.
pub(crate) const CONTENT_TYPE_OF_PROBLEMS: &str = "application/problem+json";
/// Page that describes the types.
const TYPES: &str = "/docs#";

/// An error (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem<'a> {
    /// Address of the description of this kind of problem; its end is the code of the problem.
    r#type: String,
    /// Kind of problem in words.
    title: &'static str,
    /// Status of the answer.
    status: u16,
    /// This problem in words.
    detail: String,
    /// Address of the request, shortened; absent if no request could be read.
    #[serde(skip_serializing_if = "str::is_empty")]
    instance: &'a str,
    /// Identifies the request in the log of the server.
    request_id: &'a str,
    /// The first errors in the rows, at most 20; absent unless the code is `row-invalid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [RowError]>,
    /// Number of all errors in the rows; absent unless the code is `row-invalid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_total: Option<u64>,
}

/// The body of the answer for an error; `instance` is an excerpt of the requested address.
pub(crate) fn body(error: &ApiError, instance: &str, request_id: &str) -> Vec<u8> {
    let kind = error.kind();
    let rows = match error {
        ApiError::RowInvalid(rows) => Some(rows),
        _ => None,
    };
    let problem = Problem {
        r#type: format!("{TYPES}{}", kind.code),
        title: kind.title,
        status: kind.status,
        detail: error.to_string(),
        instance,
        request_id,
        errors: rows.map(|rows| rows.first.as_slice()),
        errors_total: rows.map(|rows| rows.total),
    };
    // A struct of texts and whole numbers always encodes.
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The answer for an error; `instance` is an excerpt of the requested address.
pub(crate) fn answer(error: &ApiError, instance: &str, request_id: &str) -> HttpResponse {
    let kind = error.kind();
    let mut response = HttpResponseBuilder::new(error.status());
    response.insert_header((CONTENT_TYPE, CONTENT_TYPE_OF_PROBLEMS));
    if let Some(seconds) = error.retry_after() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if kind.status == 401 {
        response.insert_header((WWW_AUTHENTICATE, "Bearer"));
    }
    if kind.code == kind::CONTENT_ENCODING.code {
        response.insert_header((ACCEPT_ENCODING, "gzip"));
    } else if kind.code == kind::CONTENT_TYPE.code {
        response.insert_header((ACCEPT_POST, "text/csv, application/json"));
    }
    let mut response = response.body(body(error, instance, request_id));
    response.extensions_mut().insert(kind);
    response
}

/// The kind of problem that an answer of this module has; `None` for other answers.
pub(crate) fn kind_of<B>(answer: &HttpResponse<B>) -> Option<&'static Kind> {
    // Only problems have extensions, and most answers are none.
    let is_error = answer.status().is_client_error() || answer.status().is_server_error();
    is_error.then(|| answer.extensions().get().copied())?
}

/// The answer for an error of a page that people look at.
pub(crate) fn page(error: &ApiError, request_id: &str) -> HttpResponse {
    let kind = error.kind();
    let advice = match error {
        ApiError::Absent(absent) => Some(&absent.advice),
        _ => None,
    };
    let (detail, remedy) = match kind.status {
        401 => (
            match error {
                ApiError::PasswordScope { .. } => error.to_string(),
                _ => "these pages are shown only with a key".to_owned(),
            },
            "load the page again, and give any user name and as the password a key with the scope read. `app --new-key NAME --scope read` makes one on the server",
        ),
        500 if kind == &kind::INTERNAL => (
            error.to_string(),
            "on the server, run `fullprocess --doctor`: it looks for what is wrong. The log of the server has the cause under the number of this request",
        ),
        _ => (
            error.to_string(),
            advice.map_or(kind.remedy, |advice| &advice.to_do),
        ),
    };
    let page = ProblemPage {
        now: common::clock::now(),
        status: kind.status,
        title: advice.map_or(kind.title, |_| "Not found"),
        detail: &detail,
        remedy,
        more: advice.and_then(|advice| advice.more),
        request_id,
    };
    let mut response = HttpResponseBuilder::new(error.status());
    response.insert_header((CONTENT_TYPE, Media::Html.content_type()));
    response.insert_header((CONTENT_SECURITY_POLICY, page_policy()));
    if let Some(seconds) = error.retry_after() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    let mut response = response.body(page.html());
    response.extensions_mut().insert(kind);
    response
}

/// The header `Content-Security-Policy` of the pages of the dashboard.
pub(crate) fn page_policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| format!("{}; frame-ancestors 'none'", dashboard::policy()))
}

/// The beginning of a client's input, safe to show. Control characters and invalid bytes become
/// `\xHH`; at most 64 characters are kept.
pub(crate) fn excerpt(input: &[u8]) -> String {
    let text = dataset::escaped(&input[..input.len().min(MAX_SHOWN_BYTES)]);
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::RowErrors;
    use actix_web::body::MessageBody;

    fn shown(error: &ApiError) -> serde_json::Value {
        let response = answer(error, "/prediction", "r1");
        let bytes = response.into_body().try_into_bytes().ok().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_problem_says_what_and_where() {
        let error = ApiError::RowInvalid(RowErrors {
            first: vec![RowError {
                row: 2,
                line: Some(3),
                column: Some("lastyear_activity".into()),
                code: "not-a-number",
                detail: "lastyear_activity: \"12 k\" is not a number".into(),
                value: Some("12 k".into()),
            }],
            total: 7,
            ..RowErrors::default()
        });
        assert_eq!(
            shown(&error),
            serde_json::json!({
                "type": "/docs#row-invalid",
                "title": "Rows cannot be read",
                "status": 422,
                "detail": "7 of the rows cannot be read; nothing was predicted",
                "instance": "/prediction",
                "request_id": "r1",
                "errors": [{"row": 2, "line": 3, "column": "lastyear_activity",
                    "code": "not-a-number",
                    "detail": "lastyear_activity: \"12 k\" is not a number", "value": "12 k"}],
                "errors_total": 7,
            })
        );
    }

    #[test]
    fn an_internal_error_does_not_disclose_its_cause() {
        let cause = anyhow::anyhow!("failed to read /srv/secret/history.db");
        let text = shown(&ApiError::Internal(cause)).to_string();
        assert!(!text.contains("secret") && text.contains("r1"), "{text}");
    }

    #[test]
    fn input_is_shown_short_and_without_control_characters() {
        assert_eq!(excerpt(b"a\r\nb\xff"), r"a\x0D\x0Ab\xFF");
        for long in ["x".repeat(1000), "東".repeat(1000), "\u{1}".repeat(1000)] {
            let shown = excerpt(long.as_bytes());
            assert_eq!(shown.chars().count(), MAX_SHOWN_CHARACTERS + 1, "{shown}");
        }
        assert_eq!(excerpt("é".repeat(64).as_bytes()), "é".repeat(64));
    }
}
