//! A run that a stored set refers to.

use std::fmt;
use std::path::PathBuf;

use common::Failure;
use serde::{Deserialize, Serialize};

/// Reference to a run in a file, to open it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRun {
    /// File name.
    pub name: String,
    /// Number of fingerprints.
    pub length: u64,
    /// Checksum over the first fingerprint of each page.
    pub checksum: u32,
}

/// Error: a file of fingerprints is damaged or missing. The set has to be rebuilt from the rows.
#[derive(Debug)]
pub struct DamagedRun {
    pub(super) path: PathBuf,
}

impl fmt::Display for DamagedRun {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} was damaged or removed; it is rebuilt from finaldata.csv",
            self.path.display()
        )
    }
}

impl std::error::Error for DamagedRun {}

impl DamagedRun {
    /// The error with its exit code, for the case that nobody rebuilds the set.
    pub(super) fn into_error(self) -> anyhow::Error {
        anyhow::Error::new(Failure::input_output("run `ingestion` to rebuild it")).context(self)
    }
}
