//! The recalibration of a model by its out-of-fold predictions.

use dataset::FOLDS;
use dataset::passes::{ScoreGroup, probability};
use model::OutOfFoldRecalibration;

use crate::calibration_line::{CalibrationLine, calibration_line};

/// Maximum variance of the intercept. If predictions separate the labels, the variance grows without a limit.
const MAX_VARIANCE: f64 = 25.0;

/// The logistic regression of the labels on the log-odds of out-of-fold predictions. Groups are in
/// ascending order of log-odds.
///
/// `None` without rows, if all rows have one label, if the predictions separate the labels, or if they
/// do not rise with the labels.
pub(crate) fn recalibration(groups: &[ScoreGroup]) -> Option<OutOfFoldRecalibration> {
    let CalibrationLine { intercept, slope } = calibration_line(groups)?;
    // The inverse of the curvature.
    let [mut all, mut sum, mut squares] = [0.0; 3];
    for group in groups {
        let p = probability(intercept + slope * group.log_odds);
        let weight = group.rows() as f64 * p * (1.0 - p);
        all += weight;
        sum += weight * group.log_odds;
        squares += weight * group.log_odds * group.log_odds;
    }
    let determinant = all * squares - sum * sum;
    // Other training rows would have given another model. The more the model overfits, the more such models
    // differ. The factor was chosen by simulation.
    let factor = 1.0 + (1.0 / slope - 1.0).max(0.0) / 2.0;
    let inverse = [[squares, -sum], [-sum, all]];
    let covariance = inverse.map(|line| line.map(|it| it * factor / determinant));
    let found = OutOfFoldRecalibration {
        intercept,
        slope: of_all_rows(slope),
        covariance,
    };
    let is_sure = covariance[0][0] <= MAX_VARIANCE;
    (found.is_valid() && is_sure).then_some(found)
}

/// Converts the slope for fits to all folds except one into the slope for a fit to all rows.
///
/// A fit to fewer rows has more variance, which makes the slope smaller. The slope is 1 / (1 + v). Here v
/// is the variance that the fit adds to the log-odds, divided by their own variance; v is inversely
/// proportional to the number of rows.
fn of_all_rows(slope: f64) -> f64 {
    let share = (FOLDS - 1) as f64 / FOLDS as f64;
    match slope > 0.0 && slope < 1.0 {
        true => 1.0 / (1.0 + share * (1.0 / slope - 1.0)),
        false => slope,
    }
}

#[cfg(test)]
mod tests {
    use dataset::passes::merged;

    use super::*;

    /// A thousand rows of each of two log-odds, of which the given shares are positive.
    fn of_shares(log_odds: f64, [low, high]: [u64; 2]) -> Vec<ScoreGroup> {
        let group = |log_odds: f64, positives: u64| ScoreGroup {
            log_odds,
            negatives: 1000 - positives,
            positives,
        };
        merged(vec![group(-log_odds, low), group(log_odds, high)])
    }

    #[test]
    fn predictions_that_are_too_sure_are_drawn_to_the_middle() {
        // The labels' log-odds are ±1.0986, half of the predicted ones. A fit to all rows adds less
        // variance: 1 / (1 + 0.8).
        let found = recalibration(&of_shares(2.197_2, [250, 750])).unwrap();
        let too_flat = recalibration(&of_shares(0.549_3, [250, 750])).unwrap();
        assert!((too_flat.slope - 2.0).abs() < 1e-3, "{too_flat:?}");
        assert!(
            (found.slope - 0.555_6).abs() < 1e-3 && found.intercept.abs() < 1e-6,
            "{found:?}"
        );
        // 2,000 rows of weight 0.1875 give the intercept a variance of 1 / 375. The factor for a slope of
        // one half is 1.5.
        assert!(
            (found.covariance[0][0] * 375.0 - 1.5).abs() < 1e-3,
            "{found:?}"
        );
        assert!(
            (found.covariance[1][1] * 375.0 * 4.828 - 1.5).abs() < 1e-3,
            "{found:?}"
        );
    }

    #[test]
    fn what_cannot_be_fitted_gives_none() {
        assert_eq!(recalibration(&[]), None);
        assert_eq!(recalibration(&of_shares(1.0, [0, 0])), None);
        assert_eq!(recalibration(&of_shares(1.0, [750, 250])), None);
        assert_eq!(recalibration(&of_shares(1.0, [0, 1000])), None);
        assert_eq!(recalibration(&of_shares(0.0, [250, 750])), None);
    }
}
