//! Checks for a new release outside of requests, twice a second or on demand.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::web::Data;

use crate::state::AppState;

/// Longest delay until a new release is noticed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The thread that checks; stopped on drop.
pub(crate) struct Watch {
    reload_sender: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts checking.
    pub(crate) fn start(state: Data<AppState>) -> std::io::Result<Self> {
        let (reload_sender, reload_requests) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("releases".into())
            .spawn(move || {
                // Read first, so that `/metrics` has figures to show under load from the start.
                state.runs.read(&state.config);
                loop {
                    match reload_requests.recv_timeout(CHECK_INTERVAL) {
                        Err(RecvTimeoutError::Timeout) => state.models.refresh_or_retry(),
                        Ok(()) => state.reload(),
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
            })?;
        Ok(Self {
            reload_sender: Some(reload_sender),
            thread: Some(thread),
        })
    }

    /// Sender that triggers a complete reload.
    pub(crate) fn reload_sender(&self) -> Option<Sender<()>> {
        self.reload_sender.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.reload_sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks for releases panicked");
        }
    }
}
