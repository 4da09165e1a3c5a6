//! Hook for fault injection in tests. Every change to the pipeline's folders calls it, and so does every
//! pass over rows. Scratch folders of dry runs and measurements are exempt.
//!
//! In a released program the hook does nothing. Only the acceptance tests enable the feature
//! `fault-injection`. With this feature, the environment variable `RISK_FAULT` names one change or one pass
//! over rows. A change then fails, or the process is killed or stopped at the change; a pass fails. `RISK_CLOCK`
//! names offsets of the wall clock, for a clock that jumps. `RISK_STAMPS` names the stamps of files that were
//! written again.

#[cfg(feature = "fault-injection")]
mod injection;
#[cfg(feature = "fault-injection")]
mod jumping_clock;
mod operation;
#[cfg(feature = "fault-injection")]
mod shown_stamp;
#[cfg(feature = "fault-injection")]
mod system_calls;

#[cfg(feature = "fault-injection")]
pub use self::injection::before_pass;
#[cfg(feature = "fault-injection")]
pub(crate) use self::injection::{before, write};
#[cfg(feature = "fault-injection")]
pub(crate) use self::jumping_clock::shown_time;
#[cfg(feature = "fault-injection")]
pub(crate) use self::shown_stamp::shown_stamp;
#[cfg(feature = "fault-injection")]
pub(crate) use self::system_calls::watch_sqlite;

#[cfg(not(feature = "fault-injection"))]
pub use self::nothing::before_pass;
#[cfg(not(feature = "fault-injection"))]
pub(crate) use self::nothing::{before, shown_stamp, shown_time, watch_sqlite, write};
pub(crate) use self::operation::Operation;

#[cfg(not(feature = "fault-injection"))]
mod nothing {
    use std::io;
    use std::path::Path;

    use jiff::Timestamp;

    use super::Operation;
    use crate::Failure;
    use crate::ledger::FileStamp;

    /// Lets a pass over rows begin.
    #[inline]
    pub fn before_pass(_: &str) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    pub(crate) fn before(_: Operation, _: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(crate) fn write(
        _: &Path,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        write(bytes)
    }

    #[inline]
    pub(crate) fn watch_sqlite() {}

    #[inline]
    pub(crate) fn shown_stamp(stamp: FileStamp) -> FileStamp {
        stamp
    }

    #[inline]
    pub(crate) fn shown_time(now: Timestamp) -> Timestamp {
        now
    }
}
