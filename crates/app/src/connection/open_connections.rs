//! The open connections of all workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// State of the connections of all workers.
#[derive(Default)]
pub(crate) struct OpenConnections {
    pub(super) open: AtomicUsize,
    /// Number of running requests; counted once the server is stopping.
    pub(super) underway: AtomicUsize,
    /// True if connections without a request should end.
    pub(super) is_closing: AtomicBool,
}

impl OpenConnections {
    /// Number of open connections.
    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Number of running requests; known while the server is stopping.
    pub(crate) fn underway(&self) -> usize {
        self.underway.load(Ordering::Relaxed)
    }

    /// Ends the connections without a request.
    pub(crate) fn close_idle(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}
