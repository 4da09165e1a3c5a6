//! The byte stream of a connection, between the socket and the HTTP library.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::peer::Peer;
use super::phase::{Connection, End};

/// The answer to a request whose head did not arrive in time.
const TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A stream that records reads and writes in its connection, and ends the connection when required.
pub(crate) struct WatchedStream {
    stream: TcpStream,
    connection: Rc<Connection>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, connection: Rc<Connection>) -> Self {
        Self { stream, connection }
    }

    /// The connection of the stream.
    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// The client of the stream.
    pub(crate) fn peer(&self) -> Rc<Peer> {
        Rc::clone(&self.connection.peer)
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, connection } = self.get_mut();
        if connection.end.get() == Some(End::SlowHead) {
            // The write may fail, because the client is slow. Zero bytes read mean the end.
            let _ = Pin::new(stream).poll_write(context, TIMED_OUT);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) => connection.note_read(buffer.filled().len() - before),
            // No answer is possible any more.
            Poll::Ready(Err(_)) => connection.peer.is_abandoned.set(true),
            Poll::Pending if connection.end.get() == Some(End::Idle) => return Poll::Ready(Ok(())),
            Poll::Pending => connection.wait(context),
        }
        read
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, connection } = self.get_mut();
        if connection.end.get() == Some(End::SlowReader) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let written = Pin::new(stream).poll_write(context, bytes);
        let writing = &connection.writing;
        writing.is_waiting.set(written.is_pending());
        match &written {
            Poll::Ready(Ok(written)) => writing.sent.set(writing.sent.get() + *written as u64),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => connection.wait(context),
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, connection } = self.get_mut();
        if connection.peer.is_abandoned.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
