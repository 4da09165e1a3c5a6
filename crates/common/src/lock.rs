//! The run lock, held by every command that writes to the pipeline.
//!
//! The operating system locks an open file. The lock ends with the process that holds it, so a dead run
//! never blocks the next one. The text of the file (process id and program) is only informative.

use std::fs::{OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use anyhow::Context;

use crate::files::{self, OutputFile};
use crate::{Failure, Layout};

/// Proof that this process is the only writer; released on drop.
#[derive(Debug)]
pub struct RunLock {
    _file: OutputFile,
}

impl RunLock {
    /// Takes the lock. Fails with exit code 75, without waiting, when another run holds it.
    pub fn acquire(layout: &Layout, program: &str) -> anyhow::Result<Self> {
        files::create_folder(layout.state())?;
        let path = layout.run_lock();
        let context = || format!("failed to open the lock file {}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = OutputFile::open(&path, &mut options).with_context(context)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text only informs. If it cannot be read, the error still says that the lock
                // is taken.
                let _ = file.file().read_to_string(&mut holder);
                return Err(Failure::busy(format!(
                    "another run is working ({}); nothing was changed, try again when it has ended",
                    holder.trim()
                ))
                .into());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
        let holder = format!("{program}, process {}\n", std::process::id());
        file.truncate(0)
            .and_then(|()| file.file().rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .with_context(|| format!("failed to write {}", path.display()))?;
        Ok(Self { _file: file })
    }
}
