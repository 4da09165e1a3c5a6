//! The allocator of the C library, told to give freed memory back.
//!
//! glibc keeps freed blocks for later requests, separately for each thread. After many or large bodies, these
//! blocks are a few hundred megabytes that no request uses.

use std::time::{Duration, Instant};

/// Time between two calls of [`Trim`] that give memory back.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// Minimum number of bytes that requests must have given back since the last call. So an idle server does
/// nothing.
const MIN_RELEASED: u64 = 1024 * 1024;

/// Size in bytes from which a block is taken from the system by itself, and given back as soon as it is freed.
///
/// This is the value that glibc begins with. Without a fixed value, glibc raises it with each larger block that
/// is freed, up to 32 MiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BLOCK: std::ffi::c_int = 128 * 1024;

/// Makes freed memory go back to the system. Does nothing where the C library is another one.
pub(crate) fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "only a function of C sets the limit")]
        // SAFETY: the function changes one number, under the lock of the allocator.
        let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK) };
        if is_set == 0 {
            tracing::warn!(
                "the limit of large blocks cannot be set: memory may stay high after large requests"
            );
        }
    }
}

/// Gives the freed memory of all threads back to the system, now and then.
pub(crate) struct Trim {
    /// Bytes that requests had given back at the last call.
    released: u64,
    at: Instant,
}

impl Trim {
    /// Nothing is given back within the first interval.
    pub(crate) fn starting_at(now: Instant) -> Self {
        Self {
            released: 0,
            at: now,
        }
    }

    /// Gives memory back if the last time is a while ago and requests have used much since. `released` is the
    /// number of bytes that all requests so far have given back.
    pub(crate) fn trim_if_due(&mut self, released: u64, now: Instant) {
        if self.is_due(released, now) {
            (self.released, self.at) = (released, now);
            give_back_freed_memory();
        }
    }

    fn is_due(&self, released: u64, now: Instant) -> bool {
        released.saturating_sub(self.released) >= MIN_RELEASED
            && now.saturating_duration_since(self.at) >= TRIM_INTERVAL
    }
}

fn give_back_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "only a function of C gives memory back")]
        // SAFETY: the function takes the locks of the allocator, and changes no block that is in use.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_after_much_use_and_not_at_once_again() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut trim = Trim::starting_at(start);
        assert!(!trim.is_due(MIN_RELEASED, later(9)), "within the interval");
        assert!(!trim.is_due(MIN_RELEASED - 1, later(11)), "little was used");
        trim.trim_if_due(MIN_RELEASED, later(11));
        assert!(
            !trim.is_due(MIN_RELEASED, later(60)),
            "nothing was used since"
        );
        assert!(
            !trim.is_due(2 * MIN_RELEASED, later(20)),
            "within the interval"
        );
        assert!(trim.is_due(2 * MIN_RELEASED, later(21)));
    }
}
