//! The allocator of the C library, told to give large blocks back.
//!
//! glibc keeps freed blocks for later requests, in each thread its own. After large bodies, that is a few
//! hundred megabytes that no request uses.

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
