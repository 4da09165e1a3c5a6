//! Injects one fault, at the operation that an environment variable names.
//!
//! `RISK_FAULT=KIND:N:LOG`: the fault occurs at the N-th operation that this kind of fault can affect,
//! counted from 1. The operation and its path are then written to the file LOG. If LOG does not exist
//! afterwards, the process made fewer than N such operations.
//!
//! With the kind `stop` nothing fails. In the middle of the N-th change and of each later one, the process
//! stops until it gets SIGCONT. Until then its files are those that a kill at this change leaves.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

use super::operation::Operation::{
    self, Folder, Link, Open, Pass, Remove, Rename, Sync, Unlock, Write as WriteBytes,
};
use super::system_calls::stop;
use crate::Failure;

const VARIABLE: &str = "RISK_FAULT";

/// Kind of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The process is killed in the middle of the change.
    Kill,
    /// The process stops in the middle of this change and of each later one, and then goes on.
    Stop,
    /// The disk is full: this change and later ones fail.
    NoSpace,
    /// The device fails once: only this change fails.
    Broken,
    /// Access is denied: this and all later operations that open, create, rename, link or remove fail.
    Refused,
    /// The rows cannot be reached: this pass fails.
    Unreachable,
    /// A lock cannot be released: only this release fails.
    Unreleased,
}

struct Plan {
    kind: Kind,
    at: u64,
    log: PathBuf,
    /// Operations so far that the fault can affect.
    n_operations: AtomicU64,
    /// Held by the thread that stops the process, so that the changes of threads are stopped at one by one.
    stopping: Mutex<()>,
}

/// Allows an operation, or returns the error that it fails with.
pub(crate) fn before(operation: Operation, path: &Path) -> io::Result<()> {
    match plan().and_then(|plan| plan.fault(operation, path)) {
        Some(fault) => Err(fault.error()),
        None => Ok(()),
    }
}

/// Writes the bytes, or writes half of them and fails. `write` may be called twice, for one half after the
/// other.
pub(crate) fn write(
    path: &Path,
    bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let Some(plan) = plan() else {
        return write(bytes);
    };
    let (first, second) = bytes.split_at(bytes.len() / 2);
    if plan.kind == Kind::Stop {
        let _turn = plan.turn();
        if !plan.counts(WriteBytes) {
            return write(bytes);
        }
        let written = write(first)?;
        plan.stop(WriteBytes, path);
        return match written == first.len() {
            true => Ok(written + write(second)?),
            false => Ok(written),
        };
    }
    match plan.fault(WriteBytes, path) {
        Some(fault) => {
            write(first)?;
            Err(fault.error())
        }
        None => write(bytes),
    }
}

/// Allows a pass over rows, or returns the failure that it ends with. `value` names what the pass
/// computes.
pub fn before_pass(value: &str) -> Result<(), Failure> {
    before(Pass, Path::new(value)).map_err(|_| {
        Failure::input_output(format!("the engine cannot be reached to compute {value}"))
    })
}

fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        Some(Plan::parse(&text).expect("RISK_FAULT is KIND:N:LOG"))
    })
    .as_ref()
}

impl Plan {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        Some(Self {
            kind: match parts.next()? {
                "kill" => Kind::Kill,
                "stop" => Kind::Stop,
                "enospc" => Kind::NoSpace,
                "eio" => Kind::Broken,
                "eacces" => Kind::Refused,
                "pass" => Kind::Unreachable,
                "enolck" => Kind::Unreleased,
                _ => return None,
            },
            at: parts.next()?.parse().ok()?,
            log: parts.next()?.into(),
            n_operations: AtomicU64::new(0),
            stopping: Mutex::new(()),
        })
    }

    /// Waits until no other thread is about to stop the process.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation; true if the process has to stop at it.
    fn counts(&self, operation: Operation) -> bool {
        self.kind.fits(operation) && self.n_operations.fetch_add(1, Ordering::SeqCst) + 1 >= self.at
    }

    fn stop(&self, operation: Operation, path: &Path) {
        self.log(operation, path);
        stop();
    }

    /// The fault that affects this operation, if any.
    fn fault(&self, operation: Operation, path: &Path) -> Option<Kind> {
        if self.kind == Kind::Stop {
            let _turn = self.turn();
            if self.counts(operation) {
                self.stop(operation, path);
            }
            return None;
        }
        if !self.kind.fits(operation) {
            return None;
        }
        let number = self.n_operations.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.at {
            self.log(operation, path);
        }
        let is_hit = number == self.at || (number > self.at && self.kind.lasts());
        is_hit.then_some(self.kind)
    }

    fn log(&self, operation: Operation, path: &Path) {
        let line = format!("{operation:?} {}\n", path.display());
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .and_then(|mut log| log.write_all(line.as_bytes()))
            .expect("the log of the fault can be written");
    }
}

impl Kind {
    fn fits(self, operation: Operation) -> bool {
        match self {
            Self::Unreachable => operation == Pass,
            Self::Unreleased => operation == Unlock,
            // A kill at a sync leaves the same files as a kill at the next change.
            Self::Kill | Self::Stop => !matches!(operation, Sync | Pass | Unlock),
            Self::Broken => !matches!(operation, Pass | Unlock),
            Self::NoSpace => matches!(operation, Folder | Open | WriteBytes | Link),
            Self::Refused => matches!(operation, Folder | Open | Rename | Link | Remove),
        }
    }

    fn lasts(self) -> bool {
        matches!(self, Self::NoSpace | Self::Refused)
    }

    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Kill | Self::Stop => kill(),
            Self::NoSpace => libc::ENOSPC,
            Self::Broken => libc::EIO,
            Self::Refused => libc::EACCES,
            Self::Unreachable => libc::EHOSTUNREACH,
            Self::Unreleased => libc::ENOLCK,
        })
    }
}

/// Ends this process as `kill -9` does.
fn kill() -> ! {
    let failed = kill_process(getpid(), Signal::KILL);
    unreachable!("a process cannot refuse this signal: {failed:?}")
}
