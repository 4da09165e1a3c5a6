//! How `ingestion.memory_limit_mib` is shared out.
//!
//! The limit is kept in order of magnitude, not to the byte: what is shared out here takes about
//! half of it at most, joining two runs as much again for a moment. Whatever the limit, the blocks
//! that are being read take about 40 MiB, and the rows that wait for a class, where there are any,
//! a few times the 8 MiB that they may hold, with what finds them.

use common::Layout;
use common::config::IngestionSettings;
use dataset::FingerprintSet;

/// Begins the names of the files of judged fingerprints.
pub(crate) const JUDGED: &str = "judged";

/// The bytes that ingestion may take.
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

    /// Rows that wait to be told from those that are there.
    pub(crate) fn pending(self) -> u64 {
        self.limit / 16
    }

    /// Fingerprints of the rows that are there.
    pub(crate) fn known(self) -> u64 {
        self.limit / 4
    }

    /// An empty set for fingerprints of judged rows.
    pub(crate) fn judged(self, layout: &Layout) -> FingerprintSet {
        FingerprintSet::new(&layout.row_fingerprints(), JUDGED, self.limit / 8)
    }
}
