//! The time limits of a connection, and its end.
//!
//! The HTTP library limits the time of a connection's first head only. It does not notice a client
//! that takes its answer slowly, and it closes kept connections at once when the server stops.
//! Therefore each connection records its phase, and each worker checks all of its connections four
//! times a second.

mod library_answer;
mod open_connections;
mod peer;
mod phase;
mod stream;
mod worker;

pub(crate) use self::open_connections::OpenConnections;
pub(crate) use self::peer::Peer;
pub(crate) use self::phase::{Connection, RunningRequest};
pub(crate) use self::stream::WatchedStream;
pub(crate) use self::worker::Connections;
