//! The byte stream of a connection, between the socket and the HTTP library.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::library_answer;
use super::peer::Peer;
use super::phase::{Connection, End};
use super::worker::HEAD_TIME;
use crate::error::ApiError;

/// A stream that records reads and writes in its connection, and ends the connection when required.
pub(crate) struct WatchedStream {
    stream: TcpStream,
    connection: Rc<Connection>,
    /// Rest of an answer in place of the library's.
    replacement: Vec<u8>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, connection: Rc<Connection>) -> Self {
        Self {
            stream,
            connection,
            replacement: Vec::new(),
        }
    }

    /// Writes the rest of the replacement. Once all is written, reports the `length` bytes of the
    /// library's own answer as written.
    fn poll_replacement(
        &mut self,
        context: &mut Context<'_>,
        length: usize,
    ) -> Poll<io::Result<usize>> {
        while !self.replacement.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.replacement);
            match written {
                Poll::Ready(Ok(written)) if written > 0 => drop(self.replacement.drain(..written)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(0)),
                other => return other,
            }
        }
        Poll::Ready(Ok(length))
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
        let Self {
            stream, connection, ..
        } = self.get_mut();
        if connection.end.get() == Some(End::SlowHead) {
            let answer = connection.answer_unread(&ApiError::HeadTimeout(HEAD_TIME.as_secs()));
            // The write may fail, because the client is slow. Zero bytes read mean the end.
            let _ = Pin::new(stream).poll_write(context, &answer);
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
        let this = self.get_mut();
        if this.connection.end.get() == Some(End::SlowReader) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if this.replacement.is_empty()
            && let Some((at, error)) = library_answer::find(bytes)
        {
            this.replacement = bytes[..at].to_vec();
            let answer = this.connection.answer_unread(&error);
            this.replacement.extend(answer);
        }
        let written = match this.replacement.is_empty() {
            true => Pin::new(&mut this.stream).poll_write(context, bytes),
            false => this.poll_replacement(context, bytes.len()),
        };
        let connection = &this.connection;
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
        let Self {
            stream, connection, ..
        } = self.get_mut();
        if connection.peer.is_abandoned.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
