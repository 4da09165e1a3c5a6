//! The host names of the server.
//!
//! A web page can point its own host name at this machine (DNS rebinding). The page would then have
//! the same origin as the API. It cannot make the browser send another host name.

use std::collections::BTreeSet;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HOST;

use crate::error::ApiError;
use crate::problem::excerpt;

/// Host names in lower case, without ports.
pub(super) struct Hosts(BTreeSet<String>);

impl Hosts {
    pub(super) fn of(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_lowercase()).collect())
    }

    /// Rejects a request for a server with another host name, or with none.
    pub(super) fn admit(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        let mut hosts = request.headers().get_all(HOST);
        let host = hosts.next().map_or(&b""[..], |host| host.as_bytes());
        let is_one = hosts.next().is_none();
        let in_target = request.uri().host();
        if is_one && self.knows(host) && in_target.is_none_or(|name| self.knows(name.as_bytes())) {
            Ok(())
        } else {
            Err(ApiError::Host(excerpt(host)))
        }
    }

    /// True if a host name is known, with any port.
    fn knows(&self, host: &[u8]) -> bool {
        let Ok(host) = std::str::from_utf8(host) else {
            return false;
        };
        let name = without_port(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        self.0.contains(name) || self.0.contains(&name.to_ascii_lowercase())
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let is_whole = !name.contains(':') || name.ends_with(']');
            if is_whole { name } else { host }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_with_any_port_and_in_any_case() {
        let hosts = Hosts::of(&["localhost".into(), "Risk.example".into(), "[::1]".into()]);
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.:80",
            "risk.example:",
            "[::1]:8000",
            "[::1]",
        ] {
            assert!(hosts.knows(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "localhost:80:80",
            "localhost:x",
            "user@localhost",
            "::1",
            "[::2]",
        ] {
            assert!(!hosts.knows(host.as_bytes()), "{host}");
        }
        assert!(!hosts.knows(b"local\xffhost"));
    }
}
