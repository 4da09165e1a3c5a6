//! Recalibration: corrects a model's log-odds by an intercept and a slope (Platt 1999), so that
//! its probabilities are calibrated.

use dataset::passes::{ScoredRow, log_loss};
use dataset::{FOLDS, Fold, Table};
use model::{Design, OutOfFoldRecalibration};
use serde::{Deserialize, Serialize};
use training::{FitSettings, fit};

/// Inverse strength of a penalty so weak that it changes no digit of the fit.
const UNPENALISED: f64 = 1e12;

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

/// Fits the recalibration of a model to reference rows. `clients` holds the client hash of each
/// row.
///
/// Cross-validation over folds of the clients decides whether recalibration helps: each fold is
/// predicted by a fit to the other folds. If that lowers the log-loss of all labelled rows, the
/// result is the fit to all labelled rows. Otherwise the result is [`Recalibration::NONE`]. It is
/// also the result if a fold cannot be fitted, or if the slope is not above 0.
pub fn recalibrate(scored: &[ScoredRow], clients: &[u64]) -> Recalibration {
    lower_log_loss(scored, clients).unwrap_or(Recalibration::NONE)
}

fn lower_log_loss(scored: &[ScoredRow], clients: &[u64]) -> Option<Recalibration> {
    if clients.len() != scored.len() {
        return None;
    }
    let table = Table::of_columns(
        vec![scored.iter().map(|row| row.log_odds).collect()],
        scored.iter().map(|row| row.label).collect(),
        clients.to_vec(),
    );
    let (mut before, mut after) = (0.0, 0.0);
    for fold in 0..FOLDS {
        let fitted = fitted(&table, Fold::Outside(fold))?;
        let inside = scored.iter().zip(clients);
        let inside = inside.filter(|(_, client)| *client % FOLDS == fold);
        for (row, _) in inside {
            if let Some(label) = row.label {
                before += log_loss(row.log_odds, label);
                after += log_loss(fitted.log_odds(row.log_odds), label);
            }
        }
    }
    let all = fitted(&table, Fold::Any)?;
    (after < before && all.slope > 0.0).then_some(all)
}

fn fitted(table: &Table, clients: Fold) -> Option<Recalibration> {
    let settings = FitSettings { c: UNPENALISED };
    let rows = table.labelled().of_fold(clients);
    let predictor = fit(&settings, &Design::default(), table, &rows)
        .ok()?
        .predictor;
    Some(Recalibration {
        intercept: predictor.intercept,
        slope: *predictor.coefficients.first()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{cases, numbers};

    fn rows(log_odds: &[f64], classes: &[f64]) -> (Vec<ScoredRow>, Vec<u64>) {
        let scored = log_odds
            .iter()
            .zip(classes)
            .map(|(log_odds, class)| ScoredRow {
                log_odds: *log_odds,
                label: Some(*class == 1.0),
            });
        (scored.collect(), (0..log_odds.len() as u64).collect())
    }

    #[test]
    fn intercept_and_slope_are_those_of_scikit_learn_where_they_help() {
        for case in cases("recalibrations") {
            let (scored, clients) = rows(&numbers(&case["log_odds"]), &numbers(&case["classes"]));
            let found = recalibrate(&scored, &clients);
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
            ("one class", &[1.0, 2.0, 3.0, -1.0, 0.5, 0.0], &[1.0; 6]),
            (
                "the wrong way round",
                &[3.0, 2.0, 1.0, -1.0, -2.0, -3.0],
                &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0],
            ),
        ];
        for (name, log_odds, classes) in table {
            let (scored, clients) = rows(log_odds, classes);
            assert_eq!(
                recalibrate(&scored, &clients),
                Recalibration::NONE,
                "{name}"
            );
        }
        let (scored, _) = rows(&[1.0, -1.0], &[1.0, 0.0]);
        assert_eq!(recalibrate(&scored, &[]), Recalibration::NONE);
    }
}
