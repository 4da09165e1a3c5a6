//! A small HTTP client that sends exactly what the test says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::RunningServer;

/// A parsed answer.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

/// Sends a request with the server's key. `request` is the request line without its version, such as
/// `GET /scoring`; `headers` are whole lines without their ends.
pub(super) fn send(server: &RunningServer, request: &str, headers: &[&str], body: &[u8]) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    exchange_with_key(server, request, &[headers, &[&length]].concat(), body)
}

/// Sends a body that is already chunked.
pub(super) fn send_chunked(server: &RunningServer, request: &str, body: &[u8]) -> Answer {
    exchange_with_key(server, request, &["Transfer-Encoding: chunked"], body)
}

/// Sends a request without a body and without the server's key.
pub(super) fn send_as_stranger(url: &str, request: &str, headers: &[&str]) -> Answer {
    exchange(url, request, headers, b"")
}

fn exchange_with_key(
    server: &RunningServer,
    request: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let key = format!("X-API-Key: {}", server.key());
    exchange(server.url(), request, &[headers, &[&key]].concat(), body)
}

fn exchange(url: &str, request: &str, headers: &[&str], body: &[u8]) -> Answer {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    let headers = headers.join("\r\n");
    let head =
        format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A server that rejects the body may close the connection before it is sent.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("an answer with a head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: answer[end + 4..].to_vec(),
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The values of a header that may occur more than once.
    pub(super) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value).collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and code of the problem.
    pub(super) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(
            problem["request_id"].as_str(),
            self.header("x-request-id"),
            "{problem}"
        );
        let kind = problem["type"].as_str().unwrap();
        format!("{} {}", self.status, kind.strip_prefix("/docs#").unwrap())
    }
}
