//! What was expected of predictions, and what became of that.

use scoring::{ConfusionMatrix, Estimate};
use serde::{Deserialize, Serialize};

use super::prediction::Prediction;

/// What is expected of the predictions for the new rows without a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// What the figures are.
    pub kind: EstimateKind,
    /// The figures.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// What stands beside every estimate, so that nobody takes it for a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EstimateKind {
    /// It sees that clients have changed, and not that they leave for other reasons.
    #[serde(rename = "estimate; blind to concept drift")]
    BlindToConceptDrift,
}

/// What the predictions of a run turned out to be worth, on the rows whose class has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Realised {
    /// The run that predicted.
    pub run: i64,
    /// The release that it predicted with.
    pub release: String,
    /// Rows whose class has come so far.
    pub rows: u64,
    /// F1 that was expected of them.
    pub estimated_f1: Option<f64>,
    /// F1 that it was.
    pub realised_f1: Option<f64>,
    /// The second less the first.
    pub difference: Option<f64>,
}

/// What the history keeps of the predictions of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredExpectation {
    release: String,
    expectation: Expectation,
    came: Came,
}

/// The rows whose class has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Came {
    rows: u64,
    /// Expected of them: true positives, false positives and false negatives.
    expected: [f64; 3],
    confusion: ConfusionMatrix,
}

impl StoredExpectation {
    /// Of predictions that a release made, before any class has come.
    pub(super) fn of(release: &str, expectation: Expectation) -> Self {
        Self {
            release: release.to_owned(),
            expectation,
            came: Came::default(),
        }
    }

    /// Adds rows whose class has come.
    pub(super) fn add(&mut self, came: Came) {
        self.came = self.came.plus(came);
    }

    /// How the predictions of that run stand by now.
    pub(super) fn realised(&self, run: i64) -> Realised {
        let [true_positive, false_positive, false_negative] = self.came.expected;
        let all = true_positive + 0.5 * (false_positive + false_negative);
        let estimated_f1 = (all > 0.0).then(|| true_positive / all);
        let realised_f1 = self.came.confusion.f1();
        Realised {
            run,
            release: self.release.clone(),
            rows: self.came.rows,
            estimated_f1,
            realised_f1,
            difference: realised_f1.zip(estimated_f1).map(|(is, was)| is - was),
        }
    }
}

impl Came {
    /// Counts a row whose class has come.
    pub(super) fn add(&mut self, row: &Prediction, class: bool) {
        let p = row.probability;
        let predicts_one = row.forecast().predicts_one;
        let [true_positive, false_positive, false_negative] = &mut self.expected;
        if predicts_one {
            *true_positive += p;
            *false_positive += 1.0 - p;
        } else {
            *false_negative += p;
        }
        self.rows += 1;
        self.confusion.count(class, predicts_one);
    }

    /// These and more of the same run.
    fn plus(self, more: Self) -> Self {
        let [a, b, c] = self.expected;
        let [x, y, z] = more.expected;
        Self {
            rows: self.rows + more.rows,
            expected: [a + x, b + y, c + z],
            confusion: self.confusion.plus(more.confusion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(log_odds: f64, probability: f64) -> Prediction {
        Prediction {
            client: 1,
            row: 1,
            log_odds,
            probability,
            run: 7,
            place: None,
        }
    }

    #[test]
    fn what_came_is_counted_beside_what_was_expected_of_the_same_rows() {
        let (mut first, mut later) = (Came::default(), Came::default());
        first.add(&predicted(2.0, 0.75), true);
        first.add(&predicted(1.0, 0.5), false);
        later.add(&predicted(-1.0, 0.25), true);
        later.add(&predicted(-3.0, 0.0), false);
        let forecasts = [(2.0, 0.75), (1.0, 0.5), (-1.0, 0.25), (-3.0, 0.0)];
        let forecasts = forecasts.map(|(log_odds, p)| predicted(log_odds, p).forecast());
        let estimate = scoring::estimate(&forecasts).unwrap();
        let kind = EstimateKind::BlindToConceptDrift;
        let mut stored = StoredExpectation::of("000001", Expectation { kind, estimate });
        stored.add(first);
        stored.add(later);
        let found = stored.realised(7);
        assert_eq!((found.run, found.rows), (7, 4));
        assert_eq!(found.estimated_f1, estimate.f1);
        // One found, one falsely, one missed.
        assert_eq!(found.realised_f1, Some(0.5));
        assert_eq!(found.difference, Some(0.5 - estimate.f1.unwrap()));
    }
}
