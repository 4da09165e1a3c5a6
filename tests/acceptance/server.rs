//! The real server on a free port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

use crate::schema::expect_described;
use crate::workspace::Workspace;

/// A running server. Dropping the value stops it.
pub(crate) struct Server {
    process: Child,
    url: String,
    agent: Agent,
    log: Mutex<Receiver<String>>,
}

/// Time limit of every wait: long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer of the server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) model_version: Option<String>,
    pub(crate) body: String,
}

impl Server {
    /// Starts the server of a workspace, and waits until its log has its address.
    pub(crate) fn start(workspace: &mut Workspace) -> Self {
        let (process, log, url) = spawn(workspace);
        // The log must be read continuously. Otherwise the server would block on a full pipe.
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for read in log.lines().map_while(Result::ok) {
                // The channel is closed after the test has ended.
                let _ = line.send(read);
            }
        });
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            process,
            url,
            agent: config.into(),
            log: Mutex::new(lines),
        }
    }

    /// The next line of the log for which the function returns true.
    #[track_caller]
    pub(crate) fn log_line(&self, is_so: impl Fn(&str) -> bool) -> String {
        loop {
            let log = self.log.lock().expect("no test failed before");
            let line = log.recv_timeout(PATIENCE).expect("such a line");
            if is_so(&line) {
                return line;
            }
        }
    }

    /// A connection for requests as raw bytes.
    pub(crate) fn connect(&self) -> TcpStream {
        let address = self.url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Sends these bytes, and returns the answer until the server closes the connection.
    pub(crate) fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // If the server refuses the beginning, it may close before the rest was sent.
        let _ = stream.write_all(request.as_ref());
        rest_of(&mut stream)
    }

    /// Sends a request with these header lines, which must include `Host`; returns the answer.
    pub(crate) fn send(&self, what: &str, headers: &[&str], body: &[u8]) -> String {
        let mut request = format!("{what} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
        for header in headers {
            request.extend_from_slice(header.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(body);
        self.exchange(request)
    }

    /// Peak memory of the server, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.memory_kib("VmHWM:") / 1024
    }

    /// A figure of the system on the server's memory, in KiB.
    fn memory_kib(&self, what: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("the server is there");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .expect("a number")
    }

    /// Limits the server's address space to `more_mib` MiB more than it has now.
    pub(crate) fn allow_memory(&self, more_mib: u64) {
        let limit = Rlimit {
            current: Some((self.memory_kib("VmSize:") << 10) + (more_mib << 20)),
            maximum: None,
        };
        let process = Some(Pid::from_child(&self.process));
        prlimit(process, Resource::As, limit).expect("the server is there");
    }

    /// Limits the server's open files and connections from now on.
    pub(crate) fn allow_files(&self, files: u64) {
        let limit = Rlimit {
            current: Some(files),
            maximum: Some(files),
        };
        let process = Some(Pid::from_child(&self.process));
        prlimit(process, Resource::Nofile, limit).expect("the server is there");
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the server is there");
    }

    /// Address of the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Requests a path with GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let asked = self.agent.get(format!("{}{path}", self.url)).call();
        let answer = Answer::of(asked.expect("an answer"));
        expect_described("get", path, &answer);
        answer
    }

    /// Posts a body. An empty `content_type` leaves out that header.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !content_type.is_empty() {
            request = request.header("Content-Type", content_type);
        }
        let answer = Answer::of(request.send(body).expect("an answer"));
        expect_described("post", path, &answer);
        answer
    }

    /// Asks the server to stop and waits for its exit code.
    pub(crate) fn stop(self) -> i32 {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// The exit code of a server that was asked to stop.
    pub(crate) fn ended(mut self) -> i32 {
        // The server would wait for connections that stay open.
        self.agent = Agent::new_with_defaults();
        let ended = self.process.wait().expect("the server ends");
        ended.code().expect("the server ends by itself")
    }
}

/// Starts the server of a workspace. Returns it with the rest of its log, and its address.
pub(crate) fn spawn(workspace: &mut Workspace) -> (Child, BufReader<ChildStderr>, String) {
    workspace.set("api.bind", json!("127.0.0.1:0"));
    let mut process = workspace
        .command("app")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut log = BufReader::new(process.stderr.take().expect("a pipe"));
    let url = log
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            let at = line.find("http://")?;
            let url = line[at..].split([' ', '"']).next()?;
            Some(url.trim_end_matches('/').to_owned())
        })
        .expect("the server says where it listens");
    (process, log, url)
}

/// All bytes that still arrive on a connection.
pub(crate) fn rest_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // After a reset, the bytes that arrived before it are the answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The next answer on a connection that stays open. The answer must have a `Content-Length`.
#[track_caller]
pub(crate) fn next_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).expect("text");
    let length = header_of(&head, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    stream.read_exact(&mut body).expect("a body");
    head + &String::from_utf8(body).expect("text")
}

/// The status of an answer as text.
#[track_caller]
pub(crate) fn status_of(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// A header of an answer as text.
pub(crate) fn header_of<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The body of an answer as text.
pub(crate) fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    fn of(mut response: Response<ureq::Body>) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            model_version: header("x-model-version"),
            body: response.body_mut().read_to_string().expect("a body"),
        }
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Checks that the answer is a problem with this status and type.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.json(status);
        assert!(
            self.content_type.starts_with("application/problem+json"),
            "{}",
            self.content_type
        );
        let found = problem["type"].as_str().expect("a type");
        assert!(found.ends_with(kind), "{found} is not {kind}");
        assert_eq!(problem["status"], status);
        problem
    }

    /// The first row for which a prediction is refused, and the reason.
    #[track_caller]
    pub(crate) fn refused_row(&self) -> Value {
        self.problem(422, "row-invalid")["errors"][0].clone()
    }
}
