//! An answer in memory, handed to the connection piece by piece; it counts as held until all of
//! it was taken, and is taken at a least rate.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

use crate::connection::{Connection, Reader};
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::state::AppState;

/// Bytes handed over at a time: the connection copies them.
const PIECE_BYTES: usize = 64 * 1024;
/// Answers up to this size are the connection's; they are no more than what it gathers anyway.
pub(crate) const SMALL_ANSWER: usize = 64 * 1024;

/// The whole text of an answer.
pub(crate) enum Content {
    /// A part of the program, which takes no memory of its own.
    Fixed(&'static str),
    /// Made for one request, and counted while it was made.
    Counted(Bytes, Permit),
    /// Made for one request at once; [`hold`] counts it where it is large.
    Made(Bytes),
}

/// What is left of an answer.
pub(crate) struct HeldAnswer {
    rest: Bytes,
    reader: Option<Reader>,
    /// `None` for what takes no memory of its own.
    _permit: Option<Permit>,
}

impl Content {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Fixed(text) => text.as_bytes(),
            Self::Counted(bytes, _) | Self::Made(bytes) => bytes,
        }
    }

    /// The body of the answer to this request.
    pub(crate) fn into_body(self, request: &HttpRequest) -> Result<BoxBody, ApiError> {
        let (bytes, permit) = match self {
            Self::Fixed(text) => (Bytes::from_static(text.as_bytes()), None),
            Self::Counted(bytes, permit) => (bytes, Some(permit)),
            Self::Made(bytes) => return Ok(BoxBody::new(bytes)),
        };
        if bytes.len() <= SMALL_ANSWER {
            return Ok(BoxBody::new(bytes));
        }
        let reader = Connection::reader(request)?;
        Ok(BoxBody::new(HeldAnswer::new(bytes, permit, reader)))
    }
}

/// Counts and times an answer that is large and in memory, unless its handler has done so: no
/// handler can forget it.
///
/// Returns the request and the error where there is no room.
pub(crate) fn hold(
    state: &AppState,
    answered: ServiceResponse,
) -> Result<ServiceResponse, (HttpRequest, ApiError)> {
    let is_large = matches!(
        answered.response().body().size(),
        BodySize::Sized(bytes) if bytes > SMALL_ANSWER as u64
    );
    if !is_large {
        return Ok(answered);
    }
    let (request, response) = answered.into_parts();
    let (response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        // One that comes in pieces is held already.
        Err(body) => Ok(body),
        Ok(bytes) => {
            let mut permit = state.in_flight.permit();
            permit
                .grow(bytes.len())
                .and_then(|()| Content::Counted(bytes, permit).into_body(&request))
        }
    };
    match body {
        Ok(body) => Ok(ServiceResponse::new(request, response.set_body(body))),
        Err(error) => Err((request, error)),
    }
}

impl HeldAnswer {
    /// An answer that counts under this permit, for this reader.
    pub(crate) fn new(answer: Bytes, mut permit: Option<Permit>, reader: Option<Reader>) -> Self {
        if let Some(permit) = &mut permit {
            permit.settle(answer.len());
        }
        Self {
            rest: answer,
            reader,
            _permit: permit,
        }
    }
}

impl MessageBody for HeldAnswer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        if let Some(reader) = &self.reader {
            reader.has_taken(piece);
        }
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
