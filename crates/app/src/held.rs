//! An answer in memory, handed to the connection piece by piece; it counts as held until all of
//! it was taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use crate::in_flight::Permit;

/// Bytes handed over at a time: the connection copies them.
const PIECE_BYTES: usize = 64 * 1024;

/// What is left of an answer.
pub(crate) struct HeldAnswer {
    rest: Bytes,
    _permit: Permit,
}

impl HeldAnswer {
    /// An answer that counts under this permit.
    pub(crate) fn new(answer: Vec<u8>, mut permit: Permit) -> Self {
        permit.settle(answer.len());
        Self {
            rest: answer.into(),
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
