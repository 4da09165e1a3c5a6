//! The policies that the pipeline is compared with. Each fits a model after every batch, without a
//! gate, to the rows that it chooses.

use std::fmt;

use crate::weighted_fit::Part;

/// Minimum number of labelled rows, and of rows of each label, that a model is fitted to.
const MIN_ROWS: usize = 20;
const MIN_OF_EACH_LABEL: usize = 1;
/// Rows of a smaller weight are left out.
const MIN_WEIGHT: f64 = 1e-6;

/// A policy: it chooses the rows that the next model is fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Policy {
    /// The first model stays.
    Never,
    AllRows,
    /// The rows of the last batches.
    Last(usize),
    /// All rows; the weight of a batch falls by this factor with each later one.
    Forgetting(f64),
    /// The rows since the true change, which only a simulation knows.
    SinceChange,
}

/// A policy with the columns of its models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) policy: Policy,
    pub(crate) columns: Columns,
}

/// The columns of a policy's models. They are chosen for the first rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Columns {
    /// Those of the pipeline's first model, with its penalty.
    OfFirstModel,
    /// A straight line for each number.
    Lines,
}

pub(crate) const POLICIES: [Policy; 14] = [
    Policy::Never,
    Policy::AllRows,
    Policy::Last(1),
    Policy::Last(2),
    Policy::Last(3),
    Policy::Last(5),
    Policy::Last(10),
    Policy::Last(20),
    Policy::Forgetting(0.5),
    Policy::Forgetting(0.7),
    Policy::Forgetting(0.8),
    Policy::Forgetting(0.9),
    Policy::Forgetting(0.95),
    Policy::SinceChange,
];

/// The labelled rows so far, batch by batch. The first rows count as a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    batches: Vec<LearnedBatch>,
}

#[derive(Clone, Copy, Debug)]
struct LearnedBatch {
    /// Position after its last row.
    end: usize,
    rows: usize,
    positives: usize,
    /// True if this is the first batch after a change.
    is_change: bool,
}

impl Learned {
    /// Adds a batch that ends before position `end`, with the labels of its rows.
    pub(crate) fn push(&mut self, end: usize, labels: &[Option<bool>], is_change: bool) {
        let known = labels.iter().flatten();
        self.batches.push(LearnedBatch {
            end,
            rows: known.clone().count(),
            positives: known.filter(|left| **left).count(),
            is_change,
        });
    }

    /// Number of batches so far.
    fn count(&self) -> usize {
        self.batches.len()
    }

    fn start(&self, batch: usize) -> usize {
        batch
            .checked_sub(1)
            .map_or(0, |before| self.batches[before].end)
    }

    fn end(&self) -> usize {
        self.start(self.count())
    }

    /// True if a model can be fitted to the rows from a batch on.
    fn is_enough(&self, batch: usize) -> bool {
        let sum = |number: fn(&LearnedBatch) -> usize| -> usize {
            self.batches[batch..].iter().map(number).sum()
        };
        let (rows, positives) = (sum(|batch| batch.rows), sum(|batch| batch.positives));
        rows >= MIN_ROWS && positives.min(rows - positives) >= MIN_OF_EACH_LABEL
    }

    /// The rows from one of these batches on: the latest batch from which on there are enough rows.
    fn since(&self, mut batches: impl Iterator<Item = usize>) -> Vec<Part> {
        let from = batches.find(|batch| self.is_enough(*batch)).unwrap_or(0);
        vec![Part {
            rows: self.start(from)..self.end(),
            weight: 1.0,
        }]
    }

    /// The rows that a policy fits a model to now; `None` if it keeps its model.
    pub(crate) fn parts(&self, policy: Policy) -> Option<Vec<Part>> {
        let newest = self.count() - 1;
        Some(match policy {
            Policy::Never => return None,
            Policy::AllRows => self.since(0..1),
            Policy::Last(batches) => self.since((0..=(newest + 1).saturating_sub(batches)).rev()),
            Policy::SinceChange => {
                let is_change = |batch: &usize| self.batches[*batch].is_change;
                self.since((0..=newest).rev().filter(is_change))
            }
            Policy::Forgetting(factor) => (0..=newest)
                .map(|batch| Part {
                    rows: self.start(batch)..self.batches[batch].end,
                    weight: factor.powi((newest - batch) as i32),
                })
                .filter(|part| part.weight >= MIN_WEIGHT)
                .collect(),
        })
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.columns {
            Columns::OfFirstModel => self.policy.fmt(to),
            Columns::Lines => write!(to, "{}, lines", self.policy),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => to.write_str("never"),
            Self::AllRows => to.write_str("all rows"),
            Self::Last(batches) => write!(to, "last {batches}"),
            Self::Forgetting(factor) => write!(to, "forget {factor}"),
            Self::SinceChange => to.write_str("since change"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Learned {
        let mut learned = Learned::default();
        let labels = [Some(true), Some(false)].repeat(50);
        learned.push(100, &labels, false);
        learned.push(200, &labels, false);
        learned.push(300, &labels, true);
        // The last batch has one label only.
        learned.push(400, &[Some(true); 100], false);
        learned
    }

    fn rows(policy: Policy) -> std::ops::Range<usize> {
        learned().parts(policy).expect("rows")[0].rows.clone()
    }

    #[test]
    fn a_window_has_its_batches_or_the_next_longer_one() {
        assert_eq!(rows(Policy::AllRows), 0..400);
        assert_eq!(rows(Policy::Last(2)), 200..400);
        assert_eq!(rows(Policy::Last(1)), 200..400);
        assert_eq!(rows(Policy::Last(3)), 100..400);
        assert_eq!(rows(Policy::Last(9)), 0..400);
        assert_eq!(rows(Policy::SinceChange), 200..400);
        assert_eq!(learned().parts(Policy::Never), None);
    }

    #[test]
    fn a_change_without_enough_rows_keeps_the_rows_since_the_change_before() {
        let mut learned = learned();
        learned.push(500, &[None; 100], true);
        let parts = learned.parts(Policy::SinceChange).expect("rows");
        assert_eq!(parts[0].rows, 200..500);
    }

    #[test]
    fn forgetting_halves_the_weight_with_each_later_batch() {
        let parts = learned().parts(Policy::Forgetting(0.5)).expect("rows");
        let found: Vec<_> = parts
            .iter()
            .map(|part| (part.rows.start, part.weight))
            .collect();
        assert_eq!(found, [(0, 0.125), (100, 0.25), (200, 0.5), (300, 1.0)]);
    }
}
