//! Answers compressed with gzip, for clients that ask for it.
//!
//! A small answer is compressed before it is sent. A larger answer is compressed piece by piece while
//! it is sent, so that no other request waits. The compressor then counts as used memory.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, VARY,
};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::content::SMALL_ANSWER;
use crate::in_flight::{InFlight, Permit};

/// Size up to which an answer is sent as it is: it fits into one packet anyway.
const MIN_BYTES: u64 = 1024;
/// Memory of a compressor.
const COMPRESSOR_BYTES: usize = 512 * 1024;

/// An answer that is compressed while it is sent.
struct GzipBody {
    body: BoxBody,
    /// `None` once the end was written, and for an answer to HEAD.
    encoder: Option<GzEncoder<Vec<u8>>>,
    _permit: Permit,
}

/// Content that is not sent because the client already has it. The value is an extension of the
/// answer, whose headers are those of an answer with the content.
#[derive(Clone, Copy)]
pub(crate) struct OmittedContent {
    /// Bytes of the content.
    pub(crate) bytes: u64,
}

impl OmittedContent {
    /// The content that an answer leaves out; `None` for other answers.
    fn of(answered: &ServiceResponse) -> Option<Self> {
        let is_omitted = answered.status() == StatusCode::NOT_MODIFIED;
        is_omitted.then(|| answered.response().extensions().get().copied())?
    }
}

/// Compresses an answer if the client asks for it and the answer is not tiny.
pub(crate) fn compress(
    in_flight: &Arc<InFlight>,
    mut answered: ServiceResponse,
) -> ServiceResponse {
    let omitted = OmittedContent::of(&answered);
    let bytes = match (&omitted, answered.response().body().size()) {
        (Some(omitted), _) => Some(omitted.bytes),
        (None, BodySize::None) => return answered,
        (None, BodySize::Sized(bytes)) => Some(bytes),
        (None, BodySize::Stream) => None,
    };
    if bytes.is_some_and(|bytes| bytes <= MIN_BYTES) {
        return answered;
    }
    let is_small = bytes.is_some_and(|bytes| bytes <= SMALL_ANSWER as u64);
    let vary = HeaderValue::from_static("Accept-Encoding");
    answered.headers_mut().append(VARY, vary);
    let request = answered.request();
    // HTTP/1.0 has no chunks, in which a body of unknown length is sent.
    let can_be_sent = is_small || request.version() >= Version::HTTP_11;
    if !can_be_sent || !accepts_gzip(request.headers()) {
        return answered;
    }
    if omitted.is_some() {
        make_tag_weak(answered.headers_mut());
        return answered;
    }
    // The answer to HEAD has the headers of the answer to GET. Only a small content is compressed for
    // them: the length of a large one is not known in advance.
    let is_head = request.method() == Method::HEAD;
    let permit = match is_small {
        true => None,
        false if is_head => Some(in_flight.permit()),
        false => {
            let mut permit = in_flight.permit();
            match permit.grow(COMPRESSOR_BYTES) {
                Ok(()) => Some(permit),
                // Without room for a compressor the answer is sent as it is.
                Err(_) => return answered,
            }
        }
    };
    let mut answered = answered.map_body(|_, body| match permit {
        Some(permit) => BoxBody::new(GzipBody {
            body,
            encoder: (!is_head).then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            _permit: permit,
        }),
        None => compressed_at_once(body),
    });
    let headers = answered.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    make_tag_weak(headers);
    answered
}

/// Replaces the entity tag by a weak one: other bytes need another tag, and a weak one says that the
/// content is the same.
fn make_tag_weak(headers: &mut HeaderMap) {
    let tag = headers.get(ETAG).map(HeaderValue::as_bytes);
    let weak = tag.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

/// A small answer, compressed.
fn compressed_at_once(body: BoxBody) -> BoxBody {
    // A body of this size is in one piece.
    let plain = match body.try_into_bytes() {
        Ok(plain) => plain,
        Err(body) => return body,
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(&plain);
    BoxBody::new(encoder.finish().unwrap_or_default())
}

/// True if gzip is accepted, and nothing is preferred to it.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut plain) = (None, None, None);
    for value in headers.get_all(ACCEPT_ENCODING) {
        let text = String::from_utf8_lossy(value.as_bytes());
        for coding in text.split(',') {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse::<f64>().ok());
            let weight = weight.filter(|weight| (0.0..=1.0).contains(weight));
            let place = match name.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => &mut gzip,
                "*" => &mut any,
                "identity" => &mut plain,
                _ => continue,
            };
            *place = Some(weight.unwrap_or(0.0));
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= plain.unwrap_or(0.0)
}

impl MessageBody for GzipBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        let Some(encoder) = &mut this.encoder else {
            return Poll::Ready(None);
        };
        match Pin::new(&mut this.body).poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(plain))) => {
                // Writing to a vector cannot fail.
                let _ = encoder.write_all(&plain);
                let packed = std::mem::take(encoder.get_mut());
                if packed.is_empty() {
                    // Others have their turn before the next piece.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(packed.into())))
            }
            Poll::Ready(None) => {
                let end = this.encoder.take().map(GzEncoder::finish);
                let end = end.and_then(Result::ok).unwrap_or_default();
                Poll::Ready((!end.is_empty()).then(|| Ok(end.into())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_accepted_and_nothing_is_preferred() {
        let accepts = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            }
            accepts_gzip(&headers)
        };
        for accepted in [
            &["gzip"][..],
            &["gzip, deflate, br"],
            &["deflate", "GZIP;q=0.5"],
            &["*"],
            &["x-gzip"],
            &["br;q=1, *;q=0.1"],
            &["identity;q=0.5, gzip;q=0.5"],
        ] {
            assert!(accepts(accepted), "{accepted:?}");
        }
        for refused in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip;q=0, *"],
            &["gzip;q=high"],
            &["gzip;q=0.5, identity"],
            &["gzipped"],
        ] {
            assert!(!accepts(refused), "{refused:?}");
        }
    }
}
