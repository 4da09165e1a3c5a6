//! A regime: the time from model drift until a model has learned the new reasons for leaving.
//!
//! A model that is fitted to one batch is rough, but the score test seldom finds drift of such a
//! model. While a regime is open, another candidate is therefore tried each time the regime's
//! labelled rows have doubled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of refused candidates after which a regime closes.
const MAX_REFUSALS: u32 = 2;
/// Number of batches after which a regime closes.
const MAX_BATCHES: usize = 16;

/// An open regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Regime {
    /// The run that found the drift.
    pub run: i64,
    /// First row of finaldata.csv that was new to that run.
    pub first_row: u64,
    /// Number of rows of finaldata.csv in which labels were counted so far.
    pub counted_rows: u64,
    /// Labelled rows from `first_row` on, in the rows counted so far.
    pub labelled_rows: u64,
    /// The value of `labelled_rows` when a candidate was last tried.
    pub labelled_rows_at_trial: u64,
    /// Number of candidates that the gate refused.
    pub refusals: u32,
}

impl Regime {
    /// True if candidates may still be tried. `batches` has the first row of each batch of
    /// finaldata.csv.
    pub fn is_open(&self, batches: &[u64]) -> bool {
        let since = batches.iter().filter(|first| **first >= self.first_row);
        self.refusals < MAX_REFUSALS && since.count() <= MAX_BATCHES
    }

    /// The regime after the gate has decided about a candidate.
    pub fn after_gate(self, is_refused: bool) -> Self {
        Self {
            refusals: self.refusals + u32::from(is_refused),
            ..self
        }
    }

    /// Number of labelled rows, including those that are new to a run.
    pub(crate) fn labelled_rows_with(&self, new_labelled_rows: u64) -> u64 {
        self.labelled_rows + new_labelled_rows
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const OPEN: Regime = Regime {
        run: 4,
        first_row: 100,
        counted_rows: 150,
        labelled_rows: 50,
        labelled_rows_at_trial: 40,
        refusals: 1,
    };

    #[test]
    fn two_refusals_or_sixteen_batches_close_a_regime() {
        let starts = |count: u64| (0..count).map(|batch| 90 + 10 * batch).collect::<Vec<_>>();
        // The first batch began before the drift.
        assert!(OPEN.is_open(&starts(17)));
        assert!(!OPEN.is_open(&starts(18)));
        assert!(OPEN.after_gate(false).is_open(&[]));
        assert!(!OPEN.after_gate(true).is_open(&[]));
    }
}
