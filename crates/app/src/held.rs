//! An answer in memory, handed to the connection piece by piece; it counts as held until all of
//! it was taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;
use common::digest;

use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::state::AppState;

/// Bytes handed over at a time: the connection copies them.
const PIECE_BYTES: usize = 64 * 1024;
/// Answers up to this size are the connection's; they are no more than what it gathers anyway.
const SMALL_ANSWER: usize = 64 * 1024;

/// Hexadecimal digits of an answer's digest that are its tag.
const TAG_DIGITS: usize = 32;

/// The whole text of an answer, with its tag.
pub(crate) struct Content {
    text: Text,
    tag: String,
}

enum Text {
    /// A part of the program, which takes no memory of its own.
    Fixed(&'static str),
    /// Counted while it was made.
    Counted(Bytes, Permit),
    /// Made at once; [`hold`] counts it where it is large.
    Made(Bytes),
}

/// What is left of an answer.
struct HeldAnswer {
    rest: Bytes,
    /// `None` for what takes no memory of its own.
    _permit: Option<Permit>,
}

impl Content {
    /// A part of the program.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self::of(Text::Fixed(text))
    }

    /// What a request was counted for while it was made; large ones are made off the server's
    /// worker, so that nobody there waits for their digest.
    pub(crate) fn counted(bytes: Bytes, permit: Permit) -> Self {
        Self::of(Text::Counted(bytes, permit))
    }

    /// What is usually small.
    pub(crate) fn made(bytes: impl Into<Bytes>) -> Self {
        Self::of(Text::Made(bytes.into()))
    }

    fn of(text: Text) -> Self {
        let mut tag = digest::of_bytes(text.bytes());
        tag.truncate(TAG_DIGITS);
        Self { text, tag }
    }

    /// Names the text for a client that has it already.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Its bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.bytes()
    }

    /// The body of the answer.
    pub(crate) fn into_body(self) -> BoxBody {
        match self.text {
            Text::Fixed(text) => held_body(Bytes::from_static(text.as_bytes()), None),
            Text::Counted(bytes, permit) => held_body(bytes, Some(permit)),
            Text::Made(bytes) => BoxBody::new(bytes),
        }
    }
}

impl Text {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Fixed(text) => text.as_bytes(),
            Self::Counted(bytes, _) | Self::Made(bytes) => bytes,
        }
    }
}

/// A body that counts until all of it is taken, where it is large.
pub(crate) fn held_body(bytes: Bytes, permit: Option<Permit>) -> BoxBody {
    if bytes.len() <= SMALL_ANSWER {
        return BoxBody::new(bytes);
    }
    BoxBody::new(HeldAnswer::new(bytes, permit))
}

/// Counts an answer that is large and in memory, unless its handler has done so: no handler can
/// forget it.
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
            let counted = permit.grow(bytes.len());
            counted.map(|()| held_body(bytes, Some(permit)))
        }
    };
    match body {
        Ok(body) => Ok(ServiceResponse::new(request, response.set_body(body))),
        Err(error) => Err((request, error)),
    }
}

impl HeldAnswer {
    /// An answer that counts under this permit.
    fn new(answer: Bytes, mut permit: Option<Permit>) -> Self {
        if let Some(permit) = &mut permit {
            permit.settle(answer.len());
        }
        Self {
            rest: answer,
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
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
