//! How many bytes of requests and answers are held in memory, over all connections.
//!
//! What arrives is counted as it arrives, not as it was announced: whoever announces much and
//! sends little takes nothing from the others. A part is kept for small requests, so that a few
//! large ones cannot turn all the others away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ApiError;

/// The share of all bytes that only small requests may hold.
const RESERVED_SHARE: u64 = 8;
/// A small request holds at most this share of what is reserved, so that there is room for many.
const SMALL_SHARE: u64 = 8;
/// A small request holds at most this: some thousand rows with their predictions.
const MAX_SMALL: u64 = 256 * 1024;

/// The bytes held now, and how many there may be.
pub(crate) struct InFlight {
    /// For every request.
    general: Pool,
    /// For small requests, once the general part is taken.
    reserve: Pool,
    /// Up to so many bytes a request is small.
    max_small: u64,
}

/// A part of the bytes.
struct Pool {
    held: AtomicU64,
    limit: u64,
}

/// Bytes that one request holds; given back on drop.
pub(crate) struct Permit {
    of: Arc<InFlight>,
    bytes: u64,
    is_reserved: bool,
}

impl InFlight {
    /// None are held yet.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        let reserved = limit / RESERVED_SHARE;
        Arc::new(Self {
            general: Pool::of(limit - reserved),
            reserve: Pool::of(reserved),
            max_small: (reserved / SMALL_SHARE).min(MAX_SMALL),
        })
    }

    /// A permit for nothing yet.
    pub(crate) fn permit(self: &Arc<Self>) -> Permit {
        Permit {
            of: Arc::clone(self),
            bytes: 0,
            is_reserved: false,
        }
    }

    /// Bytes held by all requests.
    #[cfg(test)]
    pub(crate) fn held(&self) -> u64 {
        let held = |pool: &Pool| pool.held.load(Ordering::Relaxed);
        held(&self.general) + held(&self.reserve)
    }
}

impl Pool {
    fn of(limit: u64) -> Self {
        Self {
            held: AtomicU64::new(0),
            limit,
        }
    }

    /// Whether so many more could be taken; they are held then.
    fn take(&self, bytes: u64) -> bool {
        let with_these = |held: u64| held.checked_add(bytes).filter(|after| *after <= self.limit);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_these)
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Permit {
    /// Asks for more bytes; refused when all requests together would hold too many, for good when
    /// this one would alone. What is refused is not held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let more = bytes as u64;
        let all = self.bytes.saturating_add(more);
        let InFlight {
            general,
            reserve,
            max_small,
        } = &*self.of;
        if all > general.limit {
            return Err(ApiError::BodyTooLarge {
                what: "the request together with its answer",
                limit: general.limit,
            });
        }
        // A request is counted in one part as a whole.
        let from = |pool_is_reserve: bool| match self.is_reserved == pool_is_reserve {
            true => more,
            false => all,
        };
        let is_reserved = if general.take(from(false)) {
            false
        } else if all <= *max_small && reserve.take(from(true)) {
            true
        } else {
            return Err(ApiError::Overloaded);
        };
        if is_reserved != self.is_reserved {
            self.pool().give_back(self.bytes);
        }
        self.is_reserved = is_reserved;
        self.bytes = all;
        Ok(())
    }

    /// Holds just so many bytes from here on: what is left of it once the answer is made.
    pub(crate) fn settle(&mut self, bytes: usize) {
        let pool = self.pool();
        pool.held.fetch_add(bytes as u64, Ordering::Relaxed);
        pool.give_back(self.bytes);
        self.bytes = bytes as u64;
    }

    fn pool(&self) -> &Pool {
        match self.is_reserved {
            true => &self.of.reserve,
            false => &self.of.general,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool().give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_the_limit_and_give_back_what_they_held() {
        // Seven eighths for all.
        let in_flight = InFlight::new(800);
        let mut first = in_flight.permit();
        let mut second = in_flight.permit();
        assert!(first.grow(400).is_ok() && second.grow(300).is_ok());
        assert!(matches!(first.grow(1), Err(ApiError::Overloaded)));
        assert_eq!(in_flight.held(), 700, "not the refused");
        drop(second);
        assert!(first.grow(300).is_ok());
        // What it holds of all is given back, and no more.
        first.settle(10);
        assert!(in_flight.permit().grow(690).is_ok());
        let mut alone = in_flight.permit();
        assert!(matches!(
            alone.grow(701),
            Err(ApiError::BodyTooLarge { limit: 700, .. })
        ));
        assert!(
            alone.grow(690).is_ok(),
            "what was refused for good is not held"
        );
        drop((first, alone));
        assert_eq!(in_flight.held(), 0);
    }

    #[test]
    fn small_requests_are_taken_while_large_ones_hold_all_that_they_may() {
        let in_flight = InFlight::new(800);
        let mut large = in_flight.permit();
        large.grow(700).unwrap();
        let mut small: Vec<Permit> = (0..8).map(|_| in_flight.permit()).collect();
        for permit in &mut small {
            permit.grow(6).unwrap();
            permit.grow(6).unwrap();
        }
        assert!(
            matches!(small[0].grow(1), Err(ApiError::Overloaded)),
            "it would not be small any more"
        );
        assert_eq!(in_flight.held(), 700 + 8 * 12);
        assert!(in_flight.permit().grow(5).is_err(), "all is held");
        // Once there is room elsewhere, a small one that grows makes room in what is reserved.
        drop(large);
        small[0].grow(600).unwrap();
        assert!(!small[0].is_reserved && in_flight.permit().grow(5).is_ok());
        drop(small);
        assert_eq!(in_flight.held(), 0);
    }
}
