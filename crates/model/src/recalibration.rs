//! The recalibration of a model, which corrects overconfident or generally too high probabilities.

use serde::{Deserialize, Serialize};

/// A line that maps the log-odds of a prediction to recalibrated log-odds. It is fitted to the
/// labels and the out-of-fold predictions of the training rows.
///
/// A model is overconfident on new rows, because it was fitted to other rows. Out-of-fold
/// predictions show by how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfFoldRecalibration {
    /// Intercept of the line, in log-odds.
    pub intercept: f64,
    /// Slope of the line: factor of the model's log-odds; above 0.
    pub slope: f64,
    /// Covariance of intercept and slope.
    pub covariance: [[f64; 2]; 2],
}

impl OutOfFoldRecalibration {
    /// True if all numbers are finite, the slope is above 0, and `covariance` is a valid covariance
    /// matrix.
    pub fn is_valid(&self) -> bool {
        let [[first, one], [other, second]] = self.covariance;
        let numbers = [self.intercept, self.slope, first, one, other, second];
        numbers.iter().all(|it| it.is_finite())
            && self.slope > 0.0
            && one == other
            && first >= 0.0
            && second >= 0.0
            && one * one <= first * second * (1.0 + 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_recalibration_is_invalid() {
        let valid = OutOfFoldRecalibration {
            intercept: -0.1,
            slope: 0.9,
            covariance: [[0.02, 0.01], [0.01, 0.02]],
        };
        assert!(valid.is_valid());
        let with = |slope, covariance| OutOfFoldRecalibration {
            slope,
            covariance,
            ..valid
        };
        for flawed in [
            with(0.0, valid.covariance),
            with(f64::NAN, valid.covariance),
            with(0.9, [[0.02, 0.01], [0.0, 0.02]]),
            with(0.9, [[-0.02, 0.0], [0.0, 0.02]]),
            with(0.9, [[0.02, 0.03], [0.03, 0.02]]),
            with(0.9, [[f64::INFINITY, 0.0], [0.0, 0.02]]),
        ] {
            assert!(!flawed.is_valid(), "{flawed:?}");
        }
    }
}
