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

use crate::connection::Connection;
use crate::error::ApiError;

/// Running jobs per processor. Each one takes memory.
const AT_ONCE_BY_PROCESSOR: usize = 2;
/// Limit on the number of waiting requests.
pub(crate) const MAX_WAITING: usize = 128;
/// How long `/readyz` and `/metrics` wait for new information, as monitoring must stay fast under
/// load.
const PATIENCE: Duration = Duration::from_millis(30);
/// How many times they do so while nothing else is asked of the server: a second.
const MAX_WAITS: u32 = 33;
/// Threads for `/readyz` and `/metrics`: a look that hangs keeps one for good.
const MONITORING_THREADS: usize = 2;

/// The turns, and the number of requests that wait for one.
pub(crate) struct Work {
    turns: Arc<Semaphore>,
    at_once: usize,
    waiting: AtomicUsize,
}

/// The place of a waiting request; free again on drop.
pub(crate) struct Place<'w> {
    work: &'w Work,
    request: &'w HttpRequest,
}

/// A look at something outside the server, made for one request at a time.
#[derive(Default)]
pub(crate) struct Glance {
    /// Held until the look has ended.
    looking: Arc<Mutex<()>>,
}

impl Work {
    /// All turns are free.
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let at_once = AT_ONCE_BY_PROCESSOR * processors;
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

    /// Whether any job runs.
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
    pub(crate) fn wait<'w>(&'w self, request: &'w HttpRequest) -> Result<Place<'w>, ApiError> {
        let place = Place {
            work: self,
            request,
        };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(ApiError::Overloaded);
        }
        Ok(place)
    }

    /// All turns, until they are dropped.
    #[cfg(test)]
    pub(crate) fn all_turns(&self) -> OwnedSemaphorePermit {
        self.some_turns(self.at_once)
    }

    /// So many turns, until they are dropped.
    #[cfg(test)]
    pub(crate) fn some_turns(&self, turns: usize) -> OwnedSemaphorePermit {
        let turns = u32::try_from(turns).unwrap();
        let all = Arc::clone(&self.turns);
        all.try_acquire_many_owned(turns).unwrap()
    }
}

impl Place<'_> {
    /// Waits for something else as long as the client is there.
    pub(crate) async fn until<T>(&self, wanted: impl Future<Output = T>) -> T {
        Connection::while_there(self.request, wanted).await
    }

    /// Runs a job when a turn is free.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turn().await;
        drop(self);
        let done = web::block(move || {
            // The turn ends with the job, also when nobody waits for the result.
            let _turn = turn;
            job()
        });
        Ok(done.await?)
    }

    /// The next free turn. `None` is never returned, as the turns are not closed.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turns = || Arc::clone(&self.work.turns);
        match turns().try_acquire_owned() {
            Ok(turn) => Some(turn),
            Err(_) => self.until(turns().acquire_owned()).await.ok(),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.work.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Glance {
    /// Looks, and waits for the result within the limit of monitoring. The look goes on after that,
    /// and the next request has its result.
    ///
    /// A look begins after the one before it has ended, so that one that hangs takes one thread.
    pub(crate) async fn look(
        &self,
        is_busy: impl Fn() -> bool,
        look: impl FnOnce() + Send + 'static,
    ) -> Result<(), ApiError> {
        let has_begun = Cell::new(false);
        let mut looked = pin!(async {
            let turn = Arc::clone(&self.looking).lock_owned().await;
            has_begun.set(true);
            let looked = web::block(move || {
                let _turn = turn;
                look();
            });
            looked.await
        });
        for _ in 0..MAX_WAITS {
            if let Ok(looked) = timeout(PATIENCE, &mut looked).await {
                return Ok(looked?);
            }
            if is_busy() || !has_begun.get() {
                break;
            }
        }
        // The answer is what is known already.
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_begun(&self) -> bool {
        self.looking.try_lock().is_err()
    }
}
