//! The reasons why a whole file cannot be used.

use std::fmt;
use std::io;

use super::header::HeaderFlaw;
use crate::tokenizer::LimitExceeded;

/// A reason why a file cannot be read as client rows.
#[derive(Debug)]
pub enum FileProblem {
    /// The content of the file is unusable.
    Unusable(FileFlaw),
    /// The file could not be read.
    Unreadable(io::Error),
}

/// What is wrong with the content of a file. Its text says why the file is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFlaw {
    /// The header is unusable.
    Header(HeaderFlaw),
    /// A quote is never closed, a record has no end, or the decimal mark is not clear.
    Syntax(String),
    /// The file exceeds a limit of its format.
    Exceeded(LimitExceeded),
}

impl From<HeaderFlaw> for FileFlaw {
    fn from(flaw: HeaderFlaw) -> Self {
        Self::Header(flaw)
    }
}

impl fmt::Display for FileFlaw {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(flaw) => flaw.fmt(to),
            Self::Syntax(reason) => to.write_str(reason),
            Self::Exceeded(limit) => limit.fmt(to),
        }
    }
}
