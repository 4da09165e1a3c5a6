//! Many clients at once, and releases that change while they are served.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use super::{CSV, HOST, ROWS, problem, serving, still_answers};
use crate::server::{Server, body_of, rest_of, status_of};
use crate::workspace::outcome;

/// Number of connections of the flood, if the system allows so many.
const FLOOD: u64 = 1000;
/// Number of file handles that the flood leaves free for other work of this process and the server.
const SPARE_FILES: u64 = 200;
/// Number of file handles per connection, in the server and in this process.
const HANDLES: u64 = 1;

/// Raises the limit of file handles of this process and its children for a flood. Returns the
/// number of connections that the limit allows.
fn allow_flood() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let wanted = SPARE_FILES + HANDLES * FLOOD;
    let allowed = now.maximum.map_or(wanted, |most| most.min(wanted));
    let current = now.current.map(|now| now.max(allowed));
    setrlimit(Resource::Nofile, Rlimit { current, ..now }).expect("below the hard limit");
    current.map_or(FLOOD, |files| {
        FLOOD.min(files.saturating_sub(SPARE_FILES) / HANDLES)
    })
}

#[test]
fn a_flood_of_large_bodies_is_turned_away_within_the_memory_allowed() {
    let connections = allow_flood();
    assert!(connections > 0, "no file may be opened");
    let (_workspace, server) = serving(&[("limits.in_flight_bytes", json!(64 << 20))]);
    still_answers(&server);
    let before = server.peak_mib();
    // A path of 8 MiB, which is cheap to refuse after it has arrived.
    let body = format!("\"{}\"", "x".repeat(8 << 20));
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let [whole, refused, cut] = [(); 3].map(|()| AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..connections {
            std::thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn_scoped(scope, || {
                    let mut stream = server.connect();
                    let _ = stream
                        .write_all(head.as_bytes())
                        .and_then(|()| stream.write_all(body.as_bytes()));
                    let answer = rest_of(&mut stream);
                    let is_cut = answer.is_empty() || status_of(&answer) == 408;
                    let count = match is_cut {
                        // The connection was reset before the answer was read, or this thread was
                        // not scheduled for so long that its head arrived too late.
                        true => &cut,
                        false => match problem(&answer).as_str() {
                            "403 path-not-allowed" => &whole,
                            "503 overloaded" => &refused,
                            other => panic!("{other}"),
                        },
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                })
                .expect("a thread");
        }
    });
    let [whole, refused, cut] = [whole, refused, cut].map(AtomicU64::into_inner);
    assert!(whole > 0, "{whole} read, {refused} refused, {cut} cut off");
    let grown = server.peak_mib() - before;
    // The limit of bodies in flight, 8 MiB each, and up to 1 MiB of buffers per connection.
    let allowed = 64 + connections;
    assert!(grown < allowed, "{grown} MiB of {allowed}");
    still_answers(&server);
    // All of this memory was freed.
    let alone = server.exchange(format!("{head}{body}"));
    assert_eq!(problem(&alone), "403 path-not-allowed");
}

/// Requests one prediction. Returns the release that answered, and its probabilities.
fn ask(server: &Server) -> (String, Value) {
    let answer = server.send("POST /prediction", &[HOST, CSV], ROWS.as_bytes());
    assert_eq!(status_of(&answer), 200, "{answer}");
    let answer: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
    let release = answer["model_version"].as_str().expect("a release");
    (release.to_owned(), answer["probabilities"].clone())
}

#[test]
fn every_answer_is_wholly_of_one_release_while_a_hundred_follow_each_other() {
    let (mut workspace, server) = serving(&[]);
    let (first, of_first) = ask(&server);
    workspace.set_input(&["sourcedata"]);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    assert_eq!(server.get("/readyz").status, 200);
    let (second, of_second) = ask(&server);
    assert_ne!((&first, &of_first), (&second, &of_second));

    let is_over = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut asked = [0_u64; 2];
                    while !is_over.load(Ordering::Relaxed) {
                        let (release, probabilities) = ask(&server);
                        if release == first {
                            assert_eq!(probabilities, of_first);
                            asked[0] += 1;
                        } else {
                            assert_eq!((&release, &probabilities), (&second, &of_second));
                            asked[1] += 1;
                        }
                    }
                    asked
                })
            })
            .collect();
        for round in 0..100 {
            let release = if round % 2 == 0 { &first } else { &second };
            let mut command = workspace.command("deployment");
            command.args(["--quiet", "--rollback", release]);
            if round == 50 {
                // One run is killed, wherever it is at that time.
                let mut killed = command.spawn().expect("it starts");
                killed.kill().expect("killed");
                killed.wait().expect("gone");
            } else {
                let done = workspace.finish(&mut command);
                assert_eq!(done.code, 0, "{}", done.stderr);
            }
            assert_eq!(server.get("/readyz").status, 200);
        }
        is_over.store(true, Ordering::Relaxed);
        let counts = clients
            .into_iter()
            .map(|client| client.join().expect("no failure"));
        counts.fold([0, 0], |[a, b], [c, d]| [a + c, b + d])
    });
    assert!(asked[0] > 0 && asked[1] > 0, "{asked:?}");
}
