//! What is wrong with a whole file.

use std::fmt;
use std::io;

use super::header::HeaderFlaw;
use crate::tokenizer::LimitExceeded;

/// Why a file cannot be read as client rows.
#[derive(Debug)]
pub enum FileProblem {
    /// Its content does not serve.
    Unusable(FileFlaw),
    /// It could not be read.
    Unreadable(io::Error),
}

/// What is wrong with the content of a file; its text says why the file is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFlaw {
    /// The header does not serve.
    Header(HeaderFlaw),
    /// A quote is never closed, or a record has no end.
    Syntax(String),
    /// It exceeds a limit of its format.
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
