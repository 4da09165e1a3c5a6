//! The turns of streamed answers. Each answer has a thread while it is sent.
//!
//! A client that reads slowly keeps its thread. A few such clients must not lock out others. So a
//! request that finds no turn asks for the end of one answer that waits for its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::rt::time::timeout;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::{Connection, Peer};
use crate::error::ApiError;

/// Upper limit of simultaneous streams; each has a thread.
const MAX_STREAMS: usize = 8;
/// Upper limit of requests that wait for a turn.
const MAX_WAITING: usize = 32;
/// How long a request waits for a turn: several times the time that an answer needs to be ended.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The turns, and the requests that wait for one.
pub(crate) struct Streams {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Number of answers that should end for a waiting request.
    wanted_ends: AtomicUsize,
}

/// The turn of a streamed answer; free again on drop.
pub(crate) struct StreamTurn(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// A waiting request.
struct Waiting<'s>(&'s Streams);

impl Streams {
    /// Streams with all turns free.
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(MAX_STREAMS)),
            waiting: AtomicUsize::new(0),
            wanted_ends: AtomicUsize::new(0),
        }
    }

    /// Number of requests that wait for a turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// True if an answer is being streamed.
    pub(crate) fn is_running(&self) -> bool {
        self.turns.available_permits() < MAX_STREAMS
    }

    /// Takes a turn, and waits for one if there is none.
    ///
    /// Fails with [`ApiError::Overloaded`] if no turn becomes free, or too many requests wait.
    pub(crate) async fn take(&self, request: &HttpRequest) -> Result<StreamTurn, ApiError> {
        let turns = || Arc::clone(&self.turns);
        let turn = match turns().try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => {
                let _waiting = Waiting::begin(self)?;
                let turn = timeout(MAX_WAIT, turns().acquire_owned());
                let turn = Peer::while_connected(request, turn).await;
                // The turns are never closed.
                turn.ok().and_then(Result::ok).ok_or(ApiError::Overloaded)?
            }
        };
        if let Some(connection) = Connection::of(request) {
            connection.note_stream();
        }
        Ok(StreamTurn(turn))
    }

    /// True if an answer that waits for its client should end. Each waiting request asks for one
    /// such end.
    pub(crate) fn take_wanted_end(&self) -> bool {
        let one_less = |wanted: usize| wanted.checked_sub(1);
        self.wanted_ends
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    /// True if an end is wanted.
    pub(crate) fn is_end_wanted(&self) -> bool {
        self.wanted_ends.load(Ordering::Relaxed) > 0
    }

    /// A turn for a test.
    #[cfg(test)]
    pub(crate) fn turn(&self) -> StreamTurn {
        StreamTurn(Arc::clone(&self.turns).try_acquire_owned().unwrap())
    }
}

impl<'s> Waiting<'s> {
    fn begin(streams: &'s Streams) -> Result<Self, ApiError> {
        let waiting = Self(streams);
        if streams.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(ApiError::Overloaded);
        }
        streams.wanted_ends.fetch_add(1, Ordering::Relaxed);
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
        // The number of wanted ends never exceeds the number of waiting requests.
        self.0.wanted_ends.fetch_min(waiting, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waiting_request_asks_for_one_end_and_an_abandoned_one_for_none() {
        let streams = Streams::new();
        assert!(!streams.is_end_wanted() && !streams.take_wanted_end());
        let waiting = [Waiting::begin(&streams), Waiting::begin(&streams)].map(Result::unwrap);
        assert!(streams.take_wanted_end() && streams.is_end_wanted());
        let [first, second] = waiting;
        drop(first);
        assert!(streams.is_end_wanted());
        drop(second);
        assert!(!streams.is_end_wanted() && !streams.take_wanted_end());
        let all: Vec<_> = (0..MAX_WAITING).map(|_| Waiting::begin(&streams)).collect();
        assert!(all.iter().all(Result::is_ok) && Waiting::begin(&streams).is_err());
        drop(all);
        assert!(Waiting::begin(&streams).is_ok());
    }
}
