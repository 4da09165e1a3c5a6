//! One line a request on stderr: what was asked, how it came out, how long it took.
//!
//! Never a body, a client's name or a key; every part is of ours or of harmless characters, so no
//! request can forge a line. Lines are gathered and written a few times a second by a thread, so
//! that a request neither pays for a system call nor waits for whoever reads the log; when that
//! reader is too slow lines are dropped and counted.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

/// How long a line waits for others at most.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// Bytes that wait for the reader of the log at most.
const MOST_WAITING: usize = 4 * 1024 * 1024;

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

/// The lines that wait, and the thread that writes them.
pub(crate) struct AccessLog {
    form: Form,
    waiting: Arc<Mutex<Waiting>>,
    /// Its end is what stops the thread.
    alive: Option<Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
}

impl AccessLog {
    /// Starts the thread that writes to stderr.
    pub(crate) fn start(form: Form) -> io::Result<Self> {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (alive, stopped) = mpsc::channel::<()>();
        let lines = Arc::clone(&waiting);
        let writer = thread::Builder::new()
            .name("access log".into())
            .spawn(move || {
                // The first round may begin in the middle of nothing: an empty buffer costs nothing.
                while stopped.recv_timeout(GATHERED_FOR) == Err(RecvTimeoutError::Timeout) {
                    write_out(&lines);
                }
                write_out(&lines);
            })?;
        Ok(Self {
            form,
            waiting,
            alive: Some(alive),
            writer: Some(writer),
        })
    }

    /// Adds a line.
    pub(crate) fn add(&self, event: &Event<'_>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.lines.len() > MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        // A vector takes all that is written.
        let _ = match self.form {
            Form::Text => writeln!(waiting.lines, " INFO {event}"),
            Form::Json => writeln!(waiting.lines, "{}", Json(event)),
        };
    }
}

impl AccessLog {
    /// Writes what waits.
    pub(crate) fn flush(&self) {
        write_out(&self.waiting);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(writer) = self.writer.take() {
            // It does not panic; if it did, there is nobody to tell.
            let _ = writer.join();
        }
    }
}

fn write_out(waiting: &Mutex<Waiting>) {
    let Waiting { lines, dropped } =
        std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
    if !lines.is_empty() {
        // Nothing is left to do when stderr is closed.
        let _ = io::stderr().lock().write_all(&lines);
    }
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "lines of the access log were dropped: stderr is read too slowly"
        );
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
