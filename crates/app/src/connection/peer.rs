//! The client at the other end of a connection.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use actix_web::HttpRequest;

/// Whether a client is still there.
#[derive(Default)]
pub(crate) struct Peer {
    /// True once the client sends no more.
    pub(super) is_closed: Cell<bool>,
    /// True once no answer is possible or wanted.
    pub(super) is_abandoned: Cell<bool>,
}

impl Peer {
    /// Waits for a result as long as the client is there.
    ///
    /// A client that closed its sending side may still read, but looks like a client that closed
    /// both sides. Therefore use this only before the work of a request begins.
    pub(crate) async fn while_connected<T>(
        request: &HttpRequest,
        wanted: impl Future<Output = T>,
    ) -> T {
        let peer = request.conn_data::<Rc<Self>>();
        let mut wanted = pin!(wanted);
        poll_fn(|context| match peer.filter(|peer| peer.is_closed.get()) {
            Some(peer) => {
                // The next flush fails, and the library drops the request.
                peer.is_abandoned.set(true);
                Poll::Pending
            }
            None => wanted.as_mut().poll(context),
        })
        .await
    }
}
