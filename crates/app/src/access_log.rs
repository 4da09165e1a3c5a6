//! The access log on stderr: one line a request, with route, status and duration.
//!
//! Bodies, names of clients and keys are never logged. Each part is a constant or has only harmless
//! characters, so no request can forge a line. Logging a request makes no system call, and a request does
//! not wait until its line is written.

use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use common::LogQueue;
use jiff::Timestamp;

/// Log entry of a request.
pub(crate) struct Event<'a> {
    pub(crate) method: &'static str,
    /// Pattern of the route, never the address itself.
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    /// Bytes of the answer, if known before sending.
    pub(crate) bytes: Option<u64>,
    pub(crate) request_id: &'a str,
    /// Code of the problem that was answered.
    pub(crate) problem: Option<&'static str>,
    /// Id of the client's key, without the key itself.
    pub(crate) key: Option<&'a str>,
    /// Id of the trace that the request belongs to.
    pub(crate) trace_id: Option<&'a str>,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Writes the access log in one format.
pub(crate) struct AccessLog {
    format: LogFormat,
    queue: &'static LogQueue,
}

impl AccessLog {
    /// An access log that writes to a queue.
    pub(crate) fn new(format: LogFormat, queue: &'static LogQueue) -> Self {
        Self { format, queue }
    }

    /// Adds a request.
    pub(crate) fn add(&self, event: &Event<'_>) {
        self.queue.add(|lines| match self.format {
            // Writing to a vector cannot fail.
            LogFormat::Text => drop(writeln!(lines, " INFO {event}")),
            LogFormat::Json => event.push_json(lines, common::clock::now()),
        });
    }

    /// Adds a connection that ended before a complete, readable request head.
    pub(crate) fn add_connection_without_request(&self, took: Duration) {
        self.queue.add(|lines| match self.format {
            LogFormat::Text => {
                let seconds = took.as_secs_f64();
                drop(writeln!(
                    lines,
                    " INFO connection without a request seconds={seconds:.6}"
                ));
            }
            LogFormat::Json => {
                push_time(lines, common::clock::now());
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
        write!(to, " request_id={}", self.request_id)?;
        for (name, value) in self.details() {
            write!(to, " {name}={value}")?;
        }
        Ok(())
    }
}

impl Event<'_> {
    /// Names and values of the parts that only some requests have.
    fn details(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("problem", self.problem),
            ("key", self.key),
            ("trace_id", self.trace_id),
        ];
        let known = all.into_iter();
        known.filter_map(|(name, value)| Some((name, value?)))
    }

    /// Appends one JSON object with its line end. Written by hand for speed, because every request
    /// is logged. No part needs escaping.
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
        for (name, value) in self.details() {
            to.extend_from_slice(br#"",""#);
            to.extend_from_slice(name.as_bytes());
            to.extend_from_slice(br#"":""#);
            to.extend_from_slice(value.as_bytes());
        }
        to.extend_from_slice(b"\"}\n");
    }
}

/// Appends the start of every line: time and level.
fn push_time(to: &mut Vec<u8>, now: Timestamp) {
    thread_local! {
        /// The second of the last line, and its text.
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
    push_six_digits(to, now.subsec_microsecond().unsigned_abs());
    to.extend_from_slice(br#"Z","level":"INFO""#);
}

fn push_seconds(to: &mut Vec<u8>, took: Duration) {
    push_number(to, took.as_secs());
    to.push(b'.');
    push_six_digits(to, took.subsec_micros());
}

/// Appends six digits.
fn push_six_digits(to: &mut Vec<u8>, mut millionths: u32) {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        // A digit is one byte.
        *digit += (millionths % 10) as u8;
        millionths /= 10;
    }
    to.extend_from_slice(&digits);
}

fn push_number(to: &mut Vec<u8>, number: u64) {
    // A number always encodes, and writing to a vector cannot fail.
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
            problem: None,
            key: None,
            trace_id: None,
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
        let detailed = Event {
            problem: Some("row-invalid"),
            key: Some("dashboard"),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
            ..event
        };
        let mut line = Vec::new();
        detailed.push_json(&mut line, Timestamp::UNIX_EPOCH);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        for (name, wanted) in detailed.details() {
            assert_eq!(value[name], wanted, "{name}");
        }
        assert_eq!(value["key"], "dashboard");
        assert!(detailed.to_string().ends_with(
            " request_id=r-1 problem=row-invalid key=dashboard trace_id=0af7651916cd43dd8448eb211c80319c"
        ));
    }
}
