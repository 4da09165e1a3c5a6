//! A wall clock that jumps.
//!
//! `RISK_CLOCK=SECONDS,SECONDS,…`: the first number of seconds is added to the first time that is read,
//! the second number to the second time, and so on. Then the list begins again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};

const VARIABLE: &str = "RISK_CLOCK";

/// The time that a program reads in place of `now`.
pub(crate) fn shown_time(now: Timestamp) -> Timestamp {
    static OFFSETS: OnceLock<Vec<i64>> = OnceLock::new();
    static READS: AtomicUsize = AtomicUsize::new(0);
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
    let n_reads = READS.fetch_add(1, Ordering::SeqCst);
    now + SignedDuration::from_secs(offsets[n_reads % offsets.len()])
}
