//! Log lines that nobody waits for: a thread writes them, and whoever tells of something goes on.
//!
//! A reader of stderr that stalls would otherwise hold up every request that logs, and the end of
//! the program. Lines beyond what may wait for it are dropped and counted.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long lines gather before the next write: one system call for many of them.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// Bytes that wait for the reader at most.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// The lines that wait, and the thread that writes them.
#[derive(Clone)]
pub struct LogQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Told of when the first line comes, and when all were written.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    is_writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `output`; it ends with the process.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Self(Arc::clone(&shared));
        thread::Builder::new()
            .name("log".into())
            .spawn(move || shared.write_to(output))?;
        Ok(queue)
    }

    /// Adds what `write` writes, which is whole lines.
    pub fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.0.lock();
        if waiting.lines.len() > MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        let is_first = waiting.lines.is_empty();
        write(&mut waiting.lines);
        if is_first {
            self.0.changed.notify_all();
        }
    }

    /// Waits until all was written, for so long at most; whether it was.
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
            // Nothing is left to do when nobody can read it.
            let _ = output.write_all(&lines);
            if dropped > 0 {
                tracing::warn!(dropped, "log lines were dropped: stderr is read too slowly");
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
            thread::sleep(GATHERED_FOR);
        }
    }

    /// Waits for the first line, and takes all that are there.
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

    /// A reader that is told of every write and takes none before the test lets it.
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
    fn a_reader_that_stalls_holds_up_nobody_and_costs_no_more_memory_than_may_wait() {
        let (written, writes) = mpsc::channel();
        let (go_on, going_on) = mpsc::channel();
        let queue = LogQueue::start(Stalled(written, going_on)).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        queue.add(|lines| lines.extend_from_slice(b"first\n"));
        assert_eq!(writes.recv().unwrap(), b"first\n");
        // It is in the middle of a write, and stays there.
        for _ in 0..2 * MOST_WAITING / line.len() {
            queue.add(|lines| lines.extend_from_slice(&line));
        }
        assert!(!queue.drain(Duration::ZERO));
        let waiting = queue.0.lock();
        assert!(waiting.lines.len() <= MOST_WAITING + line.len());
        assert_eq!(waiting.dropped as usize, MOST_WAITING / line.len() - 1);
        drop(waiting);
        go_on.send(()).unwrap();
        assert_eq!(writes.recv().unwrap().len(), MOST_WAITING + line.len());
        go_on.send(()).unwrap();
        assert!(queue.drain(Duration::from_secs(60)));
    }
}
