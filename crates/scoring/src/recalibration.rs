//! Recalibration: corrects a model's log-odds by an intercept and a slope (Platt 1999), so that
//! its probabilities are calibrated.

use dataset::FOLDS;
use dataset::passes::{ScoreGroup, groups_of_rows, log_loss};
use model::OutOfFoldRecalibration;
use serde::{Deserialize, Serialize};
use training::{CalibrationLine, calibration_line};

/// A linear function of a model's log-odds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalibration {
    /// Number that is added to the scaled log-odds.
    pub intercept: f64,
    /// The factor of the model's log-odds; above 0.
    pub slope: f64,
}

impl Recalibration {
    /// The recalibration that leaves log-odds as they are.
    pub const NONE: Self = Self {
        intercept: 0.0,
        slope: 1.0,
    };

    /// Recalibrates log-odds of the model. The result is clamped to finite numbers.
    pub fn log_odds(&self, log_odds: f64) -> f64 {
        (self.intercept + self.slope * log_odds).clamp(-f64::MAX, f64::MAX)
    }
}

impl From<&OutOfFoldRecalibration> for Recalibration {
    fn from(of_model: &OutOfFoldRecalibration) -> Self {
        Self {
            intercept: of_model.intercept,
            slope: of_model.slope,
        }
    }
}

impl From<CalibrationLine> for Recalibration {
    fn from(CalibrationLine { intercept, slope }: CalibrationLine) -> Self {
        Self { intercept, slope }
    }
}

/// Fits the recalibration of a model to the log-odds and labels of reference rows, each a client.
///
/// Cross-validation over folds of the rows decides whether recalibration helps: each fold is
/// predicted by a fit to the other folds. If that lowers the log-loss of all rows, the result is the
/// fit to all rows. Otherwise the result is [`Recalibration::NONE`]. It is also the result if a fold
/// cannot be fitted, or if the slope is not above 0.
pub fn recalibrate(rows: &[(f64, bool)]) -> Recalibration {
    helpful_recalibration(rows).unwrap_or(Recalibration::NONE)
}

/// The fit to all rows, if recalibration lowers the log-loss out of fold.
fn helpful_recalibration(rows: &[(f64, bool)]) -> Option<Recalibration> {
    let groups = |is_wanted: &dyn Fn(u64) -> bool| {
        let wanted = rows.iter().zip(0..).filter(|(_, place)| is_wanted(*place));
        groups_of_rows(wanted.map(|(row, _)| *row))
    };
    let (mut before, mut after) = (0.0, 0.0);
    for fold in 0..FOLDS {
        let fitted = fitted(&groups(&|place| place % FOLDS != fold))?;
        for group in groups(&|place| place % FOLDS == fold) {
            before += group.sum(log_loss);
            after += group.sum(|log_odds, label| log_loss(fitted.log_odds(log_odds), label));
        }
    }
    let all = fitted(&groups(&|_| true))?;
    (after < before && all.slope > 0.0).then_some(all)
}

fn fitted(groups: &[ScoreGroup]) -> Option<Recalibration> {
    calibration_line(groups).map(Recalibration::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{cases, numbers};

    fn rows(log_odds: &[f64], labels: &[f64]) -> Vec<(f64, bool)> {
        let rows = log_odds.iter().zip(labels);
        rows.map(|(log_odds, label)| (*log_odds, *label == 1.0))
            .collect()
    }

    #[test]
    fn intercept_and_slope_are_those_of_scikit_learn_where_they_help() {
        for case in cases("recalibrations") {
            let rows = rows(&numbers(&case["log_odds"]), &numbers(&case["classes"]));
            let found = recalibrate(&rows);
            for (name, value) in [("intercept", found.intercept), ("slope", found.slope)] {
                let wanted = case[name].as_f64().unwrap();
                let difference = (value - wanted).abs();
                assert!(
                    difference < 1e-6 * wanted.abs().max(0.1),
                    "{} {found:?}",
                    case["name"]
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_left_as_it_is() {
        let table: [(&str, &[f64], &[f64]); 4] = [
            ("empty", &[], &[]),
            ("one row", &[1.0], &[1.0]),
            ("one label", &[1.0, 2.0, 3.0, -1.0, 0.5, 0.0], &[1.0; 6]),
            (
                "the wrong way round",
                &[3.0, 2.0, 1.0, -1.0, -2.0, -3.0],
                &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0],
            ),
        ];
        for (name, log_odds, labels) in table {
            let rows = rows(log_odds, labels);
            assert_eq!(recalibrate(&rows), Recalibration::NONE, "{name}");
        }
    }
}
