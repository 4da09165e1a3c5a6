//! The rows that a model is fitted to: all rows, or only the newest ones.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of finaldata.csv that a model is fitted to. A window always ends with the newest row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "window", content = "batches")]
pub enum Window {
    /// All rows.
    AllRows,
    /// The rows from the first new row of the run that found the drift.
    SinceDrift,
    /// The rows of this many newest batches; at least 1.
    LastBatches(u32),
}

/// A training window, and the log-loss on the gate rows of a model that is fitted to this window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowResult {
    /// The window.
    #[serde(flatten)]
    pub window: Window,
    /// Position of its first row in finaldata.csv, from 0.
    pub first_row: u64,
    /// Number of labelled rows in the window.
    pub labelled_rows: u64,
    /// Mean out-of-fold log-loss on the gate rows; `None` if the window was left out.
    pub log_loss: Option<f64>,
    /// P-value of a one-sided paired t-test that this log-loss is lower than the log-loss of the window of
    /// all rows. `None` for the window of all rows, for a window that was left out, or if the differences
    /// have no spread.
    pub p_value: Option<f64>,
    /// The reason why the window was left out; `None` if it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// True for the window that the candidate is fitted to.
    pub is_chosen: bool,
}

impl fmt::Display for Window {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllRows => to.write_str("all rows"),
            Self::SinceDrift => to.write_str("rows since the drift was found"),
            Self::LastBatches(1) => to.write_str("last batch"),
            Self::LastBatches(batches) => write!(to, "last {batches} batches"),
        }
    }
}
