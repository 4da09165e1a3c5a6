//! Memory of all requests and answers, limited over all connections.
//!
//! Bytes are counted when they arrive, not when they are announced. So a client that announces much
//! and sends little takes nothing from others. A part is reserved for small requests, so that a few
//! large ones cannot block all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ApiError;

/// One in this many bytes is reserved for small requests.
const RESERVED_SHARE: u64 = 8;
/// A small request uses at most one in this many reserved bytes, so that there is room for many.
const SMALL_SHARE: u64 = 8;
/// Upper limit of a small request: some thousand rows with their predictions.
const MAX_SMALL: u64 = 256 * 1024;

/// The bytes in use, and their limits.
pub(crate) struct InFlight {
    /// Bytes for every request.
    general: Pool,
    /// Bytes for small requests, used when the general pool is exhausted.
    reserve: Pool,
    /// Bytes up to which a request is small.
    max_small: u64,
    /// Bytes that all requests so far have given back.
    released: AtomicU64,
}

/// A pool of bytes with a limit.
struct Pool {
    used: AtomicU64,
    limit: u64,
}

/// Bytes that one request uses; given back on drop.
pub(crate) struct Permit {
    of: Arc<InFlight>,
    bytes: u64,
    is_reserved: bool,
}

impl InFlight {
    /// A limit with no bytes in use.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        let reserved = limit / RESERVED_SHARE;
        Arc::new(Self {
            general: Pool::of(limit - reserved),
            reserve: Pool::of(reserved),
            max_small: (reserved / SMALL_SHARE).min(MAX_SMALL),
            released: AtomicU64::new(0),
        })
    }

    /// A permit of zero bytes.
    pub(crate) fn permit(self: &Arc<Self>) -> Permit {
        Permit {
            of: Arc::clone(self),
            bytes: 0,
            is_reserved: false,
        }
    }

    /// Bytes in use by all requests.
    pub(crate) fn used(&self) -> u64 {
        let used = |pool: &Pool| pool.used.load(Ordering::Relaxed);
        used(&self.general) + used(&self.reserve)
    }

    /// Bytes that all requests so far have given back.
    pub(crate) fn released(&self) -> u64 {
        self.released.load(Ordering::Relaxed)
    }
}

impl Pool {
    fn of(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            limit,
        }
    }

    /// Takes bytes if the limit allows; returns true if they were taken.
    fn take(&self, bytes: u64) -> bool {
        let increased = |used: u64| used.checked_add(bytes).filter(|after| *after <= self.limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, increased)
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Permit {
    /// Takes more bytes.
    ///
    /// Fails with [`ApiError::Overloaded`] if all requests together would exceed the limit. Fails
    /// with [`ApiError::BodyTooLarge`] if this request alone would. After a failure the permit is
    /// unchanged.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let more = bytes as u64;
        let all = self.bytes.saturating_add(more);
        let InFlight {
            general,
            reserve,
            max_small,
            ..
        } = &*self.of;
        if all > general.limit {
            return Err(ApiError::BodyTooLarge {
                what: "the request together with its answer",
                limit: general.limit,
            });
        }
        // A request is counted in one pool as a whole, so all of its bytes move to another pool.
        let (from_general, from_reserve) = match self.is_reserved {
            true => (all, more),
            false => (more, all),
        };
        let is_reserved = if general.take(from_general) {
            false
        } else if all <= *max_small && reserve.take(from_reserve) {
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

    /// Sets the bytes to the final size, once the answer is made.
    pub(crate) fn set_final_bytes(&mut self, bytes: usize) {
        self.pool().used.fetch_add(bytes as u64, Ordering::Relaxed);
        self.give_back();
        self.bytes = bytes as u64;
    }

    fn give_back(&self) {
        self.pool().give_back(self.bytes);
        self.of.released.fetch_add(self.bytes, Ordering::Relaxed);
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
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_the_limit_and_give_back_their_bytes() {
        // Seven eighths are general.
        let in_flight = InFlight::new(800);
        let mut first = in_flight.permit();
        let mut second = in_flight.permit();
        assert!(first.grow(400).is_ok() && second.grow(300).is_ok());
        assert!(matches!(first.grow(1), Err(ApiError::Overloaded)));
        assert_eq!(in_flight.used(), 700, "without the rejected bytes");
        drop(second);
        assert!(first.grow(300).is_ok());
        // Exactly its general bytes are given back.
        first.set_final_bytes(10);
        assert!(in_flight.permit().grow(690).is_ok());
        let mut alone = in_flight.permit();
        assert!(matches!(
            alone.grow(701),
            Err(ApiError::BodyTooLarge { limit: 700, .. })
        ));
        assert!(alone.grow(690).is_ok(), "a rejected size is not counted");
        drop((first, alone));
        assert_eq!(in_flight.used(), 0);
        assert_eq!(in_flight.released(), 300 + 700 + 690 + 690 + 10);
    }

    #[test]
    fn small_requests_are_accepted_while_large_ones_use_the_whole_general_pool() {
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
        assert_eq!(in_flight.used(), 700 + 8 * 12);
        assert!(in_flight.permit().grow(5).is_err(), "all bytes are in use");
        // With room in the general pool, a small request that grows moves there and frees reserved
        // bytes.
        drop(large);
        small[0].grow(600).unwrap();
        assert!(!small[0].is_reserved && in_flight.permit().grow(5).is_ok());
        drop(small);
        assert_eq!(in_flight.used(), 0);
    }
}
