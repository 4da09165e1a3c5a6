//! Wrong keys by address. Guessing is counted and answered with an error of its own; it is not
//! slowed down.
//!
//! A valid key is always accepted, so an attacker behind a shared proxy locks nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ApiError;

/// Wrong keys that an address may send within a minute.
const MAX_PER_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Upper limit of remembered addresses.
const MAX_ADDRESSES: usize = 1024;

/// The wrong keys of the last minute.
#[derive(Default)]
pub(super) struct WrongKeys(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl WrongKeys {
    /// Counts a wrong key and returns the error for it.
    pub(super) fn count(&self, from: Option<IpAddr>) -> ApiError {
        let Some(from) = from else {
            return ApiError::KeyUnknown;
        };
        self.count_at(from, Instant::now())
    }

    fn count_at(&self, from: IpAddr, now: Instant) -> ApiError {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_ADDRESSES {
            seen.retain(|_, (since, _)| now.duration_since(*since) < MINUTE);
        }
        if seen.len() >= MAX_ADDRESSES {
            // So many addresses within a minute come from one attack. The memory for them stays
            // limited.
            seen.clear();
        }
        let (since, count) = seen.entry(from).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        match *count {
            ..=MAX_PER_MINUTE => ApiError::KeyUnknown,
            count => {
                if count == MAX_PER_MINUTE + 1 {
                    tracing::warn!(%from, "more than {MAX_PER_MINUTE} wrong keys within a minute");
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
    fn an_address_with_too_many_wrong_keys_gets_its_own_error_for_a_minute() {
        let wrong_keys = WrongKeys::default();
        let start = Instant::now();
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        for _ in 0..MAX_PER_MINUTE {
            let error = wrong_keys.count_at(one, start);
            assert!(matches!(error, ApiError::KeyUnknown));
        }
        let error = wrong_keys.count_at(one, start + MINUTE / 2);
        assert!(matches!(error, ApiError::TooManyWrongKeys));
        let error = wrong_keys.count_at(other, start);
        assert!(matches!(error, ApiError::KeyUnknown));
        let error = wrong_keys.count_at(one, start + MINUTE);
        assert!(matches!(error, ApiError::KeyUnknown));
    }

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let wrong_keys = WrongKeys::default();
        let now = Instant::now();
        for number in 0..10_000_u32 {
            wrong_keys.count_at(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(wrong_keys.0.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
