//! An answer in memory, handed to the connection in pieces. Its memory counts as used until the
//! last piece is taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;
use common::digest;

use crate::error::ApiError;
use crate::in_flight::{InFlight, Permit};

/// Bytes of a piece; the connection copies each piece.
const PIECE_BYTES: usize = 64 * 1024;
/// Maximum size of an answer that is handed over in one piece. The connection buffers as much anyway.
pub(crate) const SMALL_ANSWER: usize = 64 * 1024;

/// Hexadecimal digits of the digest that form the entity tag.
const TAG_DIGITS: usize = 32;

/// Content of an answer, with its entity tag.
pub(crate) struct Content {
    text: Text,
    tag: String,
}

enum Text {
    /// Part of the program, without memory of its own.
    Fixed(&'static str),
    /// Its memory was counted while it was made.
    Counted(Bytes, Permit),
    /// Made in one piece; [`count_large_answer`] counts its memory if it is large.
    Made(Bytes),
}

/// The rest of an answer.
struct CountedAnswer {
    rest: Bytes,
    /// `None` for content without memory of its own.
    _permit: Option<Permit>,
}

impl Content {
    /// Content that is part of the program.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self::of(Text::Fixed(text))
    }

    /// Content that was counted while it was made. Large content must be made outside the server's
    /// workers, because its digest would delay other requests.
    pub(crate) fn counted(bytes: Bytes, permit: Permit) -> Self {
        Self::of(Text::Counted(bytes, permit))
    }

    /// Content that is usually small.
    pub(crate) fn made(bytes: impl Into<Bytes>) -> Self {
        Self::of(Text::Made(bytes.into()))
    }

    fn of(text: Text) -> Self {
        let mut tag = digest::of_bytes(text.bytes());
        tag.truncate(TAG_DIGITS);
        Self { text, tag }
    }

    /// Entity tag: identifies the content for a client that has it already.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Number of bytes of the content.
    pub(crate) fn size(&self) -> u64 {
        self.text.bytes().len() as u64
    }

    /// Bytes of the content.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.bytes()
    }

    /// The content to be kept for a later answer, if it has memory of its own.
    pub(crate) fn shared(&self) -> Option<Bytes> {
        match &self.text {
            Text::Fixed(_) => None,
            Text::Counted(bytes, _) | Text::Made(bytes) => Some(bytes.clone()),
        }
    }

    /// Body of the answer.
    pub(crate) fn into_body(self) -> BoxBody {
        match self.text {
            Text::Fixed(text) => counted_body(Bytes::from_static(text.as_bytes()), None),
            Text::Counted(bytes, permit) => counted_body(bytes, Some(permit)),
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

/// The body of an answer. A large body counts as used memory until all of it is taken.
pub(crate) fn counted_body(bytes: Bytes, permit: Option<Permit>) -> BoxBody {
    if bytes.len() <= SMALL_ANSWER {
        return BoxBody::new(bytes);
    }
    BoxBody::new(CountedAnswer::new(bytes, permit))
}

/// Counts a large answer in memory, unless its handler has done so. Applied to every answer, so
/// that no handler can forget it.
///
/// Returns the request and the error if there is no room.
pub(crate) fn count_large_answer(
    in_flight: &Arc<InFlight>,
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
        // A body in pieces is counted already.
        Err(body) => Ok(body),
        Ok(bytes) => {
            let mut permit = in_flight.permit();
            let counted = permit.grow(bytes.len());
            counted.map(|()| counted_body(bytes, Some(permit)))
        }
    };
    match body {
        Ok(body) => Ok(ServiceResponse::new(request, response.set_body(body))),
        Err(error) => Err((request, error)),
    }
}

impl CountedAnswer {
    /// An answer that counts under this permit.
    fn new(answer: Bytes, mut permit: Option<Permit>) -> Self {
        if let Some(permit) = &mut permit {
            permit.set_final_bytes(answer.len());
        }
        Self {
            rest: answer,
            _permit: permit,
        }
    }
}

impl MessageBody for CountedAnswer {
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
