//! The HTTP client of all crates that call other programs.
//!
//! Like the client of the library `ureq`, except for the lookup of addresses. For a lookup with a time limit,
//! `ureq` starts a thread, and panics if the system allows no more threads. Here such a call fails with an
//! error, and a numeric address needs no thread.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// A client with this configuration. A call fails if the thread for its lookup cannot be started.
pub fn agent(config: Config) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), Lookup)
}

/// Looks up the addresses of hosts: numeric ones at once, names in a thread, because the system's lookup
/// has no time limit.
#[derive(Debug)]
struct Lookup;

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority))
            .ok_or_else(|| Error::BadUri(format!("{uri} names no host and port")))?;
        let found = match host.parse::<SocketAddr>() {
            Ok(address) => vec![address],
            Err(_) => addresses(host, *timeout.after)?.ok_or(Error::Timeout(timeout.reason))?,
        };
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()) {
            if addresses.try_push(address).is_err() {
                break;
            }
        }
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(addresses)
    }
}

/// The addresses of a host, given as `NAME:PORT`. `None` after the time limit. The thread of the lookup then
/// goes on until the system answers, and nobody gets its result.
fn addresses(host: String, time_limit: Duration) -> io::Result<Option<Vec<SocketAddr>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let lookup = move || {
        let found = host.to_socket_addrs().map(Iterator::collect);
        // Sending fails only after the time limit, when nobody waits for the result.
        let _ = sender.send(found);
    };
    thread::Builder::new()
        .name("lookup".into())
        .spawn(lookup)
        .map_err(|error| {
            let reason = format!("a thread could not be started to look up the host: {error}");
            io::Error::new(error.kind(), reason)
        })?;
    match receiver.recv_timeout(time_limit) {
        Ok(found) => found.map(Some),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the lookup ended early")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numeric_addresses_are_looked_up() {
        let limit = Duration::from_secs(60);
        let found = addresses("localhost:80".into(), limit).unwrap().unwrap();
        assert!(found.iter().all(|it| it.ip().is_loopback()), "{found:?}");
        assert!(!found.is_empty());
        let lookup = |uri: &'static str| {
            let timeout = NextTimeout::default();
            Lookup.resolve(&Uri::from_static(uri), &Config::default(), timeout)
        };
        let numeric = lookup("http://127.0.0.1:8080/healthz").unwrap();
        assert_eq!(numeric[0], SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert!(lookup("http://[::1]/").unwrap()[0].is_ipv6());
        assert!(matches!(lookup("/healthz"), Err(Error::BadUri(_))));
    }
}
