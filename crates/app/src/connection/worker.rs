//! The connections of one worker, checked four times a second.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::{Rc, Weak};
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::{self, time};
use actix_web::web::Data;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, getrlimit};

use super::phase::{Connection, End, Phase};
use super::stream::WatchedStream;
use crate::state::AppState;

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Time limit for a request head. The first head is timed from the beginning of the connection,
/// later heads from their first byte.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(5);
/// Minimum rate, in bytes a second, at which a client must read its answer.
const MIN_RATE: u64 = 64 * 1024;
/// Number of checks after which a waiting connection may be closed to make room.
const MIN_WAITED_CHECKS: u64 = 4;
/// One in this many allowed handles is kept free for files and new connections.
const SPARE_HANDLES: usize = 8;

/// The connections of one worker.
pub(crate) struct Connections {
    state: Data<AppState>,
    open: RefCell<Vec<Weak<Connection>>>,
    /// Number of checks so far. Time is counted in checks, so that a busy worker does not shorten
    /// the time of its clients.
    checks: Rc<Cell<u64>>,
    is_checking: Cell<bool>,
    /// Number of running requests that this worker last added to the shared count.
    published: Cell<usize>,
}

impl Connections {
    /// The connections of a new worker.
    pub(crate) fn new(state: Data<AppState>) -> Rc<Self> {
        Rc::new(Self {
            state,
            open: RefCell::default(),
            checks: Rc::default(),
            is_checking: Cell::new(false),
            published: Cell::new(0),
        })
    }

    /// Adds a new connection.
    pub(crate) fn watch(self: &Rc<Self>, stream: TcpStream) -> WatchedStream {
        // With Nagle's algorithm, later parts of an answer would wait for acknowledgements of
        // earlier parts.
        let _ = stream.set_nodelay(true);
        // The kernel ends connections whose client reads nothing. If this option cannot be set, the
        // usual limits apply.
        let milliseconds = self.state.config.api.limits.body_seconds * 1000;
        let _ = set_tcp_user_timeout(&stream, u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let connection = Rc::new(Connection::new(self.state.clone(), Rc::clone(&self.checks)));
        self.open.borrow_mut().push(Rc::downgrade(&connection));
        if !self.is_checking.replace(true) {
            let worker = Rc::clone(self);
            rt::spawn(async move {
                while worker.is_checking.get() {
                    time::sleep(CHECK_INTERVAL).await;
                    worker.check();
                }
            });
        }
        WatchedStream::new(stream, connection)
    }

    fn checks(&self) -> u64 {
        self.checks.get()
    }

    fn check(&self) {
        self.checks.set(self.checks() + 1);
        let mut open = Vec::new();
        self.open.borrow_mut().retain(|connection| {
            let connection = connection.upgrade();
            let is_open = connection.is_some();
            open.extend(connection);
            is_open
        });
        self.is_checking.set(!open.is_empty());
        for connection in &open {
            if let Some(why) = self.overdue(connection) {
                connection.end(why);
            }
        }
        if self.state.is_draining.load(Ordering::Relaxed) {
            self.drain(&open);
        }
        self.make_room(&open);
        self.free_streams(&open);
    }

    /// The limit that a connection exceeds, if any.
    fn overdue(&self, connection: &Connection) -> Option<End> {
        let limits = &self.state.config.api.limits;
        let has_passed = |waited, time| waited > checks_in(time);
        let writing = &connection.writing;
        if writing.is_waiting.get() {
            writing.waited_checks.set(writing.waited_checks.get() + 1);
            let allowed = limits.body_seconds + writing.sent.get() / MIN_RATE;
            let allowed = Duration::from_secs(allowed);
            return has_passed(writing.waited_checks.get(), allowed).then_some(End::SlowReader);
        }
        let waited = self.checks() - connection.since.get();
        let keep_alive = Duration::from_secs(limits.keep_alive_seconds);
        match connection.phase.get() {
            Phase::New => has_passed(waited, HEAD_TIME).then_some(End::Idle),
            Phase::Head => has_passed(waited, HEAD_TIME).then_some(End::SlowHead),
            Phase::Idle => has_passed(waited, keep_alive).then_some(End::Idle),
            // The reader of a body has a limit of its own.
            Phase::Busy | Phase::Body => None,
        }
    }

    /// Publishes the number of running requests. Ends the connections without a request once the
    /// server is closing.
    fn drain(&self, open: &[Rc<Connection>]) {
        let all_connections = &self.state.connections;
        let underway = open.iter().filter(|connection| connection.has_request());
        let underway = underway.count();
        all_connections
            .underway
            .fetch_add(underway, Ordering::Relaxed);
        all_connections
            .underway
            .fetch_sub(self.published.replace(underway), Ordering::Relaxed);
        if all_connections.is_closing.load(Ordering::Relaxed) {
            for connection in open.iter().filter(|connection| !connection.has_request()) {
                connection.end(End::Idle);
            }
        }
    }

    /// Ends waiting connections when handles run short, so that a client with many connections does
    /// not lock out others.
    ///
    /// The longest idle connections end first. Then those follow that have delayed a request or its
    /// answer longest.
    fn make_room(&self, open: &[Rc<Connection>]) {
        let Some(handles) = getrlimit(Resource::Nofile).current else {
            return;
        };
        let handles = usize::try_from(handles).unwrap_or(usize::MAX);
        let all = self.state.connections.count();
        let too_many = all.saturating_sub(handles - handles / SPARE_HANDLES);
        if too_many == 0 {
            return;
        }
        // Each worker ends its share.
        let share = (too_many * open.len()).div_ceil(all);
        for (why, connection) in self.waited_for_longest(open).into_iter().take(share) {
            connection.end(why);
        }
    }

    /// Ends streamed answers that wait for their client, one for each request that needs a turn.
    /// The answer that has waited longest ends first.
    fn free_streams(&self, open: &[Rc<Connection>]) {
        let streams = &self.state.streams;
        if !streams.is_end_wanted() {
            return;
        }
        let waited_for = self.waited_for_longest(open).into_iter();
        for (why, connection) in waited_for.filter(|(_, it)| it.is_streaming.get()) {
            if why.is_before_request() || !streams.take_wanted_end() {
                continue;
            }
            connection.end(why);
        }
    }

    /// Connections that may end to make room, in this order.
    fn waited_for_longest<'c>(&self, open: &'c [Rc<Connection>]) -> Vec<(End, &'c Rc<Connection>)> {
        let mut waited_for: Vec<_> = open
            .iter()
            .filter_map(|connection| Some((self.waited_for(connection)?, connection)))
            .filter(|((_, waited), _)| *waited >= MIN_WAITED_CHECKS)
            .collect();
        waited_for.sort_by_key(|((why, waited), _)| (!why.is_before_request(), Reverse(*waited)));
        let order = waited_for.into_iter();
        order
            .map(|((why, _), connection)| (why, connection))
            .collect()
    }

    /// The reason why the server waits for the client, and for how many checks; `None` if it does
    /// not wait.
    fn waited_for(&self, connection: &Connection) -> Option<(End, u64)> {
        let writing = &connection.writing;
        if writing.is_waiting.get() {
            return Some((End::SlowReader, writing.waited_checks.get()));
        }
        let why = match connection.phase.get() {
            Phase::New | Phase::Idle => End::Idle,
            Phase::Head => End::SlowHead,
            Phase::Body => End::SlowBody,
            Phase::Busy => return None,
        };
        Some((why, self.checks() - connection.since.get()))
    }
}

impl End {
    /// True if ending the connection loses no request.
    fn is_before_request(self) -> bool {
        matches!(self, Self::Idle | Self::SlowHead)
    }
}

/// Number of checks within a time, rounded down.
fn checks_in(time: Duration) -> u64 {
    let checks = time.as_millis() / CHECK_INTERVAL.as_millis();
    u64::try_from(checks).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Service;

    #[test]
    fn waiting_connections_make_room_and_computing_requests_do_not() {
        let worker = Connections::new(Service::deployed().state());
        worker.checks.set(100);
        let connection = |phase, since, reading_for: Option<u64>| {
            let connection = Connection::new(worker.state.clone(), Rc::clone(&worker.checks));
            connection.since.set(since);
            connection.has_requested.set(true);
            connection.phase.set(phase);
            connection.writing.is_waiting.set(reading_for.is_some());
            connection
                .writing
                .waited_checks
                .set(reading_for.unwrap_or(0));
            Rc::new(connection)
        };
        let open = [
            connection(Phase::Busy, 0, None),
            connection(Phase::Busy, 0, Some(MIN_WAITED_CHECKS - 1)),
            connection(Phase::Busy, 0, Some(20)),
            connection(Phase::Body, 30, None),
            connection(Phase::Body, 99, None),
            connection(Phase::Head, 90, None),
            connection(Phase::Idle, 50, None),
            connection(Phase::Idle, 99, None),
        ];
        let order = worker.waited_for_longest(&open);
        let order: Vec<_> = order
            .iter()
            .map(|(why, connection)| (*why, connection.since.get()))
            .collect();
        assert_eq!(
            order,
            [
                (End::Idle, 50),
                (End::SlowHead, 90),
                (End::SlowBody, 30),
                (End::SlowReader, 0),
            ]
        );
    }
}
