//! Attacks by clients that make the server wait: for a head, for a body, or to read an answer.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::AT_ONCE;
use crate::api::{CSV, HEADER, HOST, problem, serving, still_answers};
use crate::server::{rest_of, status_of};

#[test]
fn the_server_does_not_wait_for_a_body_that_it_does_not_read() {
    let (_workspace, server) = serving(&[]);
    let began = Instant::now();
    for what in [
        "GET /livez",
        "HEAD /livez",
        "OPTIONS /prediction",
        "GET /scoring",
    ] {
        for length in ["Transfer-Encoding: chunked", "Content-Length: 100"] {
            let request = format!("{what} HTTP/1.1\r\n{HOST}\r\n{length}\r\n\r\n");
            // The client never sends any of the body and does not close the connection.
            let answer = server.exchange(request);
            assert!(matches!(status_of(&answer), 200 | 204), "{what}: {answer}");
        }
    }
    let mut endless = server.connect();
    let head = format!("GET /livez HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    endless.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while endless.write_all(chunk.as_bytes()).is_ok() {
        assert!(began.elapsed() < AT_ONCE, "the server reads on");
    }
    still_answers(&server);
    // Such a connection does not delay the server's end either.
    let mut silent = server.connect();
    silent.write_all(head.as_bytes()).expect("sent");
    silent.read_exact(&mut [0; 12]).expect("an answer");
    let began = Instant::now();
    assert_eq!(server.stop(), 0);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn a_client_that_sends_its_head_slowly_is_disconnected() {
    let (_workspace, server) = serving(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: loc")
        .expect("sent");
    let began = Instant::now();
    let answer = rest_of(&mut stream);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(answer.is_empty() || status_of(&answer) == 408, "{answer}");
    still_answers(&server);
}

#[test]
fn a_client_that_sends_its_body_slowly_gets_a_timeout() {
    let (_workspace, server) = serving(&[("limits.body_seconds", json!(1))]);
    let began = Instant::now();
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut stream = server.connect();
        let request = format!("POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\n{head}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        assert_eq!(problem(&rest_of(&mut stream)), "408 body-timeout");
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    still_answers(&server);
}

#[test]
fn a_body_that_arrives_more_slowly_than_the_minimum_rate_gets_a_timeout() {
    let (_workspace, server) = serving(&[]);
    let mut stream = server.connect();
    let request =
        format!("POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: 10000\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reading = stream.try_clone().expect("the same connection");
    let began = Instant::now();
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(move || rest_of(&mut reading));
        // The client sends a byte from time to time, as long as the server reads.
        while !answer.is_finished() && stream.write_all(b"x").is_ok() {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        answer.join().expect("an answer")
    });
    assert_eq!(problem(&answer), "408 body-timeout");
    // Far below the 30 s that a whole body may take.
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    still_answers(&server);
}

#[test]
fn clients_that_never_read_their_answers_do_not_delay_other_clients() {
    let (_workspace, server) = serving(&[
        ("limits.body_seconds", json!(2)),
        ("limits.in_flight_bytes", json!(48 << 20)),
    ]);
    let mut body = String::from(HEADER);
    for row in 0..200_000 {
        body.push_str(&format!("client-{row:06},{row},4567.5,37\n"));
    }
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut silent = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect();
        // The server does not read the rest of a request that it refuses at once.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()));
        silent.push(stream);
    }
    still_answers(&server);
    // The server frees the memory of these requests when it drops them.
    let began = Instant::now();
    loop {
        let answer = server.send(
            "POST /prediction",
            &[HOST, CSV, "Accept: text/plain"],
            body.as_bytes(),
        );
        if !answer.is_empty() && status_of(&answer) == 200 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{answer:.100}");
    }
    drop(silent);
    still_answers(&server);
}
