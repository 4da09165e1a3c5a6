//! The wall clock: the time that records and messages show.
//!
//! A wall clock may be wrong and may jump in both directions. So no decision compares two of its
//! times to learn what came first: numbers of the history do that ([`crate::History`]). Alerts are the
//! exception: the time of the last notification is compared with the start of the program and with now.

use jiff::Timestamp;

use crate::faults;

/// The time now, as the machine has it.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the home of the call")]
    faults::shown_time(Timestamp::now())
}
