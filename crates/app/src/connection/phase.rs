//! A connection, its phase, and its end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;
use actix_web::web::Data;

use super::library_answer;
use super::peer::Peer;
use crate::access_log::Event;
use crate::error::ApiError;
use crate::metrics::Target;
use crate::request_state::RequestId;
use crate::state::AppState;

/// A connection and its phase.
pub(crate) struct Connection {
    pub(super) state: Data<AppState>,
    /// Number of the worker's checks so far.
    pub(super) checks: Rc<Cell<u64>>,
    pub(super) peer: Rc<Peer>,
    pub(super) began: Instant,
    pub(super) has_requested: Cell<bool>,
    pub(super) phase: Cell<Phase>,
    /// Number of the worker's last check before the phase began.
    pub(super) since: Cell<u64>,
    pub(super) end: Cell<Option<End>>,
    pub(super) writing: Writing,
    /// True while an answer is streamed. A streamed answer occupies a thread.
    pub(super) is_streaming: Cell<bool>,
    /// Waker of the task that serves the connection.
    pub(super) waker: RefCell<Option<Waker>>,
    /// Waker of the task that waits for a body, which may be another task.
    pub(super) body_waker: RefCell<Option<Waker>>,
}

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte has arrived.
    New,
    /// A part of a request's head has arrived.
    Head,
    /// A request is being read and answered.
    Busy,
    /// Like `Busy`, while the server waits for more of the request's body.
    Body,
    /// The last request was answered.
    Idle,
}

/// Reason for ending a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The head of a request did not arrive in time.
    SlowHead,
    /// The connection has no request. A request that arrives at this moment is still answered.
    Idle,
    /// The client still sends its body while others need its handle or its thread.
    SlowBody,
    /// The client reads its answer too slowly.
    SlowReader,
}

/// Progress of sending the answer.
#[derive(Default)]
pub(super) struct Writing {
    /// Bytes of the current answer that the client has read.
    pub(super) sent: Cell<u64>,
    /// True if the server waits for the client.
    pub(super) is_waiting: Cell<bool>,
    /// Number of checks at which the server waited for the client.
    pub(super) waited_checks: Cell<u64>,
}

/// A running request; dropped when its answer is handed over.
pub(crate) struct RunningRequest(Option<Rc<Connection>>);

/// The wait for more of a body.
struct BodyWait<'c>(&'c Connection);

impl Connection {
    pub(super) fn new(state: Data<AppState>, checks: Rc<Cell<u64>>) -> Self {
        state.connections.open.fetch_add(1, Ordering::Relaxed);
        let since = Cell::new(checks.get());
        Self {
            state,
            checks,
            peer: Rc::default(),
            began: Instant::now(),
            has_requested: Cell::new(false),
            phase: Cell::new(Phase::New),
            since,
            end: Cell::new(None),
            writing: Writing::default(),
            is_streaming: Cell::new(false),
            waker: RefCell::default(),
            body_waker: RefCell::default(),
        }
    }

    /// The connection of a request.
    pub(crate) fn of(request: &HttpRequest) -> Option<&Rc<Self>> {
        request.conn_data::<Rc<Self>>()
    }

    /// Records that the head of a request was read.
    pub(crate) fn begin_request(request: &ServiceRequest) -> RunningRequest {
        let connection = request.conn_data::<Rc<Self>>().cloned();
        if let Some(connection) = &connection {
            connection.has_requested.set(true);
            connection.end.set(None);
            connection.writing.begin();
            connection.is_streaming.set(false);
            connection.enter(Phase::Busy);
        }
        RunningRequest(connection)
    }

    /// Records that the answer is streamed.
    pub(crate) fn note_stream(&self) {
        self.is_streaming.set(true);
    }

    /// Waits for more of a request's body. `None` when the connection has to end first.
    pub(crate) async fn await_body<T>(&self, more: impl Future<Output = T>) -> Option<T> {
        let _awaited = BodyWait::begin(self);
        let mut more = pin!(more);
        poll_fn(|context| {
            if self.end.get() == Some(End::SlowBody) {
                return Poll::Ready(None);
            }
            let more = more.as_mut().poll(context).map(Some);
            if more.is_pending() {
                store_waker(&self.body_waker, context);
            }
            more
        })
        .await
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.checks.get());
    }

    /// Records bytes that were read. Zero bytes mean that the client sends no more.
    pub(super) fn note_read(&self, bytes: usize) {
        if bytes == 0 {
            self.peer.is_closed.set(true);
            return;
        }
        match self.phase.get() {
            // The first head is timed from the beginning of the connection.
            Phase::New => self.phase.set(Phase::Head),
            Phase::Idle => self.enter(Phase::Head),
            Phase::Head | Phase::Busy | Phase::Body => {}
        }
        if self.end.get() == Some(End::Idle) {
            self.end.set(None);
        }
    }

    /// The answer to a request that could not be read. Logs and counts it.
    pub(super) fn answer_unread(&self, error: &ApiError) -> Vec<u8> {
        let id = RequestId::new();
        let answer = library_answer::bytes(error, &id);
        let status = error.status().as_u16();
        let target = Target::unread();
        let took = self.began.elapsed();
        self.state.metrics.count_problem(error.kind());
        self.state.metrics.count_request(target, status, took);
        if let Some(log) = &self.state.log {
            log.add(&Event {
                method: target.method(),
                route: target.route(),
                status,
                took,
                bytes: Some(answer.len() as u64),
                request_id: id.as_str(),
                problem: Some(error.kind().code),
                key: None,
                trace_id: None,
            });
        }
        answer
    }

    pub(super) fn has_request(&self) -> bool {
        matches!(self.phase.get(), Phase::Head | Phase::Busy | Phase::Body)
    }

    /// Ends the connection at the next read or write of its task.
    pub(super) fn end(&self, why: End) {
        self.end.set(Some(why));
        for waker in [&self.waker, &self.body_waker] {
            // Waking may run code that borrows the waker again.
            let waker = waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Stores the waker of the current task.
    pub(super) fn wait(&self, context: &Context<'_>) {
        store_waker(&self.waker, context);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let state = &self.state;
        state.connections.open.fetch_sub(1, Ordering::Relaxed);
        if self.has_requested.get() {
            return;
        }
        state.metrics.count_connection_without_request();
        if let Some(log) = &state.log {
            log.add_connection_without_request(self.began.elapsed());
        }
    }
}

impl Writing {
    fn begin(&self) {
        self.sent.set(0);
        self.waited_checks.set(0);
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.enter(Phase::Idle);
        }
    }
}

impl<'c> BodyWait<'c> {
    /// Keeps the start time of the request. So sending a byte now and then does not make a client
    /// look new.
    fn begin(connection: &'c Connection) -> Self {
        if connection.phase.get() == Phase::Busy {
            connection.phase.set(Phase::Body);
        }
        Self(connection)
    }
}

impl Drop for BodyWait<'_> {
    fn drop(&mut self) {
        let Self(connection) = self;
        connection.body_waker.take();
        // The answer may have ended before the body.
        if connection.phase.get() == Phase::Body {
            connection.phase.set(Phase::Busy);
        }
    }
}

fn store_waker(waker: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut waker = waker.borrow_mut();
    match &mut *waker {
        Some(known) => known.clone_from(context.waker()),
        None => *waker = Some(context.waker().clone()),
    }
}
