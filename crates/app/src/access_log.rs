//! One line a request on stderr: what was asked, how it came out, how long it took.
//!
//! Never a body, a client's name or a key; every part is of ours or of harmless characters, so no
//! request can forge a line. A request neither pays for a system call nor waits for whoever reads
//! the log.

use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use common::LogQueue;
use jiff::Timestamp;

/// What is told of a request.
pub(crate) struct Event<'a> {
    pub(crate) method: &'static str,
    /// The pattern, never the address.
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    /// Bytes of the answer, where they are known before they are sent.
    pub(crate) bytes: Option<u64>,
    pub(crate) request_id: &'a str,
}

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Tells of requests in one form.
pub(crate) struct AccessLog {
    form: Form,
    queue: &'static LogQueue,
}

impl AccessLog {
    /// Tells by lines of this form.
    pub(crate) fn new(form: Form, queue: &'static LogQueue) -> Self {
        Self { form, queue }
    }

    /// Tells of a request.
    pub(crate) fn add(&self, event: &Event<'_>) {
        self.queue.add(|lines| match self.form {
            // A vector takes all that is written.
            Form::Text => drop(writeln!(lines, " INFO {event}")),
            Form::Json => event.push_json(lines, Timestamp::now()),
        });
    }

    /// Tells of a connection that ended before a whole request head came that could be read.
    pub(crate) fn add_connection_without_request(&self, took: Duration) {
        self.queue.add(|lines| match self.form {
            Form::Text => {
                let seconds = took.as_secs_f64();
                drop(writeln!(
                    lines,
                    " INFO connection without a request seconds={seconds:.6}"
                ));
            }
            Form::Json => {
                push_time(lines, Timestamp::now());
                lines.extend_from_slice(br#","message":"connection without a request","seconds":"#);
                push_seconds(lines, took);
                lines.extend_from_slice(b"}\n");
            }
        });
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "request method={} route={} status={} seconds={:.6}",
            self.method,
            self.route,
            self.status,
            self.took.as_secs_f64(),
        )?;
        if let Some(bytes) = self.bytes {
            write!(to, " bytes={bytes}")?;
        }
        write!(to, " request_id={}", self.request_id)
    }
}

impl Event<'_> {
    /// As one object and the end of its line. Every part is of harmless characters, and the text is
    /// put together by hand: this is done for every request.
    fn push_json(&self, to: &mut Vec<u8>, now: Timestamp) {
        push_time(to, now);
        to.extend_from_slice(br#","message":"request","method":""#);
        to.extend_from_slice(self.method.as_bytes());
        to.extend_from_slice(br#"","route":""#);
        to.extend_from_slice(self.route.as_bytes());
        to.extend_from_slice(br#"","status":"#);
        push_number(to, u64::from(self.status));
        to.extend_from_slice(br#","seconds":"#);
        push_seconds(to, self.took);
        if let Some(bytes) = self.bytes {
            to.extend_from_slice(br#","bytes":"#);
            push_number(to, bytes);
        }
        to.extend_from_slice(br#","request_id":""#);
        to.extend_from_slice(self.request_id.as_bytes());
        to.extend_from_slice(b"\"}\n");
    }
}

/// The beginning of every line: when, and how important.
fn push_time(to: &mut Vec<u8>, now: Timestamp) {
    thread_local! {
        /// The second told of last, and how it is written.
        static SECOND: Cell<(i64, [u8; 19])> = const { Cell::new((i64::MIN, [0; 19])) };
    }
    let second = now.as_second();
    let (known, mut text) = SECOND.get();
    if known != second {
        let written = Timestamp::from_second(second)
            .unwrap_or_default()
            .to_string();
        if let Some(whole) = written.as_bytes().first_chunk() {
            text = *whole;
            SECOND.set((second, text));
        }
    }
    to.extend_from_slice(br#"{"timestamp":""#);
    to.extend_from_slice(&text);
    to.push(b'.');
    push_millionths(to, now.subsec_microsecond().unsigned_abs());
    to.extend_from_slice(br#"Z","level":"INFO""#);
}

fn push_seconds(to: &mut Vec<u8>, took: Duration) {
    push_number(to, took.as_secs());
    to.push(b'.');
    push_millionths(to, took.subsec_micros());
}

/// Six digits.
fn push_millionths(to: &mut Vec<u8>, mut millionths: u32) {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        // A digit is one byte.
        *digit += (millionths % 10) as u8;
        millionths /= 10;
    }
    to.extend_from_slice(&digits);
}

fn push_number(to: &mut Vec<u8>, number: u64) {
    // A number always encodes, and a vector takes all that is written.
    let _ = serde_json::to_writer(to, &number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_for_programs_and_one_sentence_for_people() {
        let event = Event {
            method: "POST",
            route: "/prediction",
            status: 422,
            took: Duration::from_micros(1500),
            bytes: Some(17),
            request_id: "r-1",
        };
        let mut line = Vec::new();
        event.push_json(&mut line, Timestamp::new(1_790_000_000, 1_234_567).unwrap());
        assert_eq!(line.pop(), Some(b'\n'));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["status"], 422);
        assert_eq!(value["seconds"], 0.0015);
        assert_eq!(value["request_id"], "r-1");
        assert_eq!(value["timestamp"], "2026-09-21T14:13:20.001234Z");
        assert_eq!(
            (&value["bytes"], &value["level"]),
            (&17.into(), &"INFO".into())
        );
        assert_eq!(
            event.to_string(),
            "request method=POST route=/prediction status=422 seconds=0.001500 bytes=17 request_id=r-1"
        );
    }
}
