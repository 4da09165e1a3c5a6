//! The host names of the server.
//!
//! A web page can point its own host name at this machine (DNS rebinding). The page would then have
//! the same origin as the API. But its requests still name the host of the page, so an unknown host name
//! is rejected.
//!
//! Monitoring reaches a server by its address, which changes with each container. So if other
//! machines can reach the server, the health checks and the metrics answer under any name. The
//! metrics then need a key.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use actix_web::dev::ServiceRequest;
use actix_web::http::Version;
use actix_web::http::header::HOST;
use common::config::ApiSettings;

use crate::error::ApiError;
use crate::problem::excerpt;

/// The known host names, in lower case and without ports.
pub(super) struct Hosts {
    names: BTreeSet<String>,
    /// Ends of known names, each with its leading dot.
    ends: Vec<String>,
    /// True if every name is known.
    is_any: bool,
    /// True if monitoring may use every name.
    is_any_for_monitoring: bool,
}

impl Hosts {
    pub(super) fn of(api: &ApiSettings) -> Self {
        let patterns = api.allowed_hosts.iter().map(|name| normalised(name));
        let (ends, names): (Vec<_>, _) = patterns.partition(|name| name.starts_with('*'));
        Self {
            is_any: ends.iter().any(|end| end == "*"),
            ends: ends.iter().map(|end| end[1..].to_owned()).collect(),
            names: names.into_iter().collect(),
            is_any_for_monitoring: !api.bind.ip().is_loopback(),
        }
    }

    /// Rejects a request whose host name is missing or not known. Monitoring may use any name if
    /// [`Self::is_any_for_monitoring`].
    pub(super) fn admit(
        &self,
        request: &ServiceRequest,
        is_monitoring: bool,
    ) -> Result<(), ApiError> {
        let mut hosts = request.headers().get_all(HOST);
        let host = hosts.next().map(|host| host.as_bytes());
        // Only versions up to HTTP/1.0 allow requests without a host.
        let is_needed = request.version() > Version::HTTP_10;
        if hosts.next().is_some() || (host.is_none() && is_needed) {
            return Err(ApiError::RequestInvalid);
        }
        if self.is_any || (is_monitoring && self.is_any_for_monitoring) {
            return Ok(());
        }
        let host = host.unwrap_or_default();
        // The target of a request may be a whole URL, which then names a host too.
        let host_of_target = request.uri().host();
        if self.knows(host) && host_of_target.is_none_or(|name| self.knows(name.as_bytes())) {
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
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.names.contains(&name) || self.ends.iter().any(|end| is_below(&name, end))
    }
}

/// A configured name in the form that is compared: without a port, and an IPv6 address in brackets.
fn normalised(name: &str) -> String {
    if name.parse::<Ipv6Addr>().is_ok() {
        return format!("[{}]", name.to_lowercase());
    }
    let name = without_port(name);
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

/// True for a host name that has at least one label before this end.
fn is_below(name: &str, end: &str) -> bool {
    let labels = name.strip_suffix(end);
    let is_label_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    labels.is_some_and(|labels| {
        !labels.is_empty() && !labels.ends_with('.') && labels.bytes().all(is_label_byte)
    })
}

/// A host name without its port. An IPv6 address has a port only after its brackets.
fn without_port(host: &str) -> &str {
    let Some((name, port)) = host.rsplit_once(':') else {
        return host;
    };
    let is_ipv6_without_brackets = name.contains(':') && !name.ends_with(']');
    let has_port = port.bytes().all(|byte| byte.is_ascii_digit()) && !is_ipv6_without_brackets;
    if has_port { name } else { host }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use common::Config;

    use super::*;

    fn hosts(names: &[&str], bind: &str) -> Hosts {
        let text = serde_json::json!({
            "input_folder_path": "in", "output_folder_path": "out", "test_data_path": "test",
            "output_model_path": "models", "prod_deployment_path": "prod",
            "api": {"allowed_hosts": names, "bind": bind}
        });
        let path = std::path::Path::new("/nowhere/config.json");
        Hosts::of(&Config::parse(path, &text.to_string()).unwrap().api)
    }

    #[test]
    fn a_name_with_a_star_stands_for_all_names_with_its_end() {
        let hosts = hosts(
            &["*.Risk.example:8000", "::1", "risk.test:80"],
            "127.0.0.1:0",
        );
        for host in [
            "a.risk.example",
            "A.B.RISK.EXAMPLE:9000",
            "a.risk.example.",
            "[::1]:80",
            "risk.test",
        ] {
            assert!(hosts.knows(host.as_bytes()), "{host}");
        }
        for host in [
            "risk.example",
            ".risk.example",
            "a..risk.example",
            "evilrisk.example",
            "a.risk.example.evil.example",
            "evil.example/.risk.example",
            "user@a.risk.example",
            "*",
            "",
        ] {
            assert!(!hosts.knows(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn monitoring_may_use_any_host_name_if_other_machines_reach_the_server() {
        let request = |version, host: Option<&str>| {
            let request = TestRequest::default().version(version);
            match host {
                Some(host) => request.insert_header((HOST, host)).to_srv_request(),
                None => request.to_srv_request(),
            }
        };
        let problem = |hosts: &Hosts, version, host, is_monitoring| {
            let admitted = hosts.admit(&request(version, host), is_monitoring);
            admitted.map_err(|error| error.kind().code)
        };
        let (local, public) = (hosts(&["a"], "[::1]:0"), hosts(&["a"], "0.0.0.0:0"));
        let all = hosts(&["*"], "127.0.0.1:0");
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        for (hosts, version, host, for_data, for_monitoring) in [
            (&local, new, Some("a"), Ok(()), Ok(())),
            (&local, new, Some("10.0.0.7:8000"), Err("host"), Err("host")),
            (&local, old, None, Err("host"), Err("host")),
            (&public, new, Some("10.0.0.7:8000"), Err("host"), Ok(())),
            (&public, old, None, Err("host"), Ok(())),
            (&public, old, Some("x"), Err("host"), Ok(())),
            (
                &public,
                new,
                None,
                Err("request-invalid"),
                Err("request-invalid"),
            ),
            (&all, new, Some("x"), Ok(()), Ok(())),
            (&all, old, None, Ok(()), Ok(())),
            (
                &all,
                new,
                None,
                Err("request-invalid"),
                Err("request-invalid"),
            ),
        ] {
            let found = problem(hosts, version, host, false);
            assert_eq!(found, for_data, "{version:?} {host:?}");
            let found = problem(hosts, version, host, true);
            assert_eq!(found, for_monitoring, "{version:?} {host:?}");
        }
        let twice = TestRequest::default()
            .append_header((HOST, "a"))
            .append_header((HOST, "a"));
        let admitted = public.admit(&twice.to_srv_request(), true);
        assert!(matches!(admitted, Err(ApiError::RequestInvalid)));
    }

    #[test]
    fn a_name_is_known_with_any_port_and_in_any_case() {
        let hosts = hosts(&["localhost", "Risk.example", "[::1]"], "127.0.0.1:0");
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
