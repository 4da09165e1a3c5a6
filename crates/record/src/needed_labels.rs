//! The labels that a decision about a model needs.

use common::Config;
use serde::{Deserialize, Serialize};

/// Fewest labels that a decision about a model needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededLabels {
    /// Labelled rows.
    pub rows: u64,
    /// Rows of either label among them.
    pub of_each_label: u64,
}

impl NeededLabels {
    /// The limits that the configuration sets.
    pub fn of(config: &Config) -> Self {
        Self {
            rows: config.drift.min_rows,
            of_each_label: config.drift.min_of_each_label,
        }
    }

    /// True if a decision needs fewer labels of some kind than with other limits.
    pub fn is_less_than(self, other: Self) -> bool {
        self.rows < other.rows || self.of_each_label < other.of_each_label
    }

    /// Which labels are there and which are missing, as the end of a sentence; `None` when there
    /// are enough.
    pub fn missing(self, positives: u64, negatives: u64) -> Option<String> {
        let of_positives = self.of_each_label.saturating_sub(positives);
        let of_negatives = self.of_each_label.saturating_sub(negatives);
        let missing = self
            .rows
            .saturating_sub(positives + negatives)
            .max(of_positives + of_negatives);
        (missing > 0).then(|| {
            format!(
                "({positives} with label 1, {negatives} with label 0); {} are needed, {} of each label; missing: {missing}{}",
                self.rows,
                self.of_each_label,
                among_them(of_positives, of_negatives)
            )
        })
    }
}

/// How many of the missing labels must be of one kind.
fn among_them(positives: u64, negatives: u64) -> String {
    match (positives, negatives) {
        (0, 0) => String::new(),
        (positives, 0) => format!(", {positives} of them with label 1"),
        (0, negatives) => format!(", {negatives} of them with label 0"),
        (positives, negatives) => {
            format!(", {positives} of them with label 1 and {negatives} with label 0")
        }
    }
}
