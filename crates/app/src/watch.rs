//! Checks for a new release outside of requests, twice a second or on demand. Gives freed memory back.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web::Data;

use crate::allocator::Trim;
use crate::state::AppState;

/// Longest delay until a new release is noticed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Time limit for the end of a check when the server stops. A check may wait for an unmounted or stalled disk.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread that checks; stopped on drop.
pub(crate) struct Watch {
    reload_sender: Option<Sender<()>>,
    /// Disconnected once the thread has ended.
    ended: Receiver<()>,
}

impl Watch {
    /// Starts checking.
    pub(crate) fn start(state: Data<AppState>) -> std::io::Result<Self> {
        let (reload_sender, reload_requests) = mpsc::channel();
        let (until_end, ended) = mpsc::channel();
        thread::Builder::new()
            .name("releases".into())
            .spawn(move || {
                let _until_end = until_end;
                // Read first, so that `/metrics` has values of the runs under load from the start.
                state.runs.read(&state.config);
                let mut trim = Trim::starting_at(Instant::now());
                loop {
                    trim.trim_if_due(state.in_flight.released(), Instant::now());
                    match reload_requests.recv_timeout(CHECK_INTERVAL) {
                        Err(RecvTimeoutError::Timeout) => state.models.refresh_or_retry(),
                        Ok(()) => state.reload(),
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
            })?;
        Ok(Self {
            reload_sender: Some(reload_sender),
            ended,
        })
    }

    /// Sender that triggers a complete reload.
    pub(crate) fn reload_sender(&self) -> Option<Sender<()>> {
        self.reload_sender.clone()
    }

    /// Stops checking. Leaves a check that takes longer than the time limit to itself.
    fn stop(&mut self, time_limit: Duration) {
        drop(self.reload_sender.take());
        if self.ended.recv_timeout(time_limit) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(
                "looking for a release takes longer than {} s; the server ends without it",
                time_limit.as_secs_f64()
            );
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop(END_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Service;

    #[test]
    fn a_check_that_hangs_does_not_delay_the_stop() {
        let state = Service::deployed().state();
        let held_up = state.models.block_until_dropped();
        let mut watch = Watch::start(state.clone()).unwrap();
        watch.reload_sender().unwrap().send(()).unwrap();
        watch.stop(Duration::from_millis(1));
        drop(held_up);
        watch.stop(Duration::MAX);
    }
}
