//! A receiver of alerts on this machine, which answers as a test requires.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver as Inbox};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// The behaviour of a receiver when a message is posted.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Answers with a status line and, after it, header lines.
    Status(String),
    /// Keeps the connection open and does not answer.
    Silence,
}

/// A posted message.
pub(crate) struct Posted {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A receiver of alerts. It runs as long as the test.
pub(crate) struct Receiver {
    url: String,
    answer: Arc<Mutex<Answer>>,
    posted: Inbox<Posted>,
}

impl Answer {
    pub(crate) fn status(line: &str) -> Self {
        Self::Status(line.to_owned())
    }
}

impl Posted {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Receiver {
    /// A receiver that accepts every message.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!(
            "http://{}/hook/SECRET-PATH",
            listener.local_addr().expect("an address")
        );
        let answer = Arc::new(Mutex::new(Answer::status("200 OK")));
        let (send, posted) = mpsc::channel();
        let current = Arc::clone(&answer);
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(message) = read(&mut stream) else {
                    continue;
                };
                let answer = current.lock().expect("no test failed before").clone();
                // The test may have ended.
                let _ = send.send(message);
                match answer {
                    Answer::Silence => kept.push(stream),
                    Answer::Status(line) => {
                        // The sender may have disconnected.
                        let _ = write!(
                            stream,
                            "HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        );
                    }
                }
            }
        });
        Self {
            url,
            answer,
            posted,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the behaviour from now on.
    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("no test failed before") = answer;
    }

    /// The messages since the last call.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.posted.try_iter().collect()
    }

    /// Condition and state of each message since the last call.
    pub(crate) fn reported(&self) -> Vec<String> {
        let posted = self.posted();
        posted.iter().map(|one| in_short(&one.json())).collect()
    }
}

/// Condition and state of a message.
pub(crate) fn in_short(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().expect("a text").to_owned();
    format!("{} {}", text("condition"), text("state"))
}

fn read(stream: &mut TcpStream) -> Option<Posted> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    })?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Posted { head, body })
}
