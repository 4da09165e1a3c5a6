//! A wall clock that jumps.
//!
//! `RISK_CLOCK=SECONDS,SECONDS,…`: the first look at the clock is off by the first number of seconds,
//! the second look by the second number, and so on; then the list begins again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};

const VARIABLE: &str = "RISK_CLOCK";

/// The time that a program sees in place of `now`.
pub(crate) fn shown_time(now: Timestamp) -> Timestamp {
    static OFFSETS: OnceLock<Vec<i64>> = OnceLock::new();
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let offsets = OFFSETS.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let numbers = text.split(',').filter(|number| !number.is_empty());
        numbers
            .map(|number| number.parse().expect("RISK_CLOCK is SECONDS,SECONDS,…"))
            .collect()
    });
    if offsets.is_empty() {
        return now;
    }
    let look = LOOKS.fetch_add(1, Ordering::SeqCst);
    now + SignedDuration::from_secs(offsets[look % offsets.len()])
}
