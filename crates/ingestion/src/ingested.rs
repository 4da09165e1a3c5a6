//! The result of an ingestion.

use common::ledger::Ledger;
use dataset::{FingerprintKey, FingerprintSet};

use crate::ingested_rows::IngestedRows;
use crate::report::IngestReport;

/// Result of an ingestion: the report, the new rows and the committed ledger.
pub struct Ingested {
    /// Counts and reasons per file.
    pub report: IngestReport,
    /// The rows after those of `before`. `None` unless the caller asked for them with
    /// [`Keep::Rows`](crate::Keep::Rows) and they fit into memory.
    pub rows: Option<IngestedRows>,
    /// Fingerprints of all rows of finaldata.csv.
    pub known: FingerprintSet,
    /// The ledger before `rows` were appended. Default (zero rows) after a rebuild, when `rows` are
    /// all rows.
    pub before: Ledger,
    /// The committed ledger.
    pub ledger: Ledger,
    /// The key of the fingerprints.
    pub key: FingerprintKey,
}
