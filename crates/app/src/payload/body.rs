//! The body of a request, as it came over the wire, or inflated.
//!
//! The raw payload is read and every cap is running: nothing is held beyond a limit before the
//! limit is noticed. A client that is slow, or that stops, is given up.

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

/// Bytes a second that a client must keep up on the whole.
const SLOWEST_RATE: u64 = 1024;
/// For so long it may send nothing at all.
const GRACE: Duration = Duration::from_secs(5);
/// Compressed bytes inflated at a time: at a thousand to one they become a megabyte.
const INFLATED_AT_A_TIME: usize = 1024;

/// Inflated bytes after which other requests of the worker have their turn.
const INFLATED_WITHOUT_PAUSE: usize = 128 * 1024;

/// A body on its way.
pub(crate) struct Incoming {
    wire: Wire,
    /// Boxed, as few bodies need it and it is large.
    inflate: Option<Box<Inflate>>,
}

/// What comes over the connection.
struct Wire {
    payload: Payload,
    /// Absent only where tests have none.
    connection: Option<Rc<Connection>>,
    limit: u64,
    seconds: u64,
    received: u64,
    /// How long the client was waited for; what the server takes itself does not count.
    waited: Duration,
}

struct Inflate {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// What has come and was not inflated yet.
    compressed: Bytes,
    inflated: u64,
    since_pause: usize,
    limit: u64,
    is_at_end: bool,
}

impl Incoming {
    /// Refuses what the header announces too large or encoded in another way than gzip.
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
            if let Some(bytes) = inflate.some()? {
                inflate.since_pause += bytes.len();
                if inflate.since_pause >= INFLATED_WITHOUT_PAUSE {
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

    /// What follows on `all`, up to the end of the body or to where more than `most` bytes are
    /// held.
    pub(crate) async fn gather(
        &mut self,
        mut all: Bytes,
        most: u64,
        permit: &mut Permit,
    ) -> Result<Gathered, ApiError> {
        if all.is_empty() {
            let Some(first) = self.next().await? else {
                return Ok(Gathered::Whole(Bytes::new()));
            };
            permit.grow(first.len())?;
            all = first;
        }
        // Most bodies come in one piece, and are not copied.
        let Some(second) = self.next().await? else {
            return Ok(Gathered::Whole(all));
        };
        // It grows with what has come: what was announced may never come.
        let mut all = Vec::from(all);
        let mut next = Some(second);
        while let Some(bytes) = next {
            permit.grow(bytes.len())?;
            // Without memory the others are answered on.
            all.try_reserve(bytes.len())
                .map_err(|_| ApiError::Overloaded)?;
            all.extend_from_slice(&bytes);
            if all.len() as u64 > most {
                return Ok(Gathered::Beginning(all.into()));
            }
            next = self.next().await?;
        }
        Ok(Gathered::Whole(all.into()))
    }
}

/// What was gathered of a body.
pub(crate) enum Gathered {
    /// All of it.
    Whole(Bytes),
    /// More is to come.
    Beginning(Bytes),
}

impl Wire {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let next = match self.arrived().await {
            Some(next) => next,
            // Boxed, with its timer: most bodies are there.
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

    /// What is there already, which most bodies are: that takes no timer.
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
        let patience = self.patience();
        let next = poll_fn(|context| Pin::new(&mut self.payload).poll_next(context));
        let next = timeout(patience, next);
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

    /// How long the client may be waited for now: until the whole time is over, or until it
    /// falls below the slowest rate.
    fn patience(&self) -> Duration {
        let whole = Duration::from_secs(self.seconds);
        let by_rate = GRACE + Duration::from_secs(self.received / SLOWEST_RATE);
        whole.min(by_rate).saturating_sub(self.waited)
    }
}

impl Inflate {
    /// Some inflated bytes; `None` when more have to come first.
    fn some(&mut self) -> Result<Option<Bytes>, ApiError> {
        while !self.compressed.is_empty() {
            let piece = self.compressed.len().min(INFLATED_AT_A_TIME);
            let piece = self.compressed.split_to(piece);
            self.decoder
                .write_all(&piece)
                .map_err(|_| ApiError::GzipInvalid)?;
            if let Some(bytes) = self.taken()? {
                return Ok(Some(bytes));
            }
        }
        self.taken()
    }

    fn finish(&mut self) -> Result<(), ApiError> {
        self.is_at_end = true;
        self.decoder.try_finish().map_err(|_| ApiError::GzipInvalid)
    }

    fn taken(&mut self) -> Result<Option<Bytes>, ApiError> {
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
    fn others_have_their_turn_while_a_body_is_inflated() {
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
        // What is inflated at a time may come to a megabyte.
        LocalSet::new().block_on(&runtime, async {
            let payload = Payload::from_request(&request, &mut payload).await.unwrap();
            let limits = LimitSettings::default();
            let mut incoming = Incoming::begin(&request, payload, &limits).unwrap();
            // All of it is there: whoever does not pause inflates it in one turn.
            let (mut inflated, mut in_this_turn, mut most) = (0, 0, 0);
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
                most = most.max(in_this_turn);
            }
            assert_eq!(inflated, 32 * MEBIBYTE);
            assert!(most <= 2 * 1024 * 1024, "{most} bytes in one turn");
        });
    }
}
