//! One connection beyond its requests: what a slow reader of an answer may cost, and a client that
//! never asked for anything that could be read.
//!
//! The HTTP library asks an answer for more only when the client has taken what it had: nobody
//! would notice one that takes a byte now and then. So somebody else looks at how much was taken,
//! and ends the connection from outside.

use std::any::Any;
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::{self, time};
use actix_web::web::Data;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::net::{Shutdown, shutdown};

use crate::error::ApiError;
use crate::state::AppState;

/// Bytes a second at which an answer must be taken on the whole.
const SLOWEST_RATE: u64 = 64 * 1024;
/// How often a reader is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is known of a connection besides its requests.
pub(crate) struct Connection {
    /// A second handle of the socket, by which it can be ended from outside; `None` where the
    /// handles had run out.
    socket: Option<Rc<OwnedFd>>,
    state: Data<AppState>,
    began: Instant,
    has_asked: Cell<bool>,
}

/// The reader of one answer, looked at until it is dropped.
pub(crate) struct Reader {
    taken: Rc<Cell<u64>>,
    /// Whether the client, not the server, is waited for.
    is_awaited: Rc<Cell<bool>>,
    looking: JoinHandle<()>,
}

impl Connection {
    /// Notes a connection that was just made.
    pub(crate) fn note(state: &Data<AppState>, connection: &dyn Any, noted: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let seconds = state.config.api.limits.body_seconds;
        let milliseconds = u32::try_from(seconds * 1000).unwrap_or(u32::MAX);
        // An answer of several pieces would wait for the client to acknowledge the ones before.
        let _ = stream.set_nodelay(true);
        // The kernel ends it when a client takes nothing at all. Where that cannot be set, the
        // connection ends as others do.
        let _ = set_tcp_user_timeout(stream, milliseconds);
        noted.insert(Self {
            socket: stream.as_fd().try_clone_to_owned().ok().map(Rc::new),
            state: state.clone(),
            began: Instant::now(),
            has_asked: Cell::new(false),
        });
    }

    /// Notes that a request was read from the connection.
    pub(crate) fn note_request(request: &ServiceRequest) {
        if let Some(connection) = request.conn_data::<Self>() {
            connection.has_asked.set(true);
        }
    }

    /// Begins to look at how a large answer to this request is taken; `None` for a request that
    /// came over no connection.
    ///
    /// An error where the connection could not be ended: a reader that nobody can end would hold
    /// its answer as long as it likes. Small answers need none.
    pub(crate) fn reader(request: &HttpRequest) -> Result<Option<Reader>, ApiError> {
        let Some(connection) = request.conn_data::<Self>() else {
            return Ok(None);
        };
        let socket = connection.socket.as_ref().ok_or(ApiError::Overloaded)?;
        let grace = Duration::from_secs(connection.state.config.api.limits.body_seconds);
        Ok(Some(Reader::of(Rc::clone(socket), grace)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.has_asked.get() {
            return;
        }
        self.state.metrics.count_connection_without_request();
        if let Some(log) = &self.state.log {
            log.add_connection_without_request(self.began.elapsed());
        }
    }
}

impl Reader {
    fn of(socket: Rc<OwnedFd>, grace: Duration) -> Self {
        let taken = Rc::new(Cell::new(0));
        let is_awaited = Rc::new(Cell::new(true));
        let looking = rt::spawn({
            let (taken, is_awaited) = (Rc::clone(&taken), Rc::clone(&is_awaited));
            async move {
                let mut waited = Duration::ZERO;
                while waited <= grace + time_for(taken.get()) {
                    time::sleep(LOOK_EVERY).await;
                    if is_awaited.get() {
                        waited += LOOK_EVERY;
                    }
                }
                // One that has ended already needs no end.
                let _ = shutdown(&socket, Shutdown::Both);
            }
        });
        Self {
            taken,
            is_awaited,
            looking,
        }
    }

    /// So many bytes more went to the connection.
    pub(crate) fn has_taken(&self, bytes: usize) {
        self.taken.set(self.taken.get() + bytes as u64);
        self.is_awaited.set(true);
    }

    /// The answer has no more to give for now: what passes is not the reader's time.
    pub(crate) fn has_nothing_to_take(&self) {
        self.is_awaited.set(false);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// How long so many bytes may take.
fn time_for(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST_RATE)
}
