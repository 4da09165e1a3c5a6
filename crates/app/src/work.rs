//! Long work that runs outside the server's workers, with a limit on running and waiting requests.
//!
//! A waiting request has neither a thread nor a job, so nothing remains of it when its client goes
//! away. Monitoring (`/readyz`, `/metrics`) has threads of its own.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::rt::time::timeout;
use actix_web::web;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::connection::Peer;
use crate::error::ApiError;

/// Running jobs per processor. Each one takes memory.
const JOBS_PER_PROCESSOR: usize = 2;
/// Limit on the number of waiting requests.
pub(crate) const MAX_WAITING: usize = 128;
/// How long `/readyz` and `/metrics` wait for new information. The wait is short, because
/// monitoring must stay fast under load.
const MONITORING_WAIT: Duration = Duration::from_millis(30);
/// Maximum number of such waits for one request while the server is otherwise idle: one second in
/// total.
const MAX_WAITS: u32 = 33;
/// Threads for `/readyz` and `/metrics`; a check that hangs blocks one for good.
const MONITORING_THREADS: usize = 2;

/// Turns for running jobs, and the number of requests that wait for one.
pub(crate) struct Work {
    turns: Arc<Semaphore>,
    at_once: usize,
    waiting: AtomicUsize,
}

/// The place of a waiting request; free again on drop.
pub(crate) struct WaitingPlace<'w> {
    work: &'w Work,
    request: &'w HttpRequest,
}

/// A check of something outside the server, run for one request at a time.
#[derive(Default)]
pub(crate) struct MonitoringCheck {
    /// Held until the check has ended.
    running: Arc<Mutex<()>>,
}

impl Work {
    /// Work with all turns free.
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let at_once = JOBS_PER_PROCESSOR * processors;
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            at_once,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Number of threads of each worker: all jobs may belong to one worker.
    pub(crate) fn threads_of_a_worker(&self) -> usize {
        self.at_once + MONITORING_THREADS
    }

    /// Number of requests that wait for a turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// True if any job runs.
    pub(crate) fn is_running(&self) -> bool {
        self.turns.available_permits() < self.at_once
    }

    /// Runs a job outside the worker when a turn is free.
    ///
    /// Fails with [`ApiError::Overloaded`] when too many requests wait. Ends without an answer when
    /// the client goes away before the job begins.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        request: &HttpRequest,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.wait(request)?.run(job).await
    }

    /// Takes a place among the waiting requests.
    pub(crate) fn wait<'w>(
        &'w self,
        request: &'w HttpRequest,
    ) -> Result<WaitingPlace<'w>, ApiError> {
        let place = WaitingPlace {
            work: self,
            request,
        };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(ApiError::Overloaded);
        }
        Ok(place)
    }

    /// All turns, held until dropped.
    #[cfg(test)]
    pub(crate) fn all_turns(&self) -> OwnedSemaphorePermit {
        self.some_turns(self.at_once)
    }

    /// A number of turns, held until dropped.
    #[cfg(test)]
    pub(crate) fn some_turns(&self, turns: usize) -> OwnedSemaphorePermit {
        let turns = u32::try_from(turns).unwrap();
        let all = Arc::clone(&self.turns);
        all.try_acquire_many_owned(turns).unwrap()
    }
}

impl WaitingPlace<'_> {
    /// Waits for `wanted` as long as the client is connected.
    pub(crate) async fn until<T>(&self, wanted: impl Future<Output = T>) -> T {
        Peer::while_connected(self.request, wanted).await
    }

    /// Runs a job when a turn is free.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turn().await;
        drop(self);
        let done = web::block(move || {
            // The turn ends with the job, even if nobody waits for the result.
            let _turn = turn;
            job()
        });
        Ok(done.await?)
    }

    /// The next free turn. `None` is never returned, because the turns are never closed.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turns = || Arc::clone(&self.work.turns);
        match turns().try_acquire_owned() {
            Ok(turn) => Some(turn),
            Err(_) => self.until(turns().acquire_owned()).await.ok(),
        }
    }
}

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.work.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MonitoringCheck {
    /// Runs a check and waits for its result, within the limit of monitoring. A longer check
    /// continues, and the next request gets its result.
    ///
    /// A check begins only after the previous one has ended, so a check that hangs blocks one
    /// thread.
    pub(crate) async fn run(
        &self,
        is_busy: impl Fn() -> bool,
        check: impl FnOnce() + Send + 'static,
    ) -> Result<(), ApiError> {
        let has_begun = Cell::new(false);
        let mut checked = pin!(async {
            let turn = Arc::clone(&self.running).lock_owned().await;
            has_begun.set(true);
            let checked = web::block(move || {
                let _turn = turn;
                check();
            });
            checked.await
        });
        for _ in 0..MAX_WAITS {
            if let Ok(checked) = timeout(MONITORING_WAIT, &mut checked).await {
                return Ok(checked?);
            }
            if is_busy() || !has_begun.get() {
                break;
            }
        }
        // The answer is then based on what is already known.
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_begun(&self) -> bool {
        self.running.try_lock().is_err()
    }
}
