//! The explanations in an answer: how much each feature adds to a prediction's log-odds.

use model::{Model, Scorer};
use serde::Serialize;
use serde::ser::Serializer;

use crate::payload::RequestRows;

/// The explanation of each row. Each is made while it is written, because all of them together take
/// more memory than the rows.
#[derive(Debug)]
pub(super) struct Explanations<'a> {
    /// The names of the features, in schema order, and then those of pairs.
    names: Vec<String>,
    scorer: Scorer<'a>,
    rows: &'a RequestRows,
}

impl<'a> Explanations<'a> {
    pub(super) fn new(model: &'a Model, scorer: Scorer<'a>, rows: &'a RequestRows) -> Self {
        Self {
            names: model.contribution_names(),
            scorer,
            rows,
        }
    }
}

impl Serialize for Explanations<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let base = self.scorer.base();
        to.collect_seq(self.rows.iter().map(|row| Explanation {
            base,
            contributions: Contributions {
                names: &self.names,
                values: self.scorer.contributions(row),
            },
        }))
    }
}

/// The log-odds of one row: the sum of `base` and all contributions.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    /// Log-odds of the mean training row.
    base: f64,
    contributions: Contributions<'a>,
}

/// The contribution of each feature, in schema order, and then of each pair.
#[derive(Debug)]
struct Contributions<'a> {
    names: &'a [String],
    values: Vec<f64>,
}

impl Serialize for Contributions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.names.iter().zip(&self.values))
    }
}
