//! Connections that stay open between requests: the server closes each one in time.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CSV, HEADER, HOST, serving, still_answers};
use crate::server::{Server, next_answer, rest_of, status_of};

/// Time within which an operation of a few seconds ends, even on the slowest machine.
const AT_ONCE: Duration = Duration::from_secs(20);
/// Number of file handles of a server that has few.
const HANDLES: u64 = 256;

fn ask() -> String {
    format!("GET /livez HTTP/1.1\r\n{HOST}\r\n\r\n")
}

/// A connection on which one request was answered.
fn kept(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(ask().as_bytes()).expect("sent");
    assert_eq!(status_of(&next_answer(&mut stream)), 200);
    stream
}

#[test]
fn the_head_of_every_request_must_come_in_time() {
    let (_workspace, server) = serving(&[("limits.keep_alive_seconds", json!(3600))]);
    let began = Instant::now();
    for part in ["G", "\r\n", "GET /livez HTTP/1.1\r\nHost: loc"] {
        let mut stream = kept(&server);
        stream.write_all(part.as_bytes()).expect("sent");
        let answer = rest_of(&mut stream);
        assert_eq!(status_of(&answer), 408, "{part:?}: {answer}");
    }
    assert!(began.elapsed() < 3 * AT_ONCE, "{:?}", began.elapsed());
    still_answers(&server);
}

#[test]
fn a_head_that_trickles_is_timed_from_its_beginning() {
    let (_workspace, server) = serving(&[("limits.keep_alive_seconds", json!(3600))]);
    let mut stream = kept(&server);
    // The client sends a whole request and the beginning of the next head at once, and then a byte
    // from time to time.
    stream.write_all(ask().as_bytes()).expect("sent");
    stream
        .write_all(b"GET / HTTP/1.1\r\nX-Long: ")
        .expect("sent");
    let mut reading = stream.try_clone().expect("the same connection");
    let began = Instant::now();
    let answers = std::thread::scope(|scope| {
        let answers = scope.spawn(move || rest_of(&mut reading));
        while !answers.is_finished() && stream.write_all(b"x").is_ok() {
            std::thread::park_timeout(Duration::from_millis(10));
            assert!(began.elapsed() < AT_ONCE, "nobody stops it");
        }
        answers.join().expect("answers")
    });
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    still_answers(&server);
}

#[test]
fn a_connection_without_requests_ends_after_its_time() {
    let (_workspace, server) = serving(&[("limits.keep_alive_seconds", json!(1))]);
    let began = Instant::now();
    let (mut idle, mut used) = (kept(&server), kept(&server));
    let mut silent = server.connect();
    assert_eq!(rest_of(&mut idle), "");
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(rest_of(&mut silent), "");
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!(rest_of(&mut used), "");
    still_answers(&server);
}

/// Other clients are answered while one client has more connections than the server has handles.
fn nobody_is_locked_out(server: &Server, hold: impl Fn(&mut TcpStream)) {
    server.allow_files(HANDLES);
    let mut held = Vec::new();
    for _ in 0..HANDLES + 100 {
        // Each request waits for its answer only until a handle is free.
        let began = Instant::now();
        let mut stream = kept(server);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        hold(&mut stream);
        held.push(stream);
    }
    let began = Instant::now();
    still_answers(server);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn kept_connections_that_nobody_uses_make_room_for_others() {
    let (_workspace, server) = serving(&[("limits.keep_alive_seconds", json!(3600))]);
    nobody_is_locked_out(&server, |_| ());
}

#[test]
fn slow_heads_on_kept_connections_make_room_for_others() {
    let (_workspace, server) = serving(&[("limits.keep_alive_seconds", json!(3600))]);
    nobody_is_locked_out(&server, |stream| {
        stream.write_all(b"GET /livez HTT").expect("sent");
    });
}

#[test]
fn bodies_that_do_not_come_make_room_for_others() {
    let (_workspace, server) = serving(&[("limits.body_seconds", json!(3600))]);
    let head =
        format!("POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: 60000\r\n\r\n");
    let half = head + HEADER + &"x,1,2,3\n".repeat(3000);
    nobody_is_locked_out(&server, |stream| {
        stream.write_all(half.as_bytes()).expect("sent");
    });
}
