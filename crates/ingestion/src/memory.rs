//! Distribution of `ingestion.memory_limit_mib`.
//!
//! The limit holds in order of magnitude, not to the byte. The shares below add up to about half of
//! it. Some memory does not depend on the limit: blocks being read take about 40 MiB, the newest
//! unlabelled rows about twice their 8 MiB, and the pages of `predictions.db` 16 MiB.

use common::Layout;
use common::config::IngestionSettings;
use dataset::FingerprintSet;

/// Prefix of the names of the files with evaluated fingerprints.
pub(crate) const EVALUATED_RUN_PREFIX: &str = "judged";

/// Prefix of the names of the files with the rows that new files are compared with.
pub(crate) const COMPARED_RUN_PREFIX: &str = "compared";
/// Prefix of the names of the files with the rows that only one new file has.
pub(crate) const OWN_RUN_PREFIX: &str = "own";

/// Memory limit of an ingestion, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    limit: u64,
}

impl Memory {
    pub(crate) fn of(settings: &IngestionSettings) -> Self {
        Self {
            limit: settings.memory_limit_mib.saturating_mul(1024 * 1024),
        }
    }

    /// Bytes for pending rows.
    pub(crate) fn pending_rows(self) -> u64 {
        self.limit / 16
    }

    /// Bytes for the fingerprints of known rows.
    pub(crate) fn known_rows(self) -> u64 {
        self.limit / 4
    }

    /// An empty set for fingerprints of evaluated rows.
    pub(crate) fn evaluated_rows(self, layout: &Layout) -> FingerprintSet {
        self.eighth(layout, EVALUATED_RUN_PREFIX)
    }

    /// An empty set for rows of files that are compared.
    pub(crate) fn compared_rows(self, layout: &Layout, prefix: &'static str) -> FingerprintSet {
        self.eighth(layout, prefix)
    }

    fn eighth(self, layout: &Layout, prefix: &'static str) -> FingerprintSet {
        FingerprintSet::new(&layout.row_fingerprints(), prefix, self.limit / 8)
    }
}
