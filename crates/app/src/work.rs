//! Long work that runs outside the server's workers, with a limit on running and waiting requests.
//!
//! A waiting request has neither a thread nor a job, so nothing remains of it when its client goes
//! away. Monitoring (`/readyz`, `/metrics`) has a thread of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::rt::time::timeout;
use actix_web::web;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::Connection;
use crate::error::ApiError;

/// Running jobs per processor. Each one takes memory.
const AT_ONCE_BY_PROCESSOR: usize = 2;
/// Limit on the number of waiting requests.
pub(crate) const MAX_WAITING: usize = 128;
/// How long `/readyz` and `/metrics` wait for new information.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same while all turns are taken, as monitoring must stay fast under load.
const PATIENCE_UNDER_LOAD: Duration = Duration::from_millis(30);

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
    is_begun: AtomicBool,
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

    /// Number of threads of each worker: all jobs may belong to one worker, and one thread is left
    /// for monitoring.
    pub(crate) fn threads_of_a_worker(&self) -> usize {
        self.at_once + 1
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
        let all = u32::try_from(self.at_once).unwrap();
        Arc::clone(&self.turns).try_acquire_many_owned(all).unwrap()
    }

    fn patience(&self) -> Duration {
        if self.turns.available_permits() == 0 {
            PATIENCE_UNDER_LOAD
        } else {
            PATIENCE
        }
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
    /// Looks, unless a look already waits for a thread. Waits for the result within the limit of
    /// monitoring.
    ///
    /// The next look may start as soon as this one runs, which may miss later changes.
    pub(crate) async fn look(
        self: &Arc<Self>,
        work: &Work,
        look: impl FnOnce() + Send + 'static,
    ) -> Result<(), ApiError> {
        if self.is_begun.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let glance = Arc::clone(self);
        let looked = web::block(move || {
            glance.is_begun.store(false, Ordering::Relaxed);
            look();
        });
        match timeout(work.patience(), looked).await {
            Ok(looked) => Ok(looked?),
            // The answer is what is known already.
            Err(_) => Ok(()),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Relaxed)
    }
}
