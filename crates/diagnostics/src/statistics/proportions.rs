//! Shares of two samples, and whether they are the same.

use serde::{Deserialize, Serialize};

/// Rows of one sample that have something, and rows that do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows with it.
    pub with: u64,
    /// Rows without it.
    pub without: u64,
}

impl Tally {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.with + self.without
    }

    /// The share with it, 0 to 1; `None` without rows.
    pub fn share(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.with as f64 / self.rows() as f64)
    }
}

/// Whether two samples have the same share of something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareTest {
    /// Chi-square; `None` where p was counted out.
    pub statistic: Option<f64>,
    /// How probable shares as far apart are when both samples have the same.
    pub p_value: f64,
    /// The share in the batch less that in the reference, −1 to 1.
    pub moved: f64,
}
