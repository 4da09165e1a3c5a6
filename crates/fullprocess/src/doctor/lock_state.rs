//! Detects a working run without taking its lock.
//!
//! Trying the lock could make a starting run end with exit code 75. So the kernel's list of locks
//! is read. The list covers this machine or this container only. Without the list, the process
//! named in the lock file counts as a working run while it lives.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use common::{Layout, regular};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// The kernel's list of locks.
const LOCK_LIST: &str = "/proc/locks";

/// State of the run lock.
#[derive(PartialEq)]
pub(super) struct LockState {
    pub(super) holder: Option<Holder>,
    /// Time when the lock was last taken. Two states differ if a run took the lock in between.
    taken_at: Option<SystemTime>,
}

/// Holder of the lock.
#[derive(PartialEq)]
pub(super) struct Holder {
    /// Text of the lock file: program and process.
    pub(super) text: String,
    pub(super) is_alive: bool,
}

impl LockState {
    /// Reads the state of the lock. A missing or unreadable lock file has no holder.
    pub(super) fn read(layout: &Layout) -> Self {
        let path = layout.run_lock();
        let metadata = path.metadata().ok();
        let text = regular::read_to_string(&path).unwrap_or_default();
        let text = text.trim().to_owned();
        let holder = holder_process(&text).and_then(|process| {
            let is_alive = is_alive(process);
            let is_held = match (fs::read_to_string(LOCK_LIST), &metadata) {
                (Ok(list), Some(metadata)) => is_lock_listed(&list, process, metadata.ino()),
                _ => is_alive,
            };
            is_held.then_some(Holder { text, is_alive })
        });
        Self {
            holder,
            taken_at: metadata.and_then(|metadata| metadata.modified().ok()),
        }
    }
}

/// The process number in the text of the lock.
fn holder_process(text: &str) -> Option<i32> {
    let (_, process) = text.rsplit_once("process ")?;
    process.parse().ok()
}

/// True if the list has a lock of `process` on the file with this inode number.
fn is_lock_listed(list: &str, process: i32, inode: u64) -> bool {
    list.lines().any(|line| {
        // "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5308754 0 EOF"
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, _, holder, file, ..] = fields[..] else {
            return false;
        };
        let found = file.rsplit(':').next().and_then(|inode| inode.parse().ok());
        holder.parse() == Ok(process) && found == Some(inode)
    })
}

fn is_alive(process: i32) -> bool {
    // A process of another user cannot be signalled, but it exists.
    Pid::from_raw(process)
        .is_some_and(|process| matches!(test_kill_process(process), Ok(()) | Err(Errno::PERM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_names_process_and_file() {
        let list = "1: POSIX  ADVISORY  READ 77 fe:00:42 128 128\n\
                    2: FLOCK  ADVISORY  WRITE 1234 fe:00:5308754 0 EOF\n\
                    2: -> FLOCK  ADVISORY  WRITE 99 fe:00:42 0 EOF\n";
        assert!(is_lock_listed(list, 1234, 5_308_754));
        assert!(!is_lock_listed(list, 1234, 42));
        assert!(!is_lock_listed(list, 77, 42), "a lock of another kind");
        assert!(!is_lock_listed(list, 99, 42), "one that waits for the lock");
        assert!(!is_lock_listed("no such list", 1, 1));
    }

    #[test]
    fn the_text_of_the_lock_names_a_process() {
        assert_eq!(holder_process("fullprocess, process 1234"), Some(1234));
        assert_eq!(holder_process(""), None);
        assert_eq!(holder_process("process of mine"), None);
        assert!(is_alive(std::process::id() as i32));
        assert!(!is_alive(0));
    }
}
