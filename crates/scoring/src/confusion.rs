//! The confusion matrix of predictions, and the ratios that follow from it.
//!
//! The positive label is 1 (the client left). A ratio with a denominator of 0 is `None`, never 0.

use common::Failure;
use dataset::passes::{self, ClientSums, ScoreGroup};
use dataset::{Selection, Table};
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts of rows by label and prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfusionMatrix {
    /// Rows with a positive label and a positive prediction.
    pub true_positive: u64,
    /// Rows with a negative label and a positive prediction.
    pub false_positive: u64,
    /// Rows with a positive label and a negative prediction.
    pub false_negative: u64,
    /// Rows with a negative label and a negative prediction.
    pub true_negative: u64,
}

impl ConfusionMatrix {
    /// Counts one row: its label and its prediction, each true if positive.
    pub fn count(&mut self, observed: bool, predicted: bool) {
        let cell = match (observed, predicted) {
            (true, true) => &mut self.true_positive,
            (false, true) => &mut self.false_positive,
            (true, false) => &mut self.false_negative,
            (false, false) => &mut self.true_negative,
        };
        *cell += 1;
    }

    /// Counts the rows of a group. `predicted` is true if the positive label is predicted for them.
    pub(crate) fn count_group(&mut self, group: &ScoreGroup, predicted: bool) {
        let [positives, negatives] = match predicted {
            true => [&mut self.true_positive, &mut self.false_positive],
            false => [&mut self.false_negative, &mut self.true_negative],
        };
        *positives += group.positives;
        *negatives += group.negatives;
    }

    /// The sum of two confusion matrices.
    pub fn plus(self, other: Self) -> Self {
        Self {
            true_positive: self.true_positive + other.true_positive,
            false_positive: self.false_positive + other.false_positive,
            false_negative: self.false_negative + other.false_negative,
            true_negative: self.true_negative + other.true_negative,
        }
    }

    /// Number of all rows.
    pub fn rows(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// Number of rows with a positive label.
    pub fn positives(&self) -> u64 {
        self.true_positive + self.false_negative
    }

    /// Number of rows with a negative label.
    pub fn negatives(&self) -> u64 {
        self.false_positive + self.true_negative
    }

    /// F1 of the positive label, `2TP / (2TP + FP + FN)`. `None` if there are neither positive labels
    /// nor positive predictions.
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2 * self.true_positive,
            2 * self.true_positive + self.false_positive + self.false_negative,
        )
    }

    /// Share of the positive predictions that are right; `None` without positive predictions.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Share of the positive labels that are predicted; `None` without positive labels.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.positives())
    }

    /// Share of the negative labels that are predicted; `None` without negative labels.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negative, self.negatives())
    }

    /// Share of the rows with a correct prediction; `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_positive + self.true_negative, self.rows())
    }
}

fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// The confusion matrix of a model on the labelled rows of a selection.
pub fn confusion(
    model: &Model,
    table: &Table,
    selection: &Selection,
) -> Result<ConfusionMatrix, Failure> {
    let expression = model.predictor.expression();
    let labelled = selection.clone().labelled();
    let [
        [true_negative, false_positive],
        [false_negative, true_positive],
    ] = passes::confusion(&expression, model.threshold.log_odds(), table, &labelled)?;
    Ok(ConfusionMatrix {
        true_positive,
        false_positive,
        false_negative,
        true_negative,
    })
}

/// Sums of the true positives of a model on the labelled rows of a selection, by client, for
/// [`f1_interval_by_client`](crate::f1_interval_by_client).
pub fn true_positives(
    model: &Model,
    table: &Table,
    selection: &Selection,
) -> Result<ClientSums, Failure> {
    let expression = model.predictor.expression();
    let labelled = selection.clone().labelled();
    passes::true_positive_sums(&expression, model.threshold.log_odds(), table, &labelled)
}

/// Counts of rows by label and by the predictions of both models.
///
/// The index of a count is 4 · label + 2 · candidate + incumbent, each 0 or 1, as in
/// [`passes::paired_confusion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairedCounts(pub(crate) [u64; 8]);

impl PairedCounts {
    pub(crate) fn candidate(&self) -> ConfusionMatrix {
        let [a, b, c, d, e, f, g, h] = self.0;
        ConfusionMatrix {
            true_positive: g + h,
            false_positive: c + d,
            false_negative: e + f,
            true_negative: a + b,
        }
    }

    pub(crate) fn incumbent(&self) -> ConfusionMatrix {
        let [a, b, c, d, e, f, g, h] = self.0;
        ConfusionMatrix {
            true_positive: f + h,
            false_positive: b + d,
            false_negative: e + g,
            true_negative: a + c,
        }
    }
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
