//! Stopping the server: no request that a client has sent is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{CSV, HOST, ROWS, serving};
use crate::server::{Server, header_of, next_answer, rest_of, status_of};

/// Time within which any bounded operation ends, even on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn prediction() -> String {
    let length = ROWS.len();
    format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {length}\r\n\r\n{ROWS}"
    )
}

/// Asks the server to stop after it has accepted all open connections.
fn stop(server: &Server) {
    server.send("GET /livez", &[HOST], b"");
    server.signal(Signal::TERM);
    server.log_line(|line| line.contains("stopping"));
}

/// A request for a prediction whose body the server has begun to read.
fn begun(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        ROWS.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).expect("an answer");
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn a_stopping_server_finishes_what_runs_and_refuses_new_connections() {
    let (_workspace, server) = serving(&[]);
    let mut running = begun(&server);
    stop(&server);
    let address = server.url().strip_prefix("http://").expect("an address");
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < PATIENCE, "connections are taken on");
        park_timeout(Duration::from_millis(10));
    }
    running.write_all(ROWS.as_bytes()).expect("sent");
    let answer = rest_of(&mut running);
    assert_eq!(status_of(&answer), 200, "{answer}");
    assert_eq!(server.ended(), 0);
}

#[test]
fn requests_on_kept_connections_are_answered_while_the_server_stops() {
    let (_workspace, server) = serving(&[]);
    let ask = prediction();
    let mut kept: Vec<TcpStream> = (0..50).map(|_| server.connect()).collect();
    for stream in &mut kept {
        stream.write_all(ask.as_bytes()).expect("sent");
        assert_eq!(status_of(&next_answer(stream)), 200);
    }
    // One connection without a request yet, and one with half of a head.
    kept.push(server.connect());
    let mut begun = server.connect();
    let (first, second) = ask.split_at(20);
    begun.write_all(first.as_bytes()).expect("sent");
    stop(&server);
    for stream in &mut kept {
        stream.write_all(ask.as_bytes()).expect("sent");
    }
    begun.write_all(second.as_bytes()).expect("sent");
    kept.push(begun);
    for stream in &mut kept {
        let answer = rest_of(stream);
        assert_eq!(status_of(&answer), 200, "{answer}");
        assert_eq!(header_of(&answer, "connection"), Some("close"), "{answer}");
    }
    assert_eq!(server.ended(), 0);
}

#[test]
fn clients_that_ask_without_pause_lose_no_request_to_the_end_of_the_server() {
    let (_workspace, server) = serving(&[]);
    let ask = prediction();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let clients = (0..16).map(|_| {
            scope.spawn(|| {
                let mut stream = server.connect();
                loop {
                    stream.write_all(ask.as_bytes()).expect("sent");
                    let answer = next_answer(&mut stream);
                    assert_eq!(status_of(&answer), 200, "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                    if header_of(&answer, "connection") == Some("close") {
                        break;
                    }
                }
            })
        });
        let clients: Vec<_> = clients.collect();
        while answered.load(Ordering::Relaxed) < 200 && clients.iter().all(|it| !it.is_finished()) {
            park_timeout(Duration::from_millis(1));
        }
        stop(&server);
    });
    assert_eq!(server.ended(), 0);
}

#[test]
fn a_kept_connection_that_nobody_uses_does_not_hold_up_the_end() {
    let (_workspace, server) = serving(&[]);
    let mut kept = server.connect();
    kept.write_all(prediction().as_bytes()).expect("sent");
    assert_eq!(status_of(&next_answer(&mut kept)), 200);
    let mut silent = server.connect();
    stop(&server);
    // Each connection ends without an answer, because there was no request.
    assert_eq!(rest_of(&mut kept), "");
    assert_eq!(rest_of(&mut silent), "");
    assert_eq!(server.ended(), 0);
}
