//! The confusion matrix of a two-class model, and the ratios read from it.
//!
//! The positive class is 1 (the client left). Every ratio whose denominator is zero is `None`, never a silent 0.

use serde::{Deserialize, Serialize};

/// Counts of rows by observed and predicted class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// Left, and predicted to leave.
    pub true_positive: u64,
    /// Stayed, but predicted to leave.
    pub false_positive: u64,
    /// Left, but predicted to stay.
    pub false_negative: u64,
    /// Stayed, and predicted to stay.
    pub true_negative: u64,
}

impl ConfusionMatrix {
    /// Counts one row.
    pub fn count(&mut self, observed: bool, predicted: bool) {
        let cell = match (observed, predicted) {
            (true, true) => &mut self.true_positive,
            (false, true) => &mut self.false_positive,
            (true, false) => &mut self.false_negative,
            (false, false) => &mut self.true_negative,
        };
        *cell += 1;
    }

    /// The counts of these rows and others together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            true_positive: self.true_positive + other.true_positive,
            false_positive: self.false_positive + other.false_positive,
            false_negative: self.false_negative + other.false_negative,
            true_negative: self.true_negative + other.true_negative,
        }
    }

    /// Rows counted.
    pub fn rows(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// Rows observed in class 1.
    pub fn positives(&self) -> u64 {
        self.true_positive + self.false_negative
    }

    /// Rows observed in class 0.
    pub fn negatives(&self) -> u64 {
        self.false_positive + self.true_negative
    }

    /// F1 of class 1, `2TP / (2TP + FP + FN)`; `None` when nothing is observed or predicted in class 1.
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2 * self.true_positive,
            2 * self.true_positive + self.false_positive + self.false_negative,
        )
    }

    /// Share of the predicted leavers that left; `None` when nobody is predicted to leave.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Share of the leavers that were predicted; `None` when nobody left.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.positives())
    }

    /// Share of the stayers that were predicted to stay; `None` when nobody stayed.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negative, self.negatives())
    }

    /// Share of the rows predicted right; `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_positive + self.true_negative, self.rows())
    }
}

fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_follow_the_counts() {
        let matrix = ConfusionMatrix {
            true_positive: 2,
            false_positive: 1,
            false_negative: 1,
            true_negative: 6,
        };
        assert_eq!(matrix.rows(), 10);
        assert_eq!(matrix.f1(), Some(4.0 / 6.0));
        assert_eq!(matrix.precision(), Some(2.0 / 3.0));
        assert_eq!(matrix.recall(), Some(2.0 / 3.0));
        assert_eq!(matrix.specificity(), Some(6.0 / 7.0));
        assert_eq!(matrix.accuracy(), Some(0.8));
    }

    #[test]
    fn an_empty_denominator_is_none() {
        let mut matrix = ConfusionMatrix::default();
        assert_eq!(matrix.f1(), None);
        assert_eq!(matrix.accuracy(), None);
        matrix.count(false, false);
        assert_eq!(matrix.f1(), None);
        assert_eq!(matrix.recall(), None);
        assert_eq!(matrix.accuracy(), Some(1.0));
    }
}
