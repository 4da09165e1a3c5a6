//! The labels that a decision about a model needs.

use common::Config;
use common::numbers::{count, counted};
use serde::{Deserialize, Serialize};

/// Minimum numbers of labels for a decision about a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededLabels {
    /// Minimum number of labelled rows.
    pub rows: u64,
    /// Minimum number of rows of each label.
    pub of_each_label: u64,
}

impl NeededLabels {
    /// The minimum numbers of the configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            rows: config.drift.min_rows,
            of_each_label: config.drift.min_of_each_label,
        }
    }

    /// True if one of the two numbers is smaller than in `other`.
    pub fn is_less_than(self, other: Self) -> bool {
        self.rows < other.rows || self.of_each_label < other.of_each_label
    }

    /// A clause that says which labels there are and which are missing. `None` if there are enough.
    pub fn missing(self, positives: u64, negatives: u64) -> Option<String> {
        let of_positives = self.of_each_label.saturating_sub(positives);
        let of_negatives = self.of_each_label.saturating_sub(negatives);
        let missing = self
            .rows
            .saturating_sub(positives + negatives)
            .max(of_positives + of_negatives);
        (missing > 0).then(|| {
            let rows = positives + negatives;
            let have = if rows == 1 { "has" } else { "have" };
            let are = if missing == 1 { "is" } else { "are" };
            format!(
                "{} {have} a label ({} with label 1, {} with label 0); at least {} are needed, {} of each label: {} {are} missing{}",
                counted(rows, "new row"),
                count(positives),
                count(negatives),
                count(self.rows),
                count(self.of_each_label),
                count(missing),
                among_them(of_positives, of_negatives)
            )
        })
    }
}

/// The end of the clause of [`NeededLabels::missing`]: how many missing labels must be positive and
/// negative.
fn among_them(positives: u64, negatives: u64) -> String {
    let of = |n: u64, label: u8| format!("{} with label {label}", count(n));
    match (positives, negatives) {
        (0, 0) => String::new(),
        (positives, 0) => format!(", {}", of(positives, 1)),
        (0, negatives) => format!(", {}", of(negatives, 0)),
        (positives, negatives) => format!(", {} and {}", of(positives, 1), of(negatives, 0)),
    }
}
