//! Progress of a long read, shown on a terminal.
//!
//! Nothing is shown during the first half second, without a terminal on stderr, or with `--quiet`.
//! The progress bar is removed when the work is done. Log lines appear above it.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is shorter than this shows no progress.
const DELAY: Duration = Duration::from_millis(500);
/// Upper limit of redraws per second.
const REDRAWS_PER_SECOND: u8 = 10;
const TEMPLATE: &str = "{msg}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";

/// True if progress may be shown. False until [`allow`] is called.
static IS_WATCHED: AtomicBool = AtomicBool::new(false);
/// The progress bar that is shown now, below the log lines.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Progress of reading some bytes; the bar disappears with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Option<Arc<Reading>>);

#[derive(Debug)]
struct Reading {
    what: &'static str,
    bar: ProgressBar,
    begun: Instant,
    rows: AtomicU64,
}

/// Allows progress to be shown from now on, if stderr is a terminal.
pub(crate) fn allow() {
    IS_WATCHED.store(io::stderr().is_terminal(), Ordering::Relaxed);
}

impl Progress {
    /// Progress that is never shown.
    pub fn none() -> Self {
        Self::default()
    }

    /// Progress of reading; `what` names the work. `bytes` returns the total number of bytes. It is
    /// called only if progress may be shown.
    pub fn of_reading(what: &'static str, bytes: impl FnOnce() -> u64) -> Self {
        if !IS_WATCHED.load(Ordering::Relaxed) {
            return Self::none();
        }
        Self::drawn_on(ProgressDrawTarget::hidden(), what, bytes())
    }

    fn drawn_on(target: ProgressDrawTarget, what: &'static str, bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(Some(Arc::new(Reading {
            what,
            bar,
            begun: Instant::now(),
            rows: AtomicU64::new(0),
        })))
    }

    /// Counts rows that were kept.
    pub fn add_kept_rows(&self, rows: u64) {
        if let Some(reading) = &self.0 {
            let kept = reading.rows.fetch_add(rows, Ordering::Relaxed) + rows;
            let kept = HumanCount(kept);
            reading
                .bar
                .set_message(format!("{}  {kept} rows kept", reading.what));
        }
    }

    /// Wraps a reader so that every read advances the progress.
    pub fn watch<R: Read>(&self, inner: R) -> Watched<R> {
        Watched {
            inner,
            progress: self.clone(),
        }
    }
}

impl Reading {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.bar.is_hidden() && self.begun.elapsed() >= DELAY {
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.bar.clone());
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.bar.finish_and_clear();
    }
}

/// A reader whose progress is shown.
#[derive(Debug)]
pub struct Watched<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(reading) = &self.progress.0 {
            reading.advance(read as u64);
        }
        Ok(read)
    }
}

/// Writes to stderr, above the progress bar.
#[derive(Debug)]
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match shown {
            Some(bar) => bar.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn progress_shows_read_bytes_and_kept_rows_and_disappears_at_the_end() {
        let terminal = InMemoryTerm::new(5, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let progress = Progress::drawn_on(target, "ingesting", 4096);
        let mut reader = progress.watch(&[7_u8; 1024][..]);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        progress.add_kept_rows(1_234_567);
        let shown = terminal.contents();
        assert!(
            shown.starts_with("ingesting  1,234,567 rows kept  1.00 KiB of 4.00 KiB"),
            "{shown}"
        );
        assert!(shown.ends_with("left"), "{shown}");
        drop((reader, progress));
        assert_eq!(terminal.contents(), "");
    }
}
