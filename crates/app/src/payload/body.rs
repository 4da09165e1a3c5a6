//! The body of a request, as it came over the wire.
//!
//! No content encoding is taken: what is inflated could be a thousand times what was sent.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, Payload};

use crate::error::ApiError;
use crate::problem::excerpt;

/// Bytes of a body at most.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Reads the whole body, up to the limit.
pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::BodyTooLarge {
        what: "the body",
        limit: LARGEST_BODY as u64,
    };
    let header = |name| {
        let value = request.headers().get(name)?;
        Some(excerpt(value.as_bytes()))
    };
    if let Some(encoding) = header(CONTENT_ENCODING)
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(ApiError::ContentEncoding(encoding));
    }
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(too_large());
    }
    match payload.to_bytes_limited(LARGEST_BODY).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(ApiError::BodyIncomplete),
        Err(_) => Err(too_large()),
    }
}
