//! Where the log-odds of a prediction come from.

use serde::Serialize;
use serde::ser::Serializer;
use training::Model;

use crate::payload::Rows;

/// The explanation of each row, made while it is written: all of them take more memory than the
/// rows.
#[derive(Debug)]
pub(super) struct Explanations<'a> {
    pub(super) model: &'a Model,
    pub(super) rows: &'a Rows,
}

impl Serialize for Explanations<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.rows.iter().map(|row| explain(self.model, row)))
    }
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

fn explain<'a>(model: &'a Model, row: &[f64]) -> Explanation<'a> {
    let features = &model.schema.features;
    // What stands in for a missing value is the mean of the training rows.
    let mean_row = vec![f64::NAN; features.len()];
    let mut contributions: Vec<(&str, f64)> = Vec::with_capacity(features.len());
    let columns = model.predictor.design.columns(features.len());
    for (column, coefficient) in columns.into_iter().zip(model.coefficients()) {
        let value = coefficient
            .reads
            .value(row.get(column.feature).copied().unwrap_or(f64::NAN));
        let share = contribution(coefficient.value, value, coefficient.imputed);
        match contributions.get_mut(column.feature) {
            // The columns of a category together are what it contributes.
            Some((_, sum)) => *sum = (*sum + share).clamp(f64::MIN, f64::MAX),
            None => contributions.push((coefficient.feature, share)),
        }
    }
    Explanation {
        base: model.log_odds(&mean_row),
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
