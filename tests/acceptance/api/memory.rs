//! The memory of answers: it is reserved before they are made and while they are read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use record::{Evidence, RunRecord};
use serde_json::json;

use super::exhaustion::narrow;
use super::{CSV, HEADER, HOST, problem, serving, still_answers};
use crate::server::{Server, rest_of, status_of};
use crate::workspace::Workspace;

/// Time within which any bounded operation ends, even on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);
const JSON: &str = "Content-Type: application/json";
/// The path of a list, which has three megabytes after [`add_runs`].
const LIST: &str = "/v1/drift?limit=60";

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("packed");
    encoder.finish().expect("packed")
}

/// A request for predictions by a client that reads its answer slowly.
fn asked_slowly(server: &Server, kind: &str, packed: &[u8]) -> TcpStream {
    let mut stream = narrow(server);
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{kind}\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(packed).expect("sent");
    stream
}

#[test]
fn an_answer_that_is_longer_than_its_body_is_refused_before_it_is_made() {
    let (_workspace, server) = serving(&[("limits.in_flight_bytes", json!(32 << 20))]);
    still_answers(&server);
    let before = server.peak_mib();
    // Each character has one byte in CSV and six in JSON.
    let rows = (0..120).map(|row| format!("{row}{},1,2,3\n", "\u{1}".repeat(65_000)));
    let body: String = std::iter::once(HEADER.to_owned()).chain(rows).collect();
    let body = packed(body.as_bytes());
    let mut hostile: Vec<_> = (0..3).map(|_| asked_slowly(&server, CSV, &body)).collect();
    for _ in 0..20 {
        still_answers(&server);
    }
    for stream in &mut hostile {
        let answer = problem(&rest_of(stream));
        // The first request is refused permanently, the others possibly only for now.
        assert!(
            matches!(answer.as_str(), "413 body-too-large" | "503 overloaded"),
            "{answer}"
        );
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 48, "{grown} MiB");
    still_answers(&server);
}

#[test]
fn what_is_wrong_with_a_body_is_reported_without_a_copy_of_it() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    let before = server.peak_mib();
    // An error message that repeats such a text has six bytes for each of its bytes.
    let long = "\u{7f}".repeat(24 << 20);
    for (body, wanted) in [
        (format!("[\"{long}\"]"), "400 json-invalid"),
        (format!("[{{\"{long}\":1}}]"), "413 field-too-long"),
        (
            format!("[{{\"corporation\":\"{long}\"}}]"),
            "413 field-too-long",
        ),
        (
            format!("{{\"columns\":\"{long}\",\"data\":[]}}"),
            "400 json-invalid",
        ),
        (
            format!("{{\"columns\":[\"{long}\"],\"data\":[]}}"),
            "413 field-too-long",
        ),
    ] {
        let mut stream = asked_slowly(&server, JSON, &packed(body.as_bytes()));
        assert_eq!(problem(&rest_of(&mut stream)), wanted, "{:.40}", body);
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 100, "{grown} MiB");
    still_answers(&server);
}

/// Adds runs to the history. A list of them has three megabytes.
fn add_runs(workspace: &Workspace) {
    let history = workspace.open_history();
    let record = RunRecord {
        reason: "x".repeat(50_000),
        evidence: Some(Evidence::default()),
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    };
    for _ in 0..60 {
        let run = history.begin_run(Timestamp::UNIX_EPOCH, &record);
        let run = run.expect("a run");
        history
            .finish_run(run, Timestamp::UNIX_EPOCH, "steady", &record)
            .expect("its end");
    }
}

/// Requests a path and reads only the status of the answer.
fn begun(server: &Server, path: &str) -> (u16, TcpStream) {
    let mut stream = narrow(server);
    let ask = format!("GET {path} HTTP/1.1\r\n{HOST}\r\n\r\n");
    stream.write_all(ask.as_bytes()).expect("sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    (status_of(&String::from_utf8_lossy(&status)), stream)
}

#[test]
fn slow_readers_of_lists_share_the_memory_that_is_allowed() {
    let (workspace, server) = serving(&[
        // No client is dropped during this test.
        ("limits.body_seconds", json!(600)),
        ("limits.in_flight_bytes", json!(16 << 20)),
    ]);
    add_runs(&workspace);
    still_answers(&server);
    let whole = server.get(LIST);
    assert_eq!((whole.status, whole.body.len() > 3_000_000), (200, true));
    let before = server.peak_mib();
    let mut readers = Vec::new();
    let mut refused = 0;
    for _ in 0..8 {
        for path in [LIST, "/v1/runs?limit=60", "/diagnostics"] {
            match begun(&server, path) {
                (200, stream) => readers.push(stream),
                (503, _) => refused += 1,
                (other, _) => panic!("{other}"),
            }
        }
    }
    assert!(!readers.is_empty() && refused > 0, "{} read", readers.len());
    let grown = server.peak_mib() - before;
    assert!(grown < 40, "{grown} MiB");
    still_answers(&server);
    drop(readers);
    until_answered(&server, || ());
}

#[test]
fn a_client_that_reads_a_list_slowly_is_disconnected() {
    let (workspace, server) = serving(&[
        ("limits.body_seconds", json!(5)),
        // Memory for one such list.
        ("limits.in_flight_bytes", json!(4 << 20)),
    ]);
    add_runs(&workspace);
    let (status, mut slow) = begun(&server, LIST);
    assert_eq!(status, 200);
    assert_eq!(begun(&server, LIST).0, 503);
    still_answers(&server);
    // A client that reads a byte from time to time is treated like one that reads nothing.
    until_answered(&server, || {
        let _ = slow.read(&mut [0]);
    });
}

/// Requests a list until there is memory for it; runs a function between the requests.
fn until_answered(server: &Server, mut between: impl FnMut()) {
    let began = Instant::now();
    loop {
        between();
        let answer = server.send(&format!("GET {LIST}"), &[HOST], b"");
        if status_of(&answer) == 200 {
            return;
        }
        assert_eq!(problem(&answer), "503 overloaded");
        assert!(began.elapsed() < PATIENCE, "what was held is held still");
        park_timeout(Duration::from_millis(50));
    }
}
