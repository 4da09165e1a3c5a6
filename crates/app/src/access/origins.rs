//! Origins whose pages may read answers in a browser (CORS); none unless configured.
//!
//! A browser sends a form of any page to any server, even to a server that only this machine can
//! reach. The page cannot read the answer, but the server would process the request. Therefore the
//! origin of a request is checked. A server with keys needs no check: a page can add a key only with
//! the server's permission.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};

use crate::error::ApiError;
use crate::problem::excerpt;

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

    /// Rejects a request from a page of another origin, unless its method only reads.
    pub(super) fn admit(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        let headers = request.headers();
        if request.method().is_safe() || !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        let is_own = |origin: &HeaderValue| {
            is_of_host(origin.as_bytes(), host) || self.0.iter().any(|listed| listed == origin)
        };
        match headers.get_all(ORIGIN).find(|origin| !is_own(origin)) {
            Some(foreign) => Err(ApiError::ForeignOrigin(excerpt(foreign.as_bytes()))),
            None => Ok(()),
        }
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
            HeaderValue::from_static(
                "x-request-id, x-model-version, etag, retry-after, traceparent",
            ),
        );
        if method == Method::OPTIONS {
            answer.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, HEAD, POST"),
            );
            answer.insert(
                ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(
                    "accept, authorization, content-type, if-none-match, traceparent, x-api-key, x-request-id",
                ),
            );
        }
    }
}

/// True for the origin of the server itself, under the host name of the request. A proxy in front
/// of the server may change the scheme, so both schemes are accepted.
fn is_of_host(origin: &[u8], host: &[u8]) -> bool {
    let with_scheme = |scheme: &[u8], port: &[u8]| {
        let Some((start, name)) = origin.split_at_checked(scheme.len()) else {
            return false;
        };
        let host = host.strip_suffix(port).unwrap_or(host);
        let name = name.strip_suffix(port).unwrap_or(name);
        start.eq_ignore_ascii_case(scheme) && !name.is_empty() && name.eq_ignore_ascii_case(host)
    };
    with_scheme(b"http://", b":80") || with_scheme(b"https://", b":443")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn is_admitted(method: Method, origins: &[&str]) -> bool {
        let mut request = TestRequest::default()
            .method(method)
            .insert_header((HOST, "localhost:8000"));
        for origin in origins {
            request = request.append_header((ORIGIN, *origin));
        }
        let listed = Origins::of(&["https://risk.example/".into()]);
        listed.admit(&request.to_srv_request()).is_ok()
    }

    #[test]
    fn a_page_of_another_origin_may_not_make_the_server_process_something() {
        for own in [
            &[][..],
            &["http://localhost:8000"],
            &["http://LOCALHOST:8000"],
            &["https://localhost:8000"],
            &["https://risk.example"],
            &["https://risk.example", "http://localhost:8000"],
        ] {
            assert!(is_admitted(Method::POST, own), "{own:?}");
        }
        for foreign in [
            &["https://evil.example"][..],
            &["null"],
            &[""],
            &["http://"],
            &["http://localhost"],
            &["http://localhost:3000"],
            &["http://localhost:8000.evil.example"],
            &["http://evil.example/localhost:8000"],
            &["localhost:8000"],
            &["https://risk.example.evil.example"],
            &["http://localhost:8000", "https://evil.example"],
        ] {
            assert!(!is_admitted(Method::POST, foreign), "{foreign:?}");
            assert!(!is_admitted(Method::DELETE, foreign), "{foreign:?}");
            assert!(is_admitted(Method::GET, foreign), "{foreign:?}");
            assert!(is_admitted(Method::OPTIONS, foreign), "{foreign:?}");
        }
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        for (origin, host, is_own) in [
            ("https://risk.example", "risk.example:443", true),
            ("http://risk.example:80", "risk.example", true),
            ("http://risk.example", "risk.example:443", false),
            ("http://risk.example", "", false),
        ] {
            let found = is_of_host(origin.as_bytes(), host.as_bytes());
            assert_eq!(found, is_own, "{origin} {host}");
        }
    }
}
