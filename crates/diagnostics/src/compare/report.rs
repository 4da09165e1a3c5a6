//! The result of a comparison.

use std::path::PathBuf;

use serde::Serialize;

use super::check::Verdict;
use super::column::ColumnComparison;
use super::joint::JointCheck;
use super::performance::Performance;

/// Result of comparing two files.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonReport {
    /// The worst verdict of all checks.
    pub verdict: Verdict,
    /// The reference file, taken as correct.
    pub reference: ComparedFile,
    /// The file that may have drifted.
    pub current: ComparedFile,
    /// Joint test over all columns of numbers; `None` when nothing can be tested.
    pub joint: Option<JointCheck>,
    /// Columns that are in both files, in the order of the reference.
    pub columns: Vec<ColumnComparison>,
    /// Columns that are missing in the current file.
    pub only_in_reference: Vec<String>,
    /// Columns that are missing in the reference.
    pub only_in_current: Vec<String>,
    /// Performance of the predictions; `None` when it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<Performance>,
}

/// One of the compared files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Number of rows.
    pub rows: u64,
    /// Number of rows that were left out, because their number of fields differs from the header.
    pub skipped: u64,
    /// Number of clients, if some have several rows: one row of each client is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<u64>,
    /// Warnings from reading the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
