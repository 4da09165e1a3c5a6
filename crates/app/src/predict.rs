//! Predictions: rows in, the answer's values out. Nothing here can fail.

use serde::Serialize;
use serde::ser::Serializer;
use training::Model;

use crate::payload::Rows;

/// What a request may ask for besides predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// Class 1 is predicted where its probability is above this.
    pub(crate) threshold: f64,
    /// Whether each prediction is explained.
    pub(crate) explain: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            explain: false,
        }
    }
}

/// The answer to a prediction request.
#[derive(Debug, Serialize)]
pub(crate) struct Predictions<'a> {
    predictions: Vec<u8>,
    probabilities: Vec<f64>,
    ids: &'a [String],
    rows: usize,
    /// Missing features for which the training mean stood in.
    imputed: usize,
    threshold: f64,
    model_version: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanations: Option<Vec<Explanation<'a>>>,
}

/// Where the log-odds of one row come from: `base` and all contributions add up to them.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    /// The log-odds of the mean training row.
    base: f64,
    contributions: Contributions<'a>,
}

/// Each feature's share, in schema order.
#[derive(Debug)]
struct Contributions<'a>(Vec<(&'a str, f64)>);

impl Serialize for Contributions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// Predicts all rows by one model.
pub(crate) fn predict<'a>(
    model: &'a Model,
    rows: &'a Rows,
    options: Options,
    model_version: &'a str,
    request_id: &'a str,
) -> Predictions<'a> {
    let probabilities: Vec<f64> = rows.iter().map(|row| model.probability(row)).collect();
    Predictions {
        predictions: probabilities
            .iter()
            .map(|probability| u8::from(*probability > options.threshold))
            .collect(),
        probabilities,
        ids: &rows.ids,
        rows: rows.ids.len(),
        imputed: rows.missing(),
        threshold: options.threshold,
        model_version,
        request_id,
        explanations: options
            .explain
            .then(|| rows.iter().map(|row| explain(model, row)).collect()),
    }
}

fn explain<'a>(model: &'a Model, row: &[f64]) -> Explanation<'a> {
    // What stands in for a missing value is the mean of the training rows.
    let means = &model.predictor.imputed;
    let contributions = model
        .coefficients()
        .zip(row.iter().zip(means))
        .map(|((name, coefficient), (value, mean))| {
            (name, contribution(coefficient, *value, *mean))
        })
        .collect();
    Explanation {
        base: model.log_odds(means),
        contributions: Contributions(contributions),
    }
}

/// Finite for finite values of any size; a missing one contributes nothing.
fn contribution(coefficient: f64, value: f64, mean: f64) -> f64 {
    if value.is_nan() || coefficient == 0.0 {
        return 0.0;
    }
    (coefficient * (value - mean)).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_are_finite_whatever_the_value() {
        assert_eq!(contribution(2.0, 5.0, 3.0), 4.0);
        assert_eq!(contribution(2.0, f64::NAN, 3.0), 0.0);
        assert_eq!(contribution(0.0, f64::MAX, f64::MIN), 0.0);
        assert_eq!(contribution(-1e300, f64::MAX, 0.0), f64::MIN);
    }
}
