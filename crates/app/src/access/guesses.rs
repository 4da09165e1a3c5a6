//! Wrong keys by address, so that guessing is seen and told off; it is not slowed.
//!
//! A right key is taken at any time: whoever guesses behind the same proxy locks nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ApiError;

/// Wrong keys that an address may show within a minute.
const MOST: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const MOST_ADDRESSES: usize = 1024;

/// The wrong keys of the last minute.
#[derive(Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Guesses {
    /// Counts a wrong key, and says what it is answered with.
    pub(super) fn refuse(&self, from: Option<IpAddr>) -> ApiError {
        let Some(from) = from else {
            return ApiError::KeyUnknown;
        };
        self.refuse_at(from, Instant::now())
    }

    fn refuse_at(&self, from: IpAddr, now: Instant) -> ApiError {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_ADDRESSES {
            seen.retain(|_, (since, _)| now.duration_since(*since) < MINUTE);
        }
        if seen.len() >= MOST_ADDRESSES {
            // So many addresses within a minute are one attack; it is not worth more memory.
            seen.clear();
        }
        let (since, count) = seen.entry(from).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        match *count {
            ..=MOST => ApiError::KeyUnknown,
            count => {
                if count == MOST + 1 {
                    tracing::warn!(%from, "more than {MOST} wrong keys within a minute");
                }
                ApiError::TooManyWrongKeys
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_off_for_a_minute() {
        let guesses = Guesses::default();
        let start = Instant::now();
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        for _ in 0..MOST {
            let refused = guesses.refuse_at(one, start);
            assert!(matches!(refused, ApiError::KeyUnknown));
        }
        let refused = guesses.refuse_at(one, start + MINUTE / 2);
        assert!(matches!(refused, ApiError::TooManyWrongKeys));
        let refused = guesses.refuse_at(other, start);
        assert!(matches!(refused, ApiError::KeyUnknown));
        let refused = guesses.refuse_at(one, start + MINUTE);
        assert!(matches!(refused, ApiError::KeyUnknown));
    }

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for number in 0..10_000_u32 {
            guesses.refuse_at(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(guesses.0.lock().unwrap().len() <= MOST_ADDRESSES);
    }
}
