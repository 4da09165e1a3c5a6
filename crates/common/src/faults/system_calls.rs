//! The system calls of SQLite, so that its own changes pass the fault hook.
//!
//! SQLite allows its system calls to be replaced, for tests of this kind. Its fsync cannot be
//! replaced. A kill there leaves the same files as a kill at the next change, and SQLite treats a
//! failure there like a failed write.
#![expect(
    unsafe_code,
    reason = "SQLite takes its system calls as function pointers; only tests compile this"
)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io;
use std::mem::transmute;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use rusqlite::ffi;

use super::injection::{self, before};
use super::operation::Operation;

/// From now on, SQLite's changes pass through the fault hook.
pub(crate) fn watch_sqlite() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the default VFS lives as long as the process. Each function has the type of the
        // system call that it replaces.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let replace = (*vfs).xSetSystemCall.expect("the VFS of unix");
            let calls: [(&CStr, AnyCall); 5] = [
                (c"open", transmute::<OpenCall, AnyCall>(open)),
                (c"pwrite", transmute::<WriteCall, AnyCall>(write)),
                (c"ftruncate", transmute::<TruncateCall, AnyCall>(truncate)),
                (c"unlink", transmute::<UnlinkCall, AnyCall>(unlink)),
                (c"fcntl", transmute::<LockCall, AnyCall>(lock)),
            ];
            for (name, call) in calls {
                let replaced = replace(vfs, name.as_ptr(), Some(call));
                assert_eq!(replaced, ffi::SQLITE_OK, "{name:?}");
            }
        }
    });
}

/// Maximum size of page numbers and checksums in a journal. A write of at most this size is not counted as
/// a change of its own; it counts as part of its page. A kill leaves the same files, and a test of all
/// changes needs a third of the time.
const PAGE_MARK_BYTES: usize = 4;

type AnyCall = unsafe extern "C" fn();
type OpenCall = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;
type WriteCall = unsafe extern "C" fn(c_int, *const c_void, usize, libc::off_t) -> isize;
type TruncateCall = unsafe extern "C" fn(c_int, libc::off_t) -> c_int;
type UnlinkCall = unsafe extern "C" fn(*const c_char) -> c_int;
type LockCall = unsafe extern "C" fn(c_int, c_int, *mut libc::flock) -> c_int;

unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: SQLite passes the arguments that open(2) needs.
    unsafe {
        let makes_it = flags & libc::O_CREAT != 0;
        match makes_it.then(|| before(Operation::Open, path_at(path))) {
            Some(Err(error)) => fail_with(&error) as c_int,
            _ => libc::open(path, flags, mode),
        }
    }
}

unsafe extern "C" fn write(
    file: c_int,
    bytes: *const c_void,
    length: usize,
    at: libc::off_t,
) -> isize {
    // SAFETY: SQLite passes the arguments that pwrite(2) needs.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    if length <= PAGE_MARK_BYTES {
        // SAFETY: as above.
        return unsafe { libc::pwrite(file, bytes.as_ptr().cast(), length, at) };
    }
    let mut at = at;
    let written = injection::write(&path_of(file), bytes, |bytes| {
        // SAFETY: the slice is readable for its length.
        let written = unsafe { libc::pwrite(file, bytes.as_ptr().cast(), bytes.len(), at) };
        at += libc::off_t::try_from(written.max(0)).unwrap_or_default();
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    });
    match written {
        Ok(written) => written as isize,
        Err(error) => fail_with(&error),
    }
}

unsafe extern "C" fn truncate(file: c_int, length: libc::off_t) -> c_int {
    match before(Operation::Truncate, &path_of(file)) {
        // SAFETY: SQLite passes the arguments that ftruncate(2) needs.
        Ok(()) => unsafe { libc::ftruncate(file, length) },
        Err(error) => fail_with(&error) as c_int,
    }
}

unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: SQLite passes the arguments that unlink(2) needs.
    unsafe {
        match before(Operation::Remove, path_at(path)) {
            Ok(()) => libc::unlink(path),
            Err(error) => fail_with(&error) as c_int,
        }
    }
}

/// Only calls that release a lock pass the hook.
unsafe extern "C" fn lock(file: c_int, command: c_int, argument: *mut libc::flock) -> c_int {
    // SAFETY: SQLite passes the arguments that fcntl(2) needs; with this command, the last is a lock. With
    // another one it may be a number, which is only passed on.
    unsafe {
        let releases = command == libc::F_SETLK && c_int::from((*argument).l_type) == libc::F_UNLCK;
        match releases.then(|| before(Operation::Unlock, &path_of(file))) {
            Some(Err(error)) => fail_with(&error) as c_int,
            _ => libc::fcntl(file, command, argument),
        }
    }
}

/// Stops all threads of this process until it gets SIGCONT. The calling thread does nothing meanwhile.
pub(super) fn stop() {
    // A signal to the process could be delivered to another thread, while this one goes on.
    // SAFETY: the call has no conditions.
    let failed = unsafe { libc::raise(libc::SIGSTOP) };
    assert_eq!(failed, 0, "a process can stop itself");
}

/// Return value of a failed system call; the error number is set for the C library.
fn fail_with(error: &io::Error) -> isize {
    let number = error.raw_os_error().unwrap_or(libc::EIO);
    // SAFETY: the pointer is to this thread's own error number.
    unsafe { *libc::__errno_location() = number };
    -1
}

/// The path in a C string.
///
/// # Safety
/// `path` points to a string that ends with a zero byte and outlives the result.
unsafe fn path_at<'a>(path: *const c_char) -> &'a Path {
    // SAFETY: guaranteed by the caller.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    Path::new(OsStr::from_bytes(bytes))
}

/// The path of an open file.
fn path_of(file: c_int) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{file}")).unwrap_or_default()
}
