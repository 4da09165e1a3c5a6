//! The calibration of call lists: whether the listed clients left as the model predicted.
//!
//! A campaign that works looks like drift: called clients stay, though the model expects them to leave.
//! Held-out clients are not called, so only they tell whether the probabilities are still right.
//!
//! Predictions are counted separately for each release: those of older models would hide a recent
//! change. The intervals reflect the chance in whether each client leaves, but not the uncertainty
//! of the coefficients.

use std::fmt;

use common::numbers::count;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::NORMAL_97_5;

/// Fewest expected leavers, and fewest expected stayers, for the normal approximation.
const MIN_EXPECTED: f64 = 5.0;

/// Predictions and outcomes of the clients whose labels have arrived, on call lists of one release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallPredictions {
    /// Number of the release that made the predictions.
    pub model_version: String,
    /// Clients that were to be called.
    pub called: PredictedGroup,
    /// Clients that were held out.
    pub held_out: PredictedGroup,
}

/// Observed and expected number of leavers in a group of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedGroup {
    /// Clients whose label has arrived.
    pub clients: u64,
    /// Number of these clients that left.
    pub left: u64,
    /// Expected number of leavers: the sum of the probabilities.
    pub expected: f64,
    /// Variance of the number of leavers, if the probabilities are right: Σ p·(1 − p).
    pub variance: f64,
}

/// Comparison of a release's predictions with the outcomes of the clients on its call lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallCalibration {
    /// Number of the release that made the predictions.
    pub model_version: String,
    /// Clients that were to be called.
    pub called: GroupCalibration,
    /// Clients that were held out. Nobody calls them, so calls do not change their outcome.
    pub held_out: GroupCalibration,
    /// True if calls explain the wrong predictions: predictions are wrong for called clients but
    /// not for held-out clients, and the two groups differ significantly.
    pub only_called_differ: bool,
}

/// Comparison of predictions and labels of a group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCalibration {
    /// The counts.
    #[serde(flatten)]
    pub group: PredictedGroup,
    /// Expected share of leavers; `None` without clients.
    pub expected_share: Option<f64>,
    /// 95 % interval of the number of leavers if the probabilities are right; `None` with too few
    /// clients.
    pub expected_interval: Option<[f64; 2]>,
    /// The verdict.
    pub verdict: CalibrationVerdict,
}

/// Whether the clients of a group left as predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationVerdict {
    /// The number of leavers lies in its 95 % interval.
    Fits,
    /// Significantly fewer clients left.
    FewerLeft,
    /// Significantly more clients left.
    MoreLeft,
    /// Too few clients: fewer than five leavers or five stayers are expected.
    InsufficientData,
}

impl PredictedGroup {
    /// Adds a client: its probability on the list, and whether it left.
    pub(super) fn add(&mut self, probability: f64, left: bool) {
        self.clients += 1;
        self.left += u64::from(left);
        self.expected += probability;
        self.variance += probability * (1.0 - probability);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            clients: self.clients.saturating_add(other.clients),
            left: self.left.saturating_add(other.left),
            expected: self.expected + other.expected,
            variance: self.variance + other.variance,
        }
    }

    /// Observed share of leavers minus the expected one, and the variance of this difference.
    /// `None` with too few clients.
    fn excess(self) -> Option<(f64, f64)> {
        let n = self.clients as f64;
        let is_enough = self.expected >= MIN_EXPECTED && n - self.expected >= MIN_EXPECTED;
        is_enough.then(|| {
            let excess = self.left as f64 - self.expected;
            (excess / n, self.variance / (n * n))
        })
    }

    fn calibration(self) -> GroupCalibration {
        let n = self.clients as f64;
        let reach = NORMAL_97_5 * self.variance.max(0.0).sqrt();
        let verdict = match self.excess() {
            None => CalibrationVerdict::InsufficientData,
            Some((excess, _)) if excess * n > reach => CalibrationVerdict::MoreLeft,
            Some((excess, _)) if excess * n < -reach => CalibrationVerdict::FewerLeft,
            Some(_) => CalibrationVerdict::Fits,
        };
        let interval = [self.expected - reach, self.expected + reach];
        GroupCalibration {
            group: self,
            expected_share: (self.clients > 0).then(|| self.expected / n),
            expected_interval: (verdict != CalibrationVerdict::InsufficientData)
                .then(|| interval.map(|end| end.clamp(0.0, n))),
            verdict,
        }
    }
}

impl CallPredictions {
    /// True if no label has arrived.
    pub fn is_empty(&self) -> bool {
        self.called.clients == 0 && self.held_out.clients == 0
    }

    /// Adds later counts. Later counts of another release replace these.
    #[must_use]
    pub fn followed_by(self, later: Self) -> Self {
        if later.is_empty() {
            return self;
        }
        if later.model_version != self.model_version {
            return later;
        }
        Self {
            called: self.called.plus(later.called),
            held_out: self.held_out.plus(later.held_out),
            ..self
        }
    }

    /// The comparison of predictions and labels; `None` until a label has arrived.
    pub fn calibration(&self) -> Option<CallCalibration> {
        if self.is_empty() {
            return None;
        }
        let (called, held_out) = (self.called.calibration(), self.held_out.calibration());
        let is_different = self
            .called
            .excess()
            .zip(self.held_out.excess())
            .is_some_and(|((called, of_called), (held_out, of_held_out))| {
                let reach = NORMAL_97_5 * (of_called + of_held_out).max(0.0).sqrt();
                (called - held_out).abs() > reach
            });
        // The test of a few held-out clients has little power, so it would pass too often. The
        // groups must therefore also differ significantly.
        let only_called_differ = is_different
            && held_out.verdict == CalibrationVerdict::Fits
            && called.verdict != CalibrationVerdict::Fits;
        Some(CallCalibration {
            model_version: self.model_version.clone(),
            called,
            held_out,
            only_called_differ,
        })
    }
}

impl fmt::Display for CallCalibration {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "predictions of release {} for held-out clients: {}; for called clients: {}",
            self.model_version,
            self.held_out.in_words("the model still fits"),
            self.called.in_words("as predicted")
        )
    }
}

impl GroupCalibration {
    /// The counts and the verdict in words.
    fn in_words(&self, fits: &str) -> String {
        let PredictedGroup {
            clients,
            left,
            expected,
            ..
        } = self.group;
        if clients == 0 {
            return "none has a label yet".into();
        }
        let verdict = match self.verdict {
            CalibrationVerdict::Fits => fits,
            CalibrationVerdict::FewerLeft => "significantly fewer than predicted",
            CalibrationVerdict::MoreLeft => "significantly more than predicted",
            CalibrationVerdict::InsufficientData => "too few clients to compare",
        };
        let (left, clients) = (count(left), count(clients));
        format!("{left} of {clients} left, {expected:.1} expected: {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group of clients with the same probability.
    fn group(clients: u64, left: u64, probability: f64) -> PredictedGroup {
        let mut group = PredictedGroup::default();
        for client in 0..clients {
            group.add(probability, client < left);
        }
        group
    }

    fn predictions(called: PredictedGroup, held_out: PredictedGroup) -> CallPredictions {
        CallPredictions {
            model_version: "000002".into(),
            called,
            held_out,
        }
    }

    #[test]
    fn the_verdict_follows_the_binomial_distribution() {
        use CalibrationVerdict::{FewerLeft, Fits, InsufficientData, MoreLeft};
        // With 100 clients of probability 0.5 the standard deviation is 5.
        for (clients, left, probability, wanted) in [
            (100, 50, 0.5, Fits),
            (100, 41, 0.5, Fits),
            (100, 40, 0.5, FewerLeft),
            (100, 60, 0.5, MoreLeft),
            (9, 0, 0.5, InsufficientData),
            (10, 0, 0.5, FewerLeft),
            (40, 40, 0.9, InsufficientData),
            (0, 0, 0.5, InsufficientData),
        ] {
            let found = group(clients, left, probability).calibration();
            assert_eq!(found.verdict, wanted, "{left} of {clients}");
            let has_interval = found.expected_interval.is_some();
            assert_eq!(has_interval, wanted != InsufficientData);
            assert_eq!(found.expected_share.is_some(), clients > 0);
        }
        let [low, high] = group(100, 50, 0.5).calibration().expected_interval.unwrap();
        assert!((low - 40.2).abs() < 1e-3 && (high - 59.8).abs() < 1e-3);
    }

    #[test]
    fn calling_explains_wrong_predictions_only_if_held_out_clients_leave_as_predicted() {
        for (called, held_out, wanted) in [
            // Calls work, and the model is right.
            (group(43, 12, 0.7), group(40, 28, 0.7), true),
            // The model is wrong about everybody.
            (group(43, 12, 0.7), group(40, 15, 0.7), false),
            // The predictions for the few held-out clients could be as wrong.
            (group(200, 110, 0.7), group(20, 11, 0.7), false),
            // Nothing is wrong.
            (group(43, 30, 0.7), group(40, 28, 0.7), false),
            // Nobody is held out.
            (group(43, 12, 0.7), group(0, 0, 0.7), false),
            (group(43, 12, 0.7), group(4, 3, 0.7), false),
        ] {
            let found = predictions(called, held_out).calibration().unwrap();
            assert_eq!(found.only_called_differ, wanted, "{found}");
        }
    }

    #[test]
    fn counts_of_another_release_start_again() {
        let first = predictions(group(10, 4, 0.5), group(5, 2, 0.5));
        let more = predictions(group(1, 1, 0.5), group(2, 0, 0.5));
        let sum = first.clone().followed_by(more.clone());
        assert_eq!(sum.called, group(11, 5, 0.5));
        assert_eq!(sum.held_out, group(7, 2, 0.5));
        let other = CallPredictions {
            model_version: "000003".into(),
            ..more
        };
        assert_eq!(first.clone().followed_by(other.clone()), other);
        let none = CallPredictions {
            model_version: "000003".into(),
            ..CallPredictions::default()
        };
        assert_eq!(first.clone().followed_by(none), first);
        assert_eq!(CallPredictions::default().followed_by(other.clone()), other);
        assert_eq!(CallPredictions::default().calibration(), None);
    }

    #[test]
    fn the_comparison_is_reported_in_words_and_stored() {
        let found = predictions(group(43, 12, 0.7), group(40, 31, 0.7));
        let found = found.calibration().unwrap();
        assert_eq!(
            found.to_string(),
            "predictions of release 000002 for held-out clients: 31 of 40 left, 28.0 expected: \
             the model still fits; for called clients: 12 of 43 left, 30.1 expected: \
             significantly fewer than predicted"
        );
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(found, serde_json::from_str(&json).unwrap());
        let few = predictions(group(0, 0, 0.7), group(3, 1, 0.5));
        assert_eq!(
            few.calibration().unwrap().to_string(),
            "predictions of release 000002 for held-out clients: 1 of 3 left, 1.5 expected: \
             too few clients to compare; for called clients: none has a label yet"
        );
    }
}
