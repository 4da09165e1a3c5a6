//! Counts of the files, rows and API calls of a run.

use common::ledger::RowCounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Numbers of input files, by what the run did with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileCounts {
    /// Files whose rows were ingested.
    pub ingested: usize,
    /// Files that were rejected.
    pub rejected: usize,
    /// Entries that are not client data, such as hidden files.
    pub ignored: usize,
    /// Files left for the next run.
    pub waiting: usize,
    /// Files that were removed since the last run.
    pub removed: usize,
}

/// Numbers of rows in the run's files and in finaldata.csv.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowTotals {
    /// Numbers of rows in the files of this run.
    #[serde(flatten)]
    pub of_files: RowCounts,
    /// Rows that were not evaluated before this run.
    pub new: u64,
    /// Rows of finaldata.csv.
    pub total: u64,
}

/// Results of the API calls at the end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiOutcome {
    /// Number of calls.
    pub calls: usize,
    /// Failed calls, one sentence each.
    pub failures: Vec<String>,
}
