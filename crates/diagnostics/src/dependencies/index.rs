//! Asks the registry index for the published versions of crates, within a time limit.
//!
//! The time limit is for all crates together, whatever the server does. An answer that comes later
//! is ignored.

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

use super::compare::PublishedVersion;

/// The published versions of one crate, or the reason why they are not known.
pub(super) type Answer = Result<Vec<PublishedVersion>, String>;

/// Parallel connections, so that a distant index answers for all crates within the time limit.
const CONNECTIONS: usize = 4;
/// Maximum number of bytes of an answer that are read. The longest entries have a few million
/// today.
const MAX_ANSWER_BYTES: u64 = 32 * 1024 * 1024;

const LATE: &str = "the index did not answer in time";

struct Question {
    position: usize,
    request: Request<()>,
}

/// Asks for the versions of each crate. The answers come in the order of `names`.
pub(super) fn ask(index: &SparseIndex, names: &[&str], time_limit: Duration) -> Vec<Answer> {
    let deadline = Instant::now() + time_limit;
    let mut answers = vec![Err(LATE.to_owned()); names.len()];
    let mut queues: [Vec<Question>; CONNECTIONS] = Default::default();
    for (position, name) in names.iter().enumerate() {
        match request(index, name) {
            Ok(request) => queues[position % CONNECTIONS].push(Question { position, request }),
            Err(error) => answers[position] = Err(error.to_string()),
        }
    }
    let (sender, receiver) = mpsc::channel();
    let agent = agent();
    for queue in queues {
        let (agent, sender) = (agent.clone(), sender.clone());
        // The threads are not joined: a thread that hangs must not delay the run.
        let asking =
            thread::Builder::new().spawn(move || ask_in_turn(&agent, queue, deadline, &sender));
        if let Err(error) = asking {
            // The crates that this thread would ask for get no answer.
            tracing::debug!("no thread to ask for dependencies: {error}");
        }
    }
    drop(sender);
    let left = || deadline.saturating_duration_since(Instant::now());
    while let Ok((position, answer)) = receiver.recv_timeout(left()) {
        answers[position] = answer;
    }
    answers
}

fn agent() -> Agent {
    // The operating system's certificates are trusted, as in cargo: a company may have its own
    // index mirror.
    let trusted = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    let config = Agent::config_builder()
        .tls_config(trusted.build())
        // Redirects are not followed: their target is not in any configuration.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build();
    http_client::agent(config)
}

fn request(index: &SparseIndex, name: &str) -> Result<Request<()>, tame_index::Error> {
    // Without this, the index would answer from cargo's cache, which must not be touched.
    let nothing_known = Some(HttpRevision::Etag(""));
    let name = KrateName::crates_io(name)?;
    index
        .make_remote_request(name, nothing_known, &FileLock::unlocked())
        .map(Request::from)
}

fn ask_in_turn(
    agent: &Agent,
    queue: Vec<Question>,
    deadline: Instant,
    answers: &Sender<(usize, Answer)>,
) {
    for Question { position, request } in queue {
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
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
    let entry = IndexKrate::from_slice(&body.read_to_vec().map_err(reason)?)
        .map_err(|error| format!("the index gave an invalid answer: {error}"))?;
    let published = entry.versions.iter().filter_map(|published| {
        Some(PublishedVersion {
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

    /// Starts an index on this machine. `answer` gets each request's path and connection.
    fn serve(answer: fn(&str, TcpStream)) -> SparseIndex {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("sparse+http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let (mut stream, mut head) = (stream, [0; 4096]);
                    // One read is enough: the request is short.
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

    /// Sends `begin`, then one byte every 10 ms, until the connection closes.
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

    /// Time limit that is longer than any answer from this machine takes.
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
            // The redirect must not be followed.
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
            "an invalid answer",
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
    fn an_unreachable_index_is_an_error() {
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
    fn a_slow_index_does_not_delay_the_run() {
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
