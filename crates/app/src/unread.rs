//! The rest of a request's body, when the answer does not wait for it.
//!
//! The HTTP library keeps reading an unwanted chunked body, for as long as the client sends. If
//! somebody still holds the body while the answer is sent, the library closes the connection
//! instead.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_core::Stream;

/// A chunked body that is held while the handler reads it.
#[derive(Clone)]
pub(crate) struct Unread(Rc<RefCell<Payload>>);

/// An answer that holds the unread rest of the request.
struct CutAnswer {
    body: BoxBody,
    _unread: Unread,
}

impl Unread {
    /// Takes hold of a request's body; `None` if that is not needed.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return None;
        }
        let held = Self(Rc::new(RefCell::new(request.take_payload())));
        let read: Pin<Box<dyn Stream<Item = _>>> = Box::pin(held.clone());
        request.set_payload(Payload::from(read));
        Some(held)
    }

    /// Holds the body until the answer is sent.
    pub(crate) fn attach_to(self, answer: ServiceResponse) -> ServiceResponse {
        answer.map_body(|_, body| {
            BoxBody::new(CutAnswer {
                body,
                _unread: self,
            })
        })
    }
}

impl Stream for Unread {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

impl MessageBody for CutAnswer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
