//! Exit codes, and the error that carries one.
//!
//! The codes follow the BSD convention of `sysexits.h`. An error without a code is classified by
//! its causes: an I/O or history error is 74, everything else is 1.

use std::io;

use thiserror::Error;

use crate::history;

/// How a program ended; the number is the exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work was done, whatever its outcome.
    Done = 0,
    /// Something unexpected happened.
    Unexpected = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The data cannot be used for the request.
    DataUnusable = 65,
    /// The API did not answer as expected.
    ApiFailed = 69,
    /// A file or folder could not be read or written.
    InputOutput = 74,
    /// Another run holds the lock.
    Busy = 75,
    /// The configuration is wrong.
    Configuration = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An expected error: the message says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{message}")]
pub struct Failure {
    /// Exit code of the program.
    pub exit: Exit,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Failure {
    /// The data cannot be used for the request.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Exit::DataUnusable, message)
    }

    /// The configuration is wrong.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, message)
    }

    /// Another run holds the lock.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Exit::Busy, message)
    }

    /// The API did not answer as expected.
    pub fn api(message: impl Into<String>) -> Self {
        Self::new(Exit::ApiFailed, message)
    }

    /// A file has the wrong content.
    pub fn input_output(message: impl Into<String>) -> Self {
        Self::new(Exit::InputOutput, message)
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

/// The exit code of an error chain: the first cause with a code decides.
pub fn classify(error: &anyhow::Error) -> Exit {
    error
        .chain()
        .find_map(|cause| {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return Some(failure.exit);
            }
            let is_storage = cause.is::<io::Error>()
                || cause.is::<rusqlite::Error>()
                || cause.is::<history::Damaged>();
            is_storage.then_some(Exit::InputOutput)
        })
        .unwrap_or(Exit::Unexpected)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_first_known_cause_decides() {
        let data: anyhow::Result<()> = Err(Failure::data("one class only")).context("training");
        assert_eq!(classify(&data.unwrap_err()), Exit::DataUnusable);

        let storage: anyhow::Result<()> =
            Err(io::Error::other("disk full")).context("failed to write");
        assert_eq!(classify(&storage.unwrap_err()), Exit::InputOutput);

        assert_eq!(classify(&anyhow::anyhow!("odd")), Exit::Unexpected);
    }
}
