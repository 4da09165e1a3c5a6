//! Origins whose pages may read answers in a browser (CORS); none unless configured.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// Origins in the form that browsers send.
pub(crate) struct Origins(Vec<HeaderValue>);

impl Origins {
    pub(super) fn of(origins: &[String]) -> Self {
        let values = origins.iter().map(|origin| {
            let origin = origin.trim_end_matches('/').to_ascii_lowercase();
            HeaderValue::from_str(&origin)
        });
        // An origin that is no valid header cannot come from a browser.
        Self(values.filter_map(Result::ok).collect())
    }

    /// The listed origin that a request comes from.
    pub(crate) fn listed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(ORIGIN)?;
        self.0.iter().find(|listed| *listed == origin).cloned()
    }

    /// Allows a page of this origin to read the answer.
    pub(crate) fn allow(origin: Option<HeaderValue>, method: &Method, answer: &mut HeaderMap) {
        let Some(origin) = origin else {
            return;
        };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.append(VARY, HeaderValue::from_static("Origin"));
        answer.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, x-model-version, etag, retry-after"),
        );
        if method == Method::OPTIONS {
            answer.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, HEAD, POST"),
            );
            answer.insert(
                ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(
                    "accept, authorization, content-type, if-none-match, x-api-key, x-request-id",
                ),
            );
        }
    }
}
