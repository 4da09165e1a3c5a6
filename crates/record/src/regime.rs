//! The regime: the time from model drift until a model has learned the new world.
//!
//! A fit to one batch is rough, and yet hardly ever trips the score test again. So candidates are
//! tried again while a regime is open, each time its labelled rows have doubled.

use serde::{Deserialize, Serialize};

use crate::decision::Action;
use crate::evidence::Evidence;

/// Number of refused candidates after which a regime closes.
const MAX_REFUSALS: u32 = 2;
/// Number of batches after which a regime closes.
const MAX_BATCHES: usize = 16;

/// An open regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regime {
    /// The run that found the drift.
    pub run: i64,
    /// First row of finaldata.csv that was new to that run.
    pub first_row: u64,
    /// Number of rows of finaldata.csv up to which labels are counted.
    pub counted_rows: u64,
    /// Labelled rows from `first_row` to there.
    pub labelled_rows: u64,
    /// Labelled rows of the regime when a candidate was last tried.
    pub labelled_rows_at_trial: u64,
    /// Candidates that the gate refused.
    pub refusals: u32,
}

impl Regime {
    /// True if candidates may still be tried. `batches` has the first row of each batch of
    /// finaldata.csv.
    pub fn is_open(&self, batches: &[u64]) -> bool {
        let since = batches.iter().filter(|first| **first >= self.first_row);
        self.refusals < MAX_REFUSALS && since.count() <= MAX_BATCHES
    }

    /// The regime after the gate has decided about its candidate.
    pub fn after_gate(self, is_refused: bool) -> Self {
        Self {
            refusals: self.refusals + u32::from(is_refused),
            ..self
        }
    }

    /// Labelled rows with those that are new to a run.
    pub(crate) fn labelled_rows_with(&self, evidence: &Evidence) -> u64 {
        self.labelled_rows + evidence.new_labelled_rows
    }
}

impl Evidence {
    /// True if no model drift was found on the new rows, and the labelled rows since earlier drift have
    /// doubled since a candidate was last tried.
    pub fn is_refit_due(&self) -> bool {
        self.new_labelled_rows > 0
            && !self.has_model_drift()
            && self.regime.is_some_and(|regime| {
                regime.labelled_rows_with(self) >= 2 * regime.labelled_rows_at_trial
            })
    }

    /// The regime after the decision of run `run`, with the candidate of a retrain as tried. `None`
    /// if none is open.
    pub fn regime_after(&self, action: Action, run: i64) -> Option<Regime> {
        let is_tried = action == Action::Retrain;
        if is_tried && self.has_model_drift() {
            return Some(Regime {
                run,
                first_row: self.rows - self.new_rows,
                counted_rows: self.rows,
                labelled_rows: self.new_labelled_rows,
                labelled_rows_at_trial: self.new_labelled_rows,
                refusals: 0,
            });
        }
        let regime = self.regime?;
        if !action.marks_as_evaluated() {
            return Some(regime);
        }
        let labelled_rows = regime.labelled_rows_with(self);
        Some(Regime {
            counted_rows: self.rows,
            labelled_rows,
            labelled_rows_at_trial: match is_tried {
                true => labelled_rows,
                false => regime.labelled_rows_at_trial,
            },
            ..regime
        })
    }
}

#[cfg(test)]
mod tests {
    use diagnostics::Verdict;

    use super::*;
    use crate::decision::tests::judged;

    const OPEN: Regime = Regime {
        run: 4,
        first_row: 100,
        counted_rows: 150,
        labelled_rows: 50,
        labelled_rows_at_trial: 40,
        refusals: 1,
    };

    fn evidence(new_labelled_rows: u64, verdict: Verdict) -> Evidence {
        Evidence {
            rows: 190,
            new_rows: 40,
            new_labelled_rows,
            verdicts: judged(verdict, None).verdicts,
            regime: Some(OPEN),
            ..Evidence::default()
        }
    }

    #[test]
    fn a_candidate_is_tried_again_once_the_labelled_rows_have_doubled() {
        assert!(!evidence(29, Verdict::Ok).is_refit_due());
        assert!(evidence(30, Verdict::Ok).is_refit_due());
        let closed = Evidence {
            regime: None,
            ..evidence(30, Verdict::Ok)
        };
        assert!(!closed.is_refit_due());
        // Without new labels there is nothing new to learn.
        let tried_at_none = Evidence {
            regime: Some(Regime {
                labelled_rows_at_trial: 10,
                ..OPEN
            }),
            ..evidence(0, Verdict::Ok)
        };
        assert!(!tried_at_none.is_refit_due());
    }

    #[test]
    fn new_drift_opens_a_regime_and_closes_the_former() {
        let found = evidence(30, Verdict::Drift).regime_after(Action::Retrain, 9);
        let opened = Regime {
            run: 9,
            first_row: 150,
            counted_rows: 190,
            labelled_rows: 30,
            labelled_rows_at_trial: 30,
            refusals: 0,
        };
        assert_eq!(found, Some(opened));
        // A model that is kept all the same has not been tried against a candidate.
        let kept = evidence(5, Verdict::Drift).regime_after(Action::Keep, 9);
        let counted = Regime {
            counted_rows: 190,
            labelled_rows: 55,
            ..OPEN
        };
        assert_eq!(kept, Some(counted));
    }

    #[test]
    fn labels_are_counted_once_their_rows_are_evaluated() {
        let waiting = evidence(5, Verdict::Ok).regime_after(Action::Wait, 9);
        assert_eq!(waiting, Some(OPEN));
        let tried = evidence(30, Verdict::Ok).regime_after(Action::Retrain, 9);
        let counted = Regime {
            counted_rows: 190,
            labelled_rows: 80,
            labelled_rows_at_trial: 80,
            ..OPEN
        };
        assert_eq!(tried, Some(counted));
    }

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
