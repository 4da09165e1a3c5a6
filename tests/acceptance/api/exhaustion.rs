//! Attacks that use up the server's resources: clients that read answers slowly, disconnect or hold
//! connections, and a log that is not read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{CSV, HEADER, HOST, ROWS, problem, serving, still_answers};
use crate::server::{Server, header_of, next_answer, rest_of, spawn, status_of};
use crate::workspace::Workspace;

/// Time within which any bounded operation ends, even on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn many_rows(n_rows: usize) -> String {
    let rows = (0..n_rows).map(|row| format!("client-{row:06},{row},4567.5,37\n"));
    std::iter::once(HEADER.to_owned()).chain(rows).collect()
}

fn request(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// A connection with a small receive buffer for what the client does not read.
pub(super) fn narrow(server: &Server) -> TcpStream {
    let address = server.url().strip_prefix("http://").expect("an address");
    let address: std::net::SocketAddr = address.parse().expect("an address");
    let socket: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    set_socket_recv_buffer_size(&socket, 4096).expect("a small buffer");
    connect(&socket, &address).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

#[test]
fn a_client_that_reads_its_answer_slowly_is_disconnected_and_its_memory_is_freed() {
    let (_workspace, server) = serving(&[
        ("limits.body_seconds", json!(4)),
        // Memory for one such request. While its answer is sent, there is none for another request.
        ("limits.in_flight_bytes", json!(30 << 20)),
    ]);
    let body = many_rows(200_000);
    let mut slow = narrow(&server);
    slow.write_all(request(&body).as_bytes()).expect("sent");
    let mut byte = [0];
    slow.read_exact(&mut byte).expect("the answer begins");
    let refused = server.exchange(request(&body));
    assert_eq!(problem(&refused), "503 overloaded");
    let began = Instant::now();
    let mut taken = 1;
    // The client reads a byte from time to time, as long as the server sends any.
    while slow.read(&mut byte).is_ok_and(|read| read > 0) {
        taken += 1;
        assert!(began.elapsed() < PATIENCE, "{taken} bytes were given");
        let is_free = taken % 64 == 0 && {
            let answer = server.exchange(request(&body));
            !answer.is_empty() && status_of(&answer) == 200
        };
        if is_free {
            return;
        }
        park_timeout(Duration::from_millis(10));
    }
    assert!(taken < body.len(), "{taken}");
    still_answers(&server);
    // Its memory is freed after its connection has ended.
    loop {
        let answer = server.exchange(request(&body));
        if !answer.is_empty() && status_of(&answer) == 200 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "what it held is held still");
        park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn each_request_whose_client_is_gone_is_counted_once_and_holds_nothing() {
    let (_workspace, server) = serving(&[("limits.in_flight_bytes", json!(40 << 20))]);
    let body = many_rows(100_000);
    for _ in 0..10 {
        let mut gone = server.connect();
        gone.write_all(request(&body).as_bytes()).expect("sent");
        // With a linger time of 0, closing resets the connection.
        set_socket_linger(&gone, Some(Duration::ZERO)).expect("set");
    }
    let began = Instant::now();
    loop {
        let metrics = server.get("/metrics").body;
        let series = metrics.lines().filter(|line| {
            line.starts_with(r#"http_requests_total{method="POST",route="/prediction""#)
        });
        // Each request is counted, whether it was refused, answered or aborted.
        let counted: u64 = series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        let is_idle = metrics
            .lines()
            .any(|line| line == "http_requests_in_flight 1");
        if counted == 10 && is_idle {
            break;
        }
        assert!(counted <= 10 && began.elapsed() < PATIENCE, "{metrics}");
    }
    let alone = server.post("/prediction", "text/csv", &body);
    assert_eq!(alone.status, 200);
}

/// The server's count in a series with these labels.
fn counted(metrics: &str, series: &str) -> u64 {
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    count.map_or(0, |count| count.parse().expect("a number"))
}

/// Number of predictions that ended with these statuses.
fn predictions(metrics: &str, statuses: [&str; 3]) -> [u64; 3] {
    statuses.map(|status| {
        let labels = format!(r#"method="POST",route="/prediction",status="{status}""#);
        counted(metrics, &format!("http_requests_total{{{labels}}}"))
    })
}

#[test]
fn work_whose_clients_are_gone_is_not_done_and_too_much_of_it_is_refused() {
    const CLIENTS: u64 = 250;
    let (workspace, server) = serving(&[]);
    workspace.write("data/testdata/named.csv", many_rows(100_000));
    let path = json!("data/testdata/named.csv").to_string();
    let ask = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\nContent-Length: {}\r\n\r\n{path}",
        path.len()
    );
    let began = Instant::now();
    // Metrics are still served, and show when all requests have been answered.
    let until = |is_so: &dyn Fn(&str, u64) -> bool| loop {
        let metrics = server.get("/metrics").body;
        // The request for metrics itself does not count.
        let running = counted(&metrics, "http_requests_in_flight") - 1;
        if is_so(&metrics, running) {
            break predictions(&metrics, ["200", "499", "503"]);
        }
        assert!(began.elapsed() < PATIENCE, "{metrics}");
        park_timeout(Duration::from_millis(20));
    };
    let ended = |metrics: &str| {
        predictions(metrics, ["200", "499", "503"])
            .iter()
            .sum::<u64>()
    };
    let asked: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(ask.as_bytes()).expect("sent");
            stream
        })
        .collect();
    let [_, _, refused] = until(&|metrics, running| ended(metrics) + running == CLIENTS);
    assert!(refused > 0, "all wait");
    for (number, stream) in asked.into_iter().enumerate() {
        if number % 2 == 0 {
            // With a linger time of 0, closing resets the connection. Otherwise it ends normally.
            set_socket_linger(&stream, Some(Duration::ZERO)).expect("set");
        }
    }
    let [done, gone, refused] =
        until(&|metrics, running| running == 0 && ended(metrics) == CLIENTS);
    let all = format!("{done} done, {gone} gone, {refused} refused");
    assert!(gone > CLIENTS / 4 && done < CLIENTS / 4, "{all}");
    still_answers(&server);
}

#[test]
fn what_is_no_request_and_who_goes_away_leave_a_line_and_a_count() {
    let (_workspace, server) = serving(&[]);
    let malformed = server.exchange("NO REQUEST AT ALL\r\n\r\n");
    assert_eq!(status_of(&malformed), 400);
    server.log_line(|line| line.contains("connection without a request"));
    let mut gone = server.connect();
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\nX-Request-Id: gone\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    );
    gone.write_all(head.as_bytes()).expect("sent");
    gone.read_exact(&mut [0; 25])
        .expect("the body is asked for");
    set_socket_linger(&gone, Some(Duration::ZERO)).expect("set");
    drop(gone);
    let line = server.log_line(|line| line.contains("\"gone\""));
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert!(event["status"] == 499 || event["status"] == 400, "{event}");
    let metrics = server.get("/metrics").body;
    let counted = "http_connections_without_request_total 1";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}

#[test]
fn connections_beyond_what_the_system_allows_wait_and_those_that_stand_are_answered() {
    let (_workspace, server) = serving(&[]);
    let ask = format!("GET /livez HTTP/1.1\r\n{HOST}\r\n\r\n");
    let mut kept = server.connect();
    kept.write_all(ask.as_bytes()).expect("sent");
    kept.read_exact(&mut [0; 12]).expect("an answer");
    server.allow_files(64);
    let silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for _ in 0..100 {
        kept.write_all(ask.as_bytes()).expect("sent");
        kept.read_exact(&mut [0; 12]).expect("an answer");
    }
    drop(silent);
    still_answers(&server);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let mut workspace = Workspace::after_cold_start();
    let (mut process, _log, url) = spawn(&mut workspace);
    let address = url.strip_prefix("http://").expect("an address");
    // From here on the log is not read. Each request writes more than 100 bytes to it: together
    // several times the capacity of a pipe.
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut answers = stream.try_clone().expect("the same connection");
    let ask = format!("GET /nowhere HTTP/1.1\r\n{HOST}\r\n\r\n");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..5_000 {
                stream.write_all(ask.as_bytes()).expect("taken");
            }
            let last = format!("GET /livez HTTP/1.1\r\n{HOST}\r\nConnection: close\r\n\r\n");
            stream.write_all(last.as_bytes()).expect("taken");
        });
        let all = rest_of(&mut answers);
        assert_eq!(all.matches("HTTP/1.1 404").count(), 5_000);
        assert_eq!(all.matches("HTTP/1.1 200").count(), 1);
    });
    kill_process(Pid::from_child(&process), Signal::TERM).expect("it is there");
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = process.try_wait().expect("its state") {
            break ended;
        }
        if began.elapsed() > PATIENCE {
            process.kill().expect("killed");
            panic!("the server does not end");
        }
        park_timeout(Duration::from_millis(20));
    };
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_named_file_counts_as_what_is_sent_does() {
    let (workspace, server) = serving(&[
        ("limits.rows", json!(1000)),
        ("limits.in_flight_bytes", json!(1 << 20)),
    ]);
    let name = |rows: usize| {
        workspace.write("data/testdata/named.csv", many_rows(rows));
        let path = json!("data/testdata/named.csv").to_string();
        server.post("/prediction", "application/json", &path)
    };
    assert_eq!(name(1000).status, 200);
    name(1001).problem(413, "too-many-rows");
    name(50_000).problem(413, "body-too-large");
    still_answers(&server);
}

#[test]
fn explanations_that_would_take_too_much_are_refused_before_they_are_made() {
    let (_workspace, server) = serving(&[("limits.in_flight_bytes", json!(8 << 20))]);
    let body = many_rows(30_000);
    assert_eq!(server.post("/prediction", "text/csv", &body).status, 200);
    let before = server.peak_mib();
    server
        .post("/prediction?explain=true", "text/csv", &body)
        .problem(413, "body-too-large");
    let grown = server.peak_mib() - before;
    assert!(grown < 8, "{grown} MiB");
    still_answers(&server);
}

#[test]
fn a_server_without_handles_is_overloaded_and_not_broken() {
    let (_workspace, server) = serving(&[]);
    let mut kept = server.connect();
    let mut ask = |what: &str, body: &str| {
        let length = body.len();
        let request =
            format!("{what} HTTP/1.1\r\n{HOST}\r\nContent-Length: {length}\r\n\r\n{body}");
        kept.write_all(request.as_bytes()).expect("sent");
        next_answer(&mut kept)
    };
    assert_eq!(status_of(&ask("GET /livez", "")), 200);
    server.allow_files(3);
    for (what, body) in [
        ("GET /v1/runs/1", ""),
        ("GET /v1/runs", ""),
        ("GET /v1/releases", ""),
        ("GET /v1/reports/1", ""),
        ("GET /scoring", ""),
        ("GET /v1/drift", ""),
        (
            "POST /prediction",
            "\"data/testdata/clients_held_back.csv\"",
        ),
    ] {
        let answer = ask(what, body);
        assert_eq!(problem(&answer), "503 overloaded", "{what}: {answer}");
        assert_eq!(header_of(&answer, "retry-after"), Some("1"), "{what}");
    }
    assert_eq!(status_of(&ask("POST /prediction", ROWS)), 200);
    assert_eq!(status_of(&ask("GET /readyz", "")), 200);
}

#[test]
fn streamed_answers_that_nobody_reads_lock_out_no_other_client() {
    let (workspace, server) = serving(&[("limits.rows", json!(10_000_000))]);
    // More than is checked whole.
    workspace.write("data/testdata/large.csv", many_rows(700_000));
    let body = "\"data/testdata/large.csv\"";
    let ask = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\nAccept: text/csv\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let silent: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = server.connect();
            set_socket_recv_buffer_size(&stream, 4096).expect("set");
            stream.write_all(ask.as_bytes()).expect("sent");
            stream.read_exact(&mut [0; 12]).expect("an answer");
            stream
        })
        .collect();
    let answer = server.exchange(&ask);
    assert_eq!(status_of(&answer), 200, "{:.200}", answer);
    assert!(answer.ends_with("0\r\n\r\n"), "the whole answer");
    drop(silent);
    still_answers(&server);
}
