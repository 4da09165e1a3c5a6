//! One line a request on stderr: what was asked, how it came out, how long it took.
//!
//! Never a body, a client's name or a key; every part is of ours or of harmless characters, so no
//! request can forge a line. A request neither pays for a system call nor waits for whoever reads
//! the log.

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
        // A vector takes all that is written.
        self.queue.add(|lines| {
            let _ = match self.form {
                Form::Text => writeln!(lines, " INFO {event}"),
                Form::Json => writeln!(lines, "{}", Json(event)),
            };
        });
    }

    /// Tells of a connection that ended before a whole request head came that could be read.
    pub(crate) fn add_connection_without_request(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.queue.add(|lines| {
            let _ = match self.form {
                Form::Text => writeln!(
                    lines,
                    " INFO connection without a request seconds={seconds:.6}"
                ),
                Form::Json => writeln!(
                    lines,
                    r#"{{"timestamp":"{:.6}","level":"INFO","message":"connection without a request","seconds":{seconds:.6}}}"#,
                    Timestamp::now(),
                ),
            };
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

struct Json<'a>(&'a Event<'a>);

impl fmt::Display for Json<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.0;
        write!(
            to,
            r#"{{"timestamp":"{:.6}","level":"INFO","message":"request","method":"{}","route":"{}","status":{},"seconds":{:.6}"#,
            Timestamp::now(),
            event.method,
            event.route,
            event.status,
            event.took.as_secs_f64(),
        )?;
        if let Some(bytes) = event.bytes {
            write!(to, r#","bytes":{bytes}"#)?;
        }
        write!(to, r#","request_id":"{}"}}"#, event.request_id)
    }
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
        let value: serde_json::Value = serde_json::from_str(&Json(&event).to_string()).unwrap();
        assert_eq!(value["status"], 422);
        assert_eq!(value["seconds"], 0.0015);
        assert_eq!(value["request_id"], "r-1");
        assert!(value["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(
            event.to_string(),
            "request method=POST route=/prediction status=422 seconds=0.001500 bytes=17 request_id=r-1"
        );
    }
}
