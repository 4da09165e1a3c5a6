//! How many bytes of requests and answers are held in memory, over all connections.
//!
//! What arrives is counted as it arrives, not as it was announced: whoever announces much and
//! sends little takes nothing from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ApiError;

/// The bytes held now, and how many there may be.
pub(crate) struct InFlight {
    held: AtomicU64,
    limit: u64,
}

/// Bytes that one request holds; given back on drop.
pub(crate) struct Permit {
    of: Arc<InFlight>,
    bytes: u64,
}

impl InFlight {
    /// None are held yet.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicU64::new(0),
            limit,
        })
    }

    /// A permit for nothing yet.
    pub(crate) fn permit(self: &Arc<Self>) -> Permit {
        Permit {
            of: Arc::clone(self),
            bytes: 0,
        }
    }
}

impl Permit {
    /// Asks for more bytes; refused when all requests together would hold too many, for good when
    /// this one would alone. What is refused is not held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let bytes = bytes as u64;
        let InFlight { held, limit } = &*self.of;
        if self.bytes.saturating_add(bytes) > *limit {
            return Err(ApiError::BodyTooLarge {
                what: "the request together with its answer",
                limit: *limit,
            });
        }
        let with_these = |held: u64| held.checked_add(bytes).filter(|after| after <= limit);
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_these)
            .map_err(|_| ApiError::Overloaded)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds just so many bytes from here on: what is left of it once the answer is made.
    pub(crate) fn settle(&mut self, bytes: usize) {
        let held = &self.of.held;
        held.fetch_add(bytes as u64, Ordering::Relaxed);
        held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes as u64;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.of.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_the_limit_and_give_back_what_they_held() {
        let in_flight = InFlight::new(100);
        let mut first = in_flight.permit();
        let mut second = in_flight.permit();
        assert!(first.grow(60).is_ok() && second.grow(40).is_ok());
        assert!(matches!(first.grow(1), Err(ApiError::Overloaded)));
        assert_eq!(
            in_flight.held.load(Ordering::Relaxed),
            100,
            "not the refused"
        );
        drop(second);
        assert!(first.grow(40).is_ok());
        // What it holds of all is given back, and no more.
        first.settle(10);
        assert!(in_flight.permit().grow(90).is_ok());
        let mut alone = in_flight.permit();
        assert!(matches!(
            alone.grow(101),
            Err(ApiError::BodyTooLarge { .. })
        ));
        assert!(
            alone.grow(90).is_ok(),
            "what was refused for good is not held"
        );
        drop((first, alone));
        assert_eq!(in_flight.held.load(Ordering::Relaxed), 0);
    }
}
