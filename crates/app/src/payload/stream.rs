//! Predictions for more rows than fit in memory: CSV in, CSV out, row by row.
//!
//! A thread reads, predicts and writes. Two short queues connect it to the connection, so a slow
//! side delays the other and memory stays bounded. An error in the first rows is answered like any
//! problem. A later error ends the answer before its last chunk.

use std::fs::File;
use std::io::{self, Read, Take};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use actix_web::web::{Bytes, Data};
use dataset::{Format, ReadRow};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::body::Incoming;
use super::csv;
use super::rows::TooManyRows;
use crate::error::{ApiError, RowErrors};
use crate::in_flight::Permit;
use crate::predict::{CsvAnswer, Options};
use crate::snapshot::Snapshot;
use crate::state::AppState;
use crate::streams::StreamTurn;

/// Bytes of a chunk of the answer.
const CHUNK_BYTES: usize = 64 * 1024;
/// Upper limit of chunks that wait for the reader.
const WAITING_CHUNKS: usize = 4;

/// Context of a streamed answer, besides its rows.
pub(crate) struct Streaming {
    pub(crate) state: Data<AppState>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) options: Options,
    pub(crate) request_id: String,
    /// Turn of the answer, held until the answer is complete.
    pub(crate) _turn: StreamTurn,
    /// Permit for the beginning of the body, held until the answer is complete.
    pub(crate) _permit: Permit,
}

/// An answer that is sent while it is made.
pub(crate) struct StreamedAnswer {
    first: Option<Bytes>,
    rest: Receiver<Piece>,
}

/// A part of an answer; `None` after the last part. A thread that ends without `None` has failed.
type Piece = Result<Option<Bytes>, ApiError>;

/// Streams the predictions for a body; its beginning was already read.
pub(crate) async fn stream_body(
    streaming: Streaming,
    beginning: Bytes,
    mut incoming: Incoming,
) -> Result<StreamedAnswer, ApiError> {
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    rt::spawn(async move {
        loop {
            let next = incoming.next().await;
            let goes_on = matches!(next, Ok(Some(_)));
            // Sending fails once an invalid row has ended the answer.
            if sender.send(next).await.is_err() || !goes_on {
                break;
            }
        }
    });
    let input = Arriving {
        current: beginning,
        chunks: receiver,
    };
    let format = Format::of_body(&streaming.state.config.ingestion.text);
    start(streaming, input, format).await
}

/// Streams the predictions for a file.
pub(crate) async fn stream_file(
    streaming: Streaming,
    file: Take<File>,
) -> Result<StreamedAnswer, ApiError> {
    let format = Format::foreign(&streaming.state.config.ingestion.text);
    start(streaming, file, format).await
}

async fn start<R>(
    streaming: Streaming,
    input: R,
    format: Format,
) -> Result<StreamedAnswer, ApiError>
where
    R: Read + Send + 'static,
{
    let (sender, mut rest) = mpsc::channel(WAITING_CHUNKS);
    thread::Builder::new()
        .name("stream".into())
        .spawn(move || {
            if let Err(error) = predict_all(&streaming, input, format, &sender) {
                streaming.note(&error);
                // A client that has left gets no error.
                let _ = sender.blocking_send(Err(error));
            }
        })
        .map_err(|error| ApiError::Internal(error.into()))?;
    let first = rest
        .recv()
        .await
        .unwrap_or_else(|| Err(thread_panicked_error()))?;
    Ok(StreamedAnswer { first, rest })
}

fn predict_all(
    streaming: &Streaming,
    input: impl Read,
    format: Format,
    sender: &Sender<Piece>,
) -> Result<(), ApiError> {
    let limits = &streaming.state.config.api.limits;
    let Snapshot { model, schema, .. } = &*streaming.snapshot;
    let mut reader = csv::open(input, format, schema, limits)?;
    let mut answer = CsvAnswer::new(model, streaming.options, CHUNK_BYTES);
    let scorer = model.scorer();
    let mut n_rows = 0;
    while let Some(row) = reader.next_row().map_err(csv::file_error)? {
        n_rows += 1;
        if n_rows > limits.rows {
            return Err(TooManyRows::rows(limits).into());
        }
        match row {
            ReadRow::Accepted(cells) => {
                let id = csv::name_of(&cells, n_rows);
                answer.push(&id, scorer.probability(cells.values), cells.values);
            }
            ReadRow::Rejected(rejection) => {
                let mut errors = RowErrors::default();
                errors.add(csv::row_error(&reader, n_rows, &rejection));
                return Err(ApiError::RowInvalid(errors));
            }
        }
        if answer.len() >= CHUNK_BYTES {
            let chunk = answer.take();
            if sender.blocking_send(Ok(Some(chunk))).is_err() {
                // The client has left.
                return Ok(());
            }
        }
    }
    if n_rows == 0 {
        return Err(ApiError::NoRows);
    }
    let [negative, positive] = answer.counts();
    streaming
        .state
        .metrics
        .count_predictions(negative, positive);
    for last in [Some(answer.take()), None] {
        // A client that has left needs no end.
        let _ = sender.blocking_send(Ok(last));
    }
    Ok(())
}

/// The error of an answer whose thread has panicked.
fn thread_panicked_error() -> ApiError {
    ApiError::Internal(anyhow::anyhow!(
        "the thread of a streamed answer ended before the answer"
    ))
}

impl Streaming {
    fn note(&self, error: &ApiError) {
        self.state.metrics.count_problem(error.kind());
        if let ApiError::RowInvalid(errors) = error {
            self.state.metrics.count_rejected(errors);
        }
        tracing::warn!(
            request_id = self.request_id,
            code = error.kind().code,
            "a streamed answer was ended: {error}"
        );
    }
}

/// A reader of a body whose chunks still arrive, for a thread that may block.
struct Arriving {
    current: Bytes,
    chunks: Receiver<Result<Option<Bytes>, ApiError>>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(Ok(Some(bytes))) => self.current = bytes,
                Some(Ok(None)) => return Ok(0),
                Some(Err(error)) => return Err(io::Error::other(error)),
                // The task of the connection has ended unexpectedly.
                None => return Err(io::Error::other(ApiError::BodyIncomplete)),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

impl MessageBody for StreamedAnswer {
    type Error = ApiError;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ApiError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.poll_recv(context).map(|piece| {
                let piece = piece.unwrap_or_else(|| Err(thread_panicked_error()));
                piece.transpose()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn an_answer_whose_thread_ends_early_is_not_taken_as_complete() {
        let ends = |pieces: Vec<Option<&'static str>>| {
            let (sender, rest) = mpsc::channel(WAITING_CHUNKS);
            for piece in pieces {
                sender.try_send(Ok(piece.map(Bytes::from))).unwrap();
            }
            drop(sender);
            let first = Some(Bytes::from("first"));
            let mut answer = Box::pin(StreamedAnswer { first, rest });
            let mut context = Context::from_waker(Waker::noop());
            let mut text = String::new();
            loop {
                match answer.as_mut().poll_next(&mut context) {
                    Poll::Ready(Some(Ok(bytes))) => text.push_str(str::from_utf8(&bytes).unwrap()),
                    Poll::Ready(Some(Err(error))) => return (text, Some(error.kind().code)),
                    Poll::Ready(None) => return (text, None),
                    Poll::Pending => panic!("nothing more comes"),
                }
            }
        };
        assert_eq!(ends(vec![Some(" last"), None]), ("first last".into(), None));
        let broken = ("first more".into(), Some("internal"));
        assert_eq!(ends(vec![Some(" more")]), broken);
    }
}
