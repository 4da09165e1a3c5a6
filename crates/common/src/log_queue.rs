//! A queue of log lines, written by a thread of its own.
//!
//! A stalled reader of stderr would otherwise delay every request that logs, and the end of the
//! program. Lines above the size limit are dropped and counted.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Delay in which lines are gathered, so that one system call writes many.
const GATHER_TIME: Duration = Duration::from_millis(100);
/// Upper limit of waiting bytes.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// The waiting lines, and the thread that writes them.
#[derive(Clone)]
pub struct LogQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Notified when the first line arrives, and when all lines are written.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    is_writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `output`; the thread ends with the process.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Self(Arc::clone(&shared));
        thread::Builder::new()
            .name("log".into())
            .spawn(move || shared.write_to(output))?;
        Ok(queue)
    }

    /// Adds the output of `write`, which must be whole lines.
    pub fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.0.lock();
        if waiting.lines.len() > MAX_WAITING {
            waiting.dropped += 1;
            return;
        }
        let is_first = waiting.lines.is_empty();
        write(&mut waiting.lines);
        if is_first {
            self.0.changed.notify_all();
        }
    }

    /// Waits until all lines are written, for `patience` at most; returns true if they are.
    pub fn drain(&self, patience: Duration) -> bool {
        let rest = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), patience, |waiting| {
                waiting.is_writing || !waiting.lines.is_empty()
            });
        !rest.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut output: impl Write) {
        loop {
            let (lines, dropped) = self.next_lines();
            // Nothing is left to do when nobody reads the log.
            let _ = output.write_all(&lines);
            if dropped > 0 {
                tracing::warn!(dropped, "log lines were dropped: stderr is read too slowly");
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
            thread::sleep(GATHER_TIME);
        }
    }

    /// Waits for the first line, then takes all waiting lines.
    fn next_lines(&self) -> (Vec<u8>, u64) {
        let waiting = self
            .changed
            .wait_while(self.lock(), |waiting| waiting.lines.is_empty());
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = true;
        let dropped = std::mem::take(&mut waiting.dropped);
        (std::mem::take(&mut waiting.lines), dropped)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Sender};

    use super::*;

    /// A writer that reports every write to the test and then waits for permission.
    struct Stalled(Sender<Vec<u8>>, mpsc::Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            self.1.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_delays_nobody_and_memory_stays_within_the_limit() {
        let (written, writes) = mpsc::channel();
        let (allow_write, allowed) = mpsc::channel();
        let queue = LogQueue::start(Stalled(written, allowed)).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        queue.add(|lines| lines.extend_from_slice(b"first\n"));
        assert_eq!(writes.recv().unwrap(), b"first\n");
        // The writer is now in the middle of a write.
        for _ in 0..2 * MAX_WAITING / line.len() {
            queue.add(|lines| lines.extend_from_slice(&line));
        }
        assert!(!queue.drain(Duration::ZERO));
        let waiting = queue.0.lock();
        assert!(waiting.lines.len() <= MAX_WAITING + line.len());
        assert_eq!(waiting.dropped as usize, MAX_WAITING / line.len() - 1);
        drop(waiting);
        allow_write.send(()).unwrap();
        assert_eq!(writes.recv().unwrap().len(), MAX_WAITING + line.len());
        allow_write.send(()).unwrap();
        assert!(queue.drain(Duration::from_secs(60)));
    }
}
