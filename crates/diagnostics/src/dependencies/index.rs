//! Asking the registry index which versions of some crates there are, within a bound.
//!
//! The bound holds for all crates together and whatever the other side does: what has not been
//! answered by then is not waited for.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use semver::Version;
use tame_index::external::http::Request;
use tame_index::index::FileLock;
use tame_index::index::sparse::HttpRevision;
use tame_index::{IndexKrate, KrateName, SparseIndex};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::compare::Published;

/// The versions of one crate, or why they are not known.
pub(super) type Answer = Result<Vec<Published>, String>;

/// Connections at once, so that an index far away answers for all crates within the bound.
const ASKERS: usize = 4;
/// Bytes of an answer that are read at most; the longest entries of today have a few million.
const LARGEST_ANSWER: u64 = 32 * 1024 * 1024;

const LATE: &str = "the index did not answer in time";

struct Question {
    position: usize,
    request: Request<()>,
}

/// Asks for the versions of each crate; answers in the order of `names`.
pub(super) fn ask(index: &SparseIndex, names: &[&str], bound: Duration) -> Vec<Answer> {
    let deadline = Instant::now() + bound;
    let mut answers = vec![Err(LATE.to_owned()); names.len()];
    let mut piles: [Vec<Question>; ASKERS] = Default::default();
    for (position, name) in names.iter().enumerate() {
        match request(index, name) {
            Ok(request) => piles[position % ASKERS].push(Question { position, request }),
            Err(error) => answers[position] = Err(error.to_string()),
        }
    }
    let (sender, receiver) = mpsc::channel();
    let agent = agent();
    for pile in piles {
        let (agent, sender) = (agent.clone(), sender.clone());
        // Not waited for: a thread that hangs must not hold up the run.
        thread::spawn(move || ask_in_turn(&agent, pile, deadline, &sender));
    }
    drop(sender);
    let left = || deadline.saturating_duration_since(Instant::now());
    while let Ok((position, answer)) = receiver.recv_timeout(left()) {
        answers[position] = answer;
    }
    answers
}

fn agent() -> Agent {
    // Whom this machine trusts, as cargo does: a mirror may be known in one company only.
    let trusted = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    Agent::config_builder()
        .tls_config(trusted.build())
        // Whoever the index refers to is not configured anywhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .new_agent()
}

fn request(index: &SparseIndex, name: &str) -> Result<Request<()>, tame_index::Error> {
    // An answer that is known already would be one of cargo's cache, which is left alone.
    let nothing_known = Some(HttpRevision::Etag(""));
    let name = KrateName::crates_io(name)?;
    index
        .make_remote_request(name, nothing_known, &FileLock::unlocked())
        .map(Request::from)
}

fn ask_in_turn(
    agent: &Agent,
    pile: Vec<Question>,
    deadline: Instant,
    answers: &Sender<(usize, Answer)>,
) {
    for Question { position, request } in pile {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero()
            || answers
                .send((position, answer(agent, request, left)))
                .is_err()
        {
            return;
        }
    }
}

fn answer(agent: &Agent, request: Request<()>, within: Duration) -> Answer {
    let request = agent
        .configure_request(request)
        .timeout_global(Some(within))
        .build();
    let mut response = agent.run(request).map_err(reason)?;
    match response.status().as_u16() {
        200 => {}
        404 | 410 | 451 => return Err("the index does not know this crate".into()),
        status => return Err(format!("the index answered with status {status}")),
    }
    let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
    let entry = IndexKrate::from_slice(&body.read_to_vec().map_err(reason)?)
        .map_err(|error| format!("the index answered with something else: {error}"))?;
    let published = entry.versions.iter().filter_map(|published| {
        Some(Published {
            version: Version::parse(&published.version).ok()?,
            is_yanked: published.yanked,
        })
    });
    Ok(published.collect())
}

fn reason(error: Error) -> String {
    match error {
        Error::Timeout(_) => LATE.to_owned(),
        error => format!("the index could not be asked: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use tame_index::{IndexLocation, IndexPath, IndexUrl, PathBuf};

    use super::*;

    /// An index on this machine; `answer` is given each request's path and its connection.
    fn serve(answer: fn(&str, TcpStream)) -> SparseIndex {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("sparse+http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let (mut stream, mut head) = (stream, [0; 4096]);
                    // The request is short: one read takes its head.
                    let length = stream.read(&mut head).unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    answer(head.split(' ').nth(1).unwrap_or_default(), stream);
                });
            }
        });
        at(url)
    }

    fn at(url: String) -> SparseIndex {
        SparseIndex::new(IndexLocation {
            url: IndexUrl::NonCratesIo(url.into()),
            root: IndexPath::UserSpecified(PathBuf::new()),
            cargo_version: Some(Version::new(1, 89, 0)),
        })
        .unwrap()
    }

    fn respond(mut stream: TcpStream, status: &str, body: &str) {
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }

    /// Sends `begin` and then a byte now and again, for as long as somebody listens.
    fn go_on_after(mut stream: TcpStream, begin: &str) {
        let mut sent = stream.write_all(begin.as_bytes());
        while sent.is_ok() {
            thread::sleep(Duration::from_millis(10));
            sent = stream.write_all(b"x");
        }
    }

    fn line(version: &str, is_yanked: bool) -> String {
        let checksum = "0".repeat(64);
        format!(
            "{{\"name\":\"x\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{checksum}\",\
             \"features\":{{}},\"yanked\":{is_yanked}}}\n"
        )
    }

    /// Longer than any machine needs for an answer from itself.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn each_crate_has_its_own_answer() {
        let index = serve(|path, stream| match path {
            "/se/rd/serde" => {
                let body = [line("1.0.0", true), line("1.1.0", false)].concat();
                respond(stream, "200 OK", &body);
            }
            "/1/c" => respond(stream, "404 Not Found", ""),
            "/2/cc" => respond(stream, "200 OK", "<html>"),
            "/3/c/ccc" => respond(stream, "401 Unauthorized", ""),
            // Whoever it may lead to is not followed.
            _ => respond(stream, "302 Found\r\nLocation: http://127.0.0.1:1/", ""),
        });
        let names = ["serde", "c", "cc", "ccc", "cccc", "no name"];
        let answers = ask(&index, &names, PATIENCE);
        let found: Vec<(String, bool)> = answers[0]
            .iter()
            .flatten()
            .map(|published| (published.version.to_string(), published.is_yanked))
            .collect();
        assert_eq!(found, [("1.0.0".into(), true), ("1.1.0".into(), false)]);
        let says = [
            "does not know",
            "something else",
            "status 401",
            "status 302",
            "invalid crate name",
        ];
        for (answer, says) in answers[1..].iter().zip(says) {
            let reason = answer.as_ref().expect_err(says);
            assert!(reason.contains(says), "{reason}");
        }
    }

    #[test]
    fn an_index_that_is_not_there_is_unknown() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let index = at(format!("sparse+http://{}/", closed.local_addr().unwrap()));
        drop(closed);
        let answers = ask(&index, &["serde", "csv"], PATIENCE);
        for answer in answers {
            let reason = answer.expect_err("nobody is there");
            assert!(reason.contains("could not be asked"), "{reason}");
        }
    }

    #[test]
    fn an_index_that_hangs_or_never_ends_is_not_waited_for() {
        let hangs = serve(|_, stream| {
            // Keeps the connection until the other side gives up.
            let _ = { stream }.read(&mut [0]);
        });
        let trickles = serve(|_, stream| go_on_after(stream, "HTTP/1.1 200 OK\r\n\r\n"));
        let trickles_its_head = serve(|_, stream| go_on_after(stream, "HTTP/1.1 200 OK\r\nX: "));
        for index in [hangs, trickles, trickles_its_head] {
            let answers = ask(&index, &["serde"; 9], Duration::from_millis(300));
            for answer in answers {
                assert_eq!(answer.expect_err("no answer"), LATE);
            }
        }
    }
}
