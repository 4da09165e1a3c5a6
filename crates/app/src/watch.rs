//! Looking for a new release beside the requests, a few times a second or when asked to.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::web::Data;

use crate::state::AppState;

/// How long a new release may be overlooked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The thread that looks; stopped on drop.
pub(crate) struct Watch {
    asks: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts looking.
    pub(crate) fn start(state: Data<AppState>) -> std::io::Result<Self> {
        let (asks, asked) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("releases".into())
            .spawn(move || {
                // So that under load there is something to show from the beginning.
                state.runs.read(&state.config);
                loop {
                    match asked.recv_timeout(LOOK_EVERY) {
                        Err(RecvTimeoutError::Timeout) => state.models.look_again(),
                        Ok(()) => state.read_anew(),
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
            })?;
        Ok(Self {
            asks: Some(asks),
            thread: Some(thread),
        })
    }

    /// What asks it to read everything again now.
    pub(crate) fn asks(&self) -> Option<Sender<()>> {
        self.asks.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.asks.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks for releases panicked");
        }
    }
}
