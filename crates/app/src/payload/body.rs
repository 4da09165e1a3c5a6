//! The body of a request, as received or decompressed.
//!
//! All limits are checked while the raw payload is read: nothing beyond a limit is stored. A client
//! that is too slow is disconnected.

use std::future::poll_fn;
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Payload};
use common::config::LimitSettings;
use flate2::write::MultiGzDecoder;
use futures_core::Stream;

use crate::connection::Connection;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::pace;
use crate::problem::excerpt;

/// Minimum rate of a client, in bytes a second, averaged over the body.
const MIN_RATE: u64 = 1024;
/// Longest time for which a client may send nothing.
const SILENCE_TIME: Duration = Duration::from_secs(5);
/// Compressed bytes per step. At a ratio of a thousand to one they become a megabyte.
const COMPRESSED_BYTES_PER_STEP: usize = 1024;

/// A full buffer grows by its length divided by this number.
const GROWTH_SHARE: usize = 8;

/// Decompressed bytes after which other requests of the worker have their turn.
const DECOMPRESSED_BYTES_PER_TURN: usize = 128 * 1024;

/// A body that is being received.
pub(crate) struct Incoming {
    wire: Wire,
    /// Boxed, because it is large and few bodies need it.
    inflate: Option<Box<Inflate>>,
}

/// The raw payload of the connection.
struct Wire {
    payload: Payload,
    /// Absent only in tests.
    connection: Option<Rc<Connection>>,
    limit: u64,
    seconds: u64,
    received: u64,
    /// Time spent waiting for the client; time of the server does not count.
    waited: Duration,
}

struct Inflate {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// Received bytes that are not decompressed yet.
    compressed: Bytes,
    inflated: u64,
    since_pause: usize,
    limit: u64,
    is_at_end: bool,
}

impl Incoming {
    /// Rejects a body whose announced length is too large, or whose encoding is not gzip.
    pub(crate) fn begin(
        request: &HttpRequest,
        payload: Payload,
        limits: &LimitSettings,
    ) -> Result<Self, ApiError> {
        let inflate = is_gzip(request)?.then(|| {
            Box::new(Inflate {
                decoder: MultiGzDecoder::new(Vec::new()),
                compressed: Bytes::new(),
                inflated: 0,
                since_pause: 0,
                limit: limits.inflated_bytes,
                is_at_end: false,
            })
        });
        let announced = request.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let announced = announced.unwrap_or(0);
        if announced > limits.body_bytes {
            return Err(too_large("the body", limits.body_bytes));
        }
        Ok(Self {
            wire: Wire {
                payload,
                connection: Connection::of(request).cloned(),
                limit: limits.body_bytes,
                seconds: limits.body_seconds,
                received: 0,
                waited: Duration::ZERO,
            },
            inflate,
        })
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(inflate) = &mut self.inflate else {
            return self.wire.next().await;
        };
        loop {
            if let Some(bytes) = inflate.next_inflated()? {
                inflate.since_pause += bytes.len();
                if inflate.since_pause >= DECOMPRESSED_BYTES_PER_TURN {
                    let bytes = std::mem::take(&mut inflate.since_pause);
                    pace::for_bytes(bytes).await;
                }
                return Ok(Some(bytes));
            }
            if inflate.is_at_end {
                return Ok(None);
            }
            match self.wire.next().await? {
                Some(bytes) => inflate.compressed = bytes,
                None => inflate.finish()?,
            }
        }
    }

    /// Appends the body to `all`, up to its end or until more than `max_bytes` bytes are gathered.
    pub(crate) async fn gather(
        &mut self,
        mut all: Bytes,
        max_bytes: u64,
        permit: &mut Permit,
    ) -> Result<Gathered, ApiError> {
        if all.is_empty() {
            let Some(first) = self.next().await? else {
                return Ok(Gathered::Whole(Bytes::new()));
            };
            permit.grow(first.len())?;
            all = first;
        }
        // Most bodies arrive in one piece and are not copied.
        let Some(second) = self.next().await? else {
            return Ok(Gathered::Whole(all));
        };
        // The buffer grows with the received bytes: announced bytes may never come.
        let mut all = Vec::from(all);
        let mut next = Some(second);
        while let Some(bytes) = next {
            permit.grow(bytes.len())?;
            append(&mut all, &bytes)?;
            if all.len() as u64 > max_bytes {
                return Ok(Gathered::Beginning(all.into()));
            }
            next = self.next().await?;
        }
        Ok(Gathered::Whole(all.into()))
    }
}

/// Appends bytes. If memory runs out, only this request fails.
///
/// A vector that grows by itself doubles, so that many bodies would hold twice the bytes that are counted.
fn append(all: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ApiError> {
    let missing = bytes.len().saturating_sub(all.capacity() - all.len());
    if missing > 0 {
        let more = bytes.len().max(all.len() / GROWTH_SHARE);
        all.try_reserve_exact(more)
            .map_err(|_| ApiError::Overloaded)?;
    }
    all.extend_from_slice(bytes);
    Ok(())
}

/// A gathered body.
pub(crate) enum Gathered {
    /// The whole body.
    Whole(Bytes),
    /// The beginning; more follows.
    Beginning(Bytes),
}

impl Wire {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let next = match self.arrived().await {
            Some(next) => next,
            // Boxed together with its timer: most bodies do not need it.
            None => Box::pin(self.wait()).await?,
        };
        let Some(bytes) = next.transpose().map_err(|_| ApiError::BodyIncomplete)? else {
            return Ok(None);
        };
        self.received += bytes.len() as u64;
        if self.received > self.limit {
            return Err(too_large("the body", self.limit));
        }
        Ok(Some(bytes))
    }

    /// Bytes that have arrived already. Most bodies have, and then no timer is needed.
    async fn arrived(&mut self) -> Option<Option<Result<Bytes, PayloadError>>> {
        poll_fn(
            |context| match Pin::new(&mut self.payload).poll_next(context) {
                Poll::Ready(next) => Poll::Ready(Some(next)),
                Poll::Pending => Poll::Ready(None),
            },
        )
        .await
    }

    async fn wait(&mut self) -> Result<Option<Result<Bytes, PayloadError>>, ApiError> {
        let began = Instant::now();
        let remaining_time = self.remaining_time();
        let next = poll_fn(|context| Pin::new(&mut self.payload).poll_next(context));
        let next = timeout(remaining_time, next);
        let next = match &self.connection {
            Some(connection) => connection.await_body(next).await,
            None => Some(next.await),
        };
        self.waited += began.elapsed();
        match next {
            Some(Ok(next)) => Ok(next),
            Some(Err(_)) | None => Err(ApiError::BodyTimeout(self.seconds)),
        }
    }

    /// How long the server may still wait for the client: until the total time is over, or until
    /// the rate falls below the minimum.
    fn remaining_time(&self) -> Duration {
        let whole = Duration::from_secs(self.seconds);
        let by_rate = SILENCE_TIME + Duration::from_secs(self.received / MIN_RATE);
        whole.min(by_rate).saturating_sub(self.waited)
    }
}

impl Inflate {
    /// Some decompressed bytes; `None` if more input is needed.
    fn next_inflated(&mut self) -> Result<Option<Bytes>, ApiError> {
        while !self.compressed.is_empty() {
            let piece = self.compressed.len().min(COMPRESSED_BYTES_PER_STEP);
            let piece = self.compressed.split_to(piece);
            self.decoder
                .write_all(&piece)
                .map_err(|_| ApiError::GzipInvalid)?;
            if let Some(bytes) = self.take_inflated()? {
                return Ok(Some(bytes));
            }
        }
        self.take_inflated()
    }

    fn finish(&mut self) -> Result<(), ApiError> {
        self.is_at_end = true;
        self.decoder.try_finish().map_err(|_| ApiError::GzipInvalid)
    }

    fn take_inflated(&mut self) -> Result<Option<Bytes>, ApiError> {
        let bytes = std::mem::take(self.decoder.get_mut());
        self.inflated += bytes.len() as u64;
        if self.inflated > self.limit {
            return Err(too_large("the inflated body", self.limit));
        }
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }
}

fn is_gzip(request: &HttpRequest) -> Result<bool, ApiError> {
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    let Some(encoding) = encodings.next() else {
        return Ok(false);
    };
    let is_only = encodings.next().is_none();
    let written = encoding.as_bytes().trim_ascii();
    match written.to_ascii_lowercase().as_slice() {
        b"identity" if is_only => Ok(false),
        b"gzip" | b"x-gzip" if is_only => Ok(true),
        _ => Err(ApiError::ContentEncoding(excerpt(written))),
    }
}

fn too_large(what: &'static str, limit: u64) -> ApiError {
    ApiError::BodyTooLarge { what, limit }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use actix_web::FromRequest;
    use actix_web::test::TestRequest;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tokio::task::LocalSet;

    use super::*;

    #[test]
    fn other_requests_have_their_turn_while_a_body_is_decompressed() {
        const MEBIBYTE: usize = 1024 * 1024;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![b'0'; 32 * MEBIBYTE]).unwrap();
        let (request, mut payload) = TestRequest::post()
            .insert_header((CONTENT_ENCODING, "gzip"))
            .set_payload(packed.finish().unwrap())
            .to_http_parts();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // One step may yield a megabyte.
        LocalSet::new().block_on(&runtime, async {
            let payload = Payload::from_request(&request, &mut payload).await.unwrap();
            let limits = LimitSettings::default();
            let mut incoming = Incoming::begin(&request, payload, &limits).unwrap();
            // The whole body has arrived: code without pauses would decompress it in one turn.
            let (mut inflated, mut in_this_turn, mut max_in_turn) = (0, 0, 0);
            loop {
                let mut next = std::pin::pin!(incoming.next());
                let bytes = poll_fn(|context| {
                    let next = next.as_mut().poll(context);
                    if next.is_pending() {
                        in_this_turn = 0;
                    }
                    next
                });
                let Some(bytes) = bytes.await.unwrap() else {
                    break;
                };
                inflated += bytes.len();
                in_this_turn += bytes.len();
                max_in_turn = max_in_turn.max(in_this_turn);
            }
            assert_eq!(inflated, 32 * MEBIBYTE);
            assert!(
                max_in_turn <= 2 * 1024 * 1024,
                "{max_in_turn} bytes in one turn"
            );
        });
    }
}
