//! A file that a stored set refers to.

use std::fmt;
use std::path::PathBuf;

use common::Failure;
use serde::{Deserialize, Serialize};

/// Reference to a file with a sorted list of fingerprints, to open it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFingerprints {
    /// File name.
    pub name: String,
    /// Number of fingerprints.
    pub length: u64,
    /// Checksum over the first fingerprint of each page.
    pub checksum: u32,
}

/// Error: a file of fingerprints is damaged or missing, or cannot be read. The set has to be rebuilt from
/// the rows.
#[derive(Debug)]
pub struct DamagedFingerprints {
    pub(super) path: PathBuf,
}

impl fmt::Display for DamagedFingerprints {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} is damaged or cannot be read; it is rebuilt from finaldata.csv",
            self.path.display()
        )
    }
}

impl std::error::Error for DamagedFingerprints {}

impl DamagedFingerprints {
    /// The error with its exit code, for the case that nobody rebuilds the set.
    pub(super) fn into_error(self) -> anyhow::Error {
        anyhow::Error::new(Failure::input_output("run `ingestion` to rebuild it")).context(self)
    }
}
