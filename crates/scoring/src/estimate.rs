//! The estimated performance of a model on rows that have no label yet.
//!
//! Calibrated probabilities tell how many predictions are right (confidence-based performance
//! estimation). An estimate shows that clients have changed. It is blind to concept drift, where
//! the same client leaves for another reason than before.

use dataset::passes::probability;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recalibration::Recalibration;

/// A model's prediction for one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Score of the row: a higher score means a higher risk, in any unit.
    pub score: f64,
    /// Calibrated probability of the positive label, 0 to 1.
    pub probability: f64,
    /// True if the positive label is predicted.
    pub predicts_positive: bool,
}

/// The estimated performance of a model. It is blind to concept drift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Number of rows.
    pub rows: u64,
    /// Expected share of positive labels.
    pub prevalence: f64,
    /// Expected number of rows with a positive label and a positive prediction.
    pub true_positive: f64,
    /// Expected number of rows with a negative label and a positive prediction.
    pub false_positive: f64,
    /// Expected number of rows with a positive label and a negative prediction.
    pub false_negative: f64,
    /// Expected number of rows with a negative label and a negative prediction.
    pub true_negative: f64,
    /// F1 of the positive label; `None` if no positive label is expected or predicted.
    pub f1: Option<f64>,
    /// Precision; `None` without positive predictions.
    pub precision: Option<f64>,
    /// Recall; `None` if no positive label is expected.
    pub recall: Option<f64>,
    /// Accuracy: the expected share of correct predictions.
    pub accuracy: f64,
    /// Area under the ROC curve; `None` if only one label is expected.
    pub roc_auc: Option<f64>,
}

/// Forecasts for rows that were scored by a model with threshold one half. Recalibration changes
/// the probabilities, but not the predictions.
pub fn forecasts(log_odds: &[f64], recalibration: &Recalibration) -> Vec<Forecast> {
    let forecast = |row: &f64| Forecast {
        score: *row,
        probability: probability(recalibration.log_odds(*row)),
        predicts_positive: *row > 0.0,
    };
    log_odds.iter().map(forecast).collect()
}

/// Estimates the performance of a model from its forecasts.
///
/// Let p be a row's probability of the positive label. A row with a positive prediction adds p to
/// the true positives and 1 − p to the false positives. A row with a negative prediction adds p to
/// the false negatives and 1 − p to the true negatives.
///
/// `None` without rows, if a score is NaN, or if a probability is not from 0 to 1.
pub fn estimate(forecasts: &[Forecast]) -> Option<Estimate> {
    let is_usable = |row: &Forecast| (0.0..=1.0).contains(&row.probability) && !row.score.is_nan();
    if forecasts.is_empty() || !forecasts.iter().all(is_usable) {
        return None;
    }
    let sum = |predicts_positive: bool, of: fn(f64) -> f64| -> f64 {
        let rows = forecasts
            .iter()
            .filter(|row| row.predicts_positive == predicts_positive);
        // An empty sum of floats is −0; adding 0 makes it 0.
        rows.map(|row| of(row.probability)).sum::<f64>() + 0.0
    };
    let (true_positive, false_positive) = (sum(true, |p| p), sum(true, |p| 1.0 - p));
    let (false_negative, true_negative) = (sum(false, |p| p), sum(false, |p| 1.0 - p));
    let count = forecasts.len() as f64;
    let positives = true_positive + false_negative;
    let misses = 0.5 * (false_positive + false_negative);
    Some(Estimate {
        rows: forecasts.len() as u64,
        prevalence: positives / count,
        f1: ratio(true_positive, true_positive + misses),
        precision: ratio(true_positive, true_positive + false_positive),
        recall: ratio(true_positive, positives),
        accuracy: (true_positive + true_negative) / count,
        roc_auc: roc_auc(forecasts, positives, count - positives),
        true_positive,
        false_positive,
        false_negative,
        true_negative,
    })
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// The area under the curve of expected rates, by trapezoids. Rows of equal score form one step.
fn roc_auc(forecasts: &[Forecast], positives: f64, negatives: f64) -> Option<f64> {
    let mut rows = forecasts.to_vec();
    rows.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    let (mut found, mut area) = (0.0, 0.0);
    for ties in rows.chunk_by(|a, b| a.score == b.score) {
        let more: f64 = ties.iter().map(|row| row.probability).sum();
        let width: f64 = ties.iter().map(|row| 1.0 - row.probability).sum();
        area += width * (found + more / 2.0);
        found += more;
    }
    let area = ratio(area, positives * negatives)?;
    // Rounding errors can move the area slightly below 0 or above 1.
    Some(area.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{cases, numbers};

    #[test]
    fn the_estimate_is_that_of_weighted_rows_in_scikit_learn() {
        for case in cases("estimates") {
            let scores = numbers(&case["scores"]);
            let rows: Vec<Forecast> = scores
                .into_iter()
                .zip(numbers(&case["probabilities"]))
                .map(|(score, probability)| Forecast {
                    score,
                    probability,
                    predicts_positive: score > 0.0,
                })
                .collect();
            let found = estimate(&rows).unwrap();
            for (name, value) in [
                ("f1", found.f1),
                ("precision", found.precision),
                ("recall", found.recall),
                ("accuracy", Some(found.accuracy)),
                ("roc_auc", found.roc_auc),
            ] {
                let wanted = case[name].as_f64().unwrap();
                let difference = (value.unwrap() - wanted).abs();
                assert!(
                    difference < 1e-12,
                    "{} {name}: {value:?} {wanted}",
                    case["name"]
                );
            }
        }
    }

    fn rows(of: &[(f64, f64)]) -> Vec<Forecast> {
        let forecast = |(score, probability): &(f64, f64)| Forecast {
            score: *score,
            probability: *probability,
            predicts_positive: *score > 0.0,
        };
        of.iter().map(forecast).collect()
    }

    #[test]
    fn what_cannot_be_estimated_is_none() {
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            assert_eq!(estimate(&rows(&[(1.0, 0.5), (1.0, bad)])), None);
        }
        assert_eq!(estimate(&rows(&[(f64::NAN, 0.5)])), None);
        assert_eq!(estimate(&[]), None);
        let nobody = estimate(&rows(&[(-1.0, 0.0), (-2.0, 0.0)])).unwrap();
        assert_eq!(
            (nobody.f1, nobody.recall, nobody.precision),
            (None, None, None)
        );
        assert_eq!((nobody.roc_auc, nobody.accuracy), (None, 1.0));
        let certain = estimate(&rows(&[(1.0, 1.0), (f64::NEG_INFINITY, 0.0)])).unwrap();
        assert_eq!((certain.f1, certain.roc_auc), (Some(1.0), Some(1.0)));
        let one_row = estimate(&rows(&[(1.0, 0.25)])).unwrap();
        assert_eq!(
            (one_row.precision, one_row.roc_auc),
            (Some(0.25), Some(0.5))
        );
    }

    #[test]
    fn recalibration_changes_probabilities_and_no_prediction() {
        let lower = Recalibration {
            intercept: -2.0,
            slope: 0.5,
        };
        let found = forecasts(&[1.0], &lower)[0];
        assert_eq!(found.probability, probability(-1.5));
        assert!(found.predicts_positive);
    }
}
