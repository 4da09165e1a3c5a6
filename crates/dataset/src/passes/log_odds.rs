//! The log-odds that a linear model gives to rows.

use serde::{Deserialize, Serialize};

use super::design::Design;
use super::elementary::{exp_minus, ln_1p};
use super::{Chunk, Pass, run};
use crate::cell::Label;
use crate::table::{Selection, Table};

/// A linear function of the features, with what stands in for a missing one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearPredictor {
    /// Log-odds where all features are 0.
    pub intercept: f64,
    /// Log-odds per raw unit of each column of the design.
    pub coefficients: Vec<f64>,
    /// Value used for a missing one.
    pub imputed: Vec<f64>,
    /// Which features the columns read, and how.
    #[serde(default, skip_serializing_if = "Design::is_of_numbers")]
    pub design: Design,
}

/// A row's log-odds beside its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Log-odds of class 1; finite.
    pub log_odds: f64,
    /// The class, where it is known.
    pub label: Label,
}

/// Small enough that no sum of products of scaled factors overflows.
const OVERFLOW_SCALE: f64 = 1e-160;

impl LinearPredictor {
    /// The log-odds of one row; finite whatever finite values it has.
    pub fn log_odds(&self, values: impl Iterator<Item = f64> + Clone) -> f64 {
        let sum = self.sum(values.clone(), 1.0);
        if sum.is_finite() {
            return sum;
        }
        // Only the sign is left to find: the magnitude is beyond a float's.
        self.sum(values, OVERFLOW_SCALE).signum() * f64::MAX
    }

    fn sum(&self, values: impl Iterator<Item = f64>, scale: f64) -> f64 {
        if !self.design.is_of_numbers() {
            return self.sum_of_design(values, scale);
        }
        let mut sum = self.intercept * scale * scale;
        for ((value, coefficient), imputed) in values.zip(&self.coefficients).zip(&self.imputed) {
            let value = if value.is_nan() { *imputed } else { value };
            sum += (value * scale) * (coefficient * scale);
        }
        sum
    }

    /// [`Self::sum`] where a category takes several columns, of which one is 1.
    fn sum_of_design(&self, values: impl Iterator<Item = f64>, scale: f64) -> f64 {
        let mut sum = self.intercept * scale * scale;
        let mut columns = self.coefficients.iter().zip(&self.imputed);
        for (feature, value) in values.enumerate() {
            let Some(category) = self.design.category(feature) else {
                if let Some((coefficient, imputed)) = columns.next() {
                    let value = if value.is_nan() { *imputed } else { value };
                    sum += (value * scale) * (coefficient * scale);
                }
                continue;
            };
            let mut indicators = columns.by_ref().take(category.width());
            if value.is_nan() {
                for (coefficient, imputed) in indicators {
                    sum += (imputed * scale) * (coefficient * scale);
                }
            } else if let Some((coefficient, _)) = indicators.nth(category.place(value)) {
                sum += scale * (coefficient * scale);
                // The others are 0, and are passed by.
                indicators.for_each(drop);
            }
        }
        sum
    }
}

/// The probability that belongs to log-odds.
pub fn probability(log_odds: f64) -> f64 {
    if log_odds >= 0.0 {
        1.0 / (1.0 + (-log_odds).exp())
    } else {
        let odds = log_odds.exp();
        odds / (1.0 + odds)
    }
}

/// Puts probabilities in the place of log-odds: [`probability`] of many at once, with the same bits
/// on every machine.
pub fn probabilities(log_odds: &mut [f64]) {
    for row in log_odds {
        let odds = exp_minus(row.abs());
        let of_less_likely = odds / (1.0 + odds);
        *row = if *row >= 0.0 {
            1.0 - of_less_likely
        } else {
            of_less_likely
        };
    }
}

/// The log-loss of a row with these log-odds, exact for any size of them.
pub fn log_loss(log_odds: f64, class: bool) -> f64 {
    let towards_class = if class { log_odds } else { -log_odds };
    ln_1p(exp_minus(towards_class.abs())) + (-towards_class).max(0.0)
}

/// The log-odds of the chosen rows, in their order.
pub fn log_odds(predictor: &LinearPredictor, table: &Table, selection: &Selection) -> Vec<Scored> {
    run(&LogOdds { predictor }, table, selection)
}

struct LogOdds<'a> {
    predictor: &'a LinearPredictor,
}

impl Pass for LogOdds<'_> {
    type Value = Vec<Scored>;

    fn empty(&self) -> Self::Value {
        Vec::new()
    }

    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>) {
        value.extend(chunk.positions().map(|position| {
            Scored {
                log_odds: self
                    .predictor
                    .log_odds(chunk.table.features.iter().map(|column| column[position])),
                label: chunk.table.labels[position],
            }
        }));
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        earlier.extend(later);
    }
}

/// Labelled rows by their class and by the class that is predicted where the log-odds are above 0
/// or not: 0 and 1 each, the known class first.
pub fn predictions(
    predictor: &LinearPredictor,
    table: &Table,
    selection: &Selection,
) -> [[u64; 2]; 2] {
    run(&Predictions { predictor }, table, selection)
}

struct Predictions<'a> {
    predictor: &'a LinearPredictor,
}

impl Pass for Predictions<'_> {
    type Value = [[u64; 2]; 2];

    fn empty(&self) -> Self::Value {
        [[0; 2]; 2]
    }

    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            if let Some(class) = chunk.table.labels[position] {
                let log_odds = self.predictor.log_odds(chunk.table.row(position));
                value[usize::from(class)][usize::from(log_odds > 0.0)] += 1;
            }
        }
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        for (mine, other) in earlier
            .as_flattened_mut()
            .iter_mut()
            .zip(later.as_flattened())
        {
            *mine += other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_many_are_those_of_each() {
        let log_odds: Vec<f64> = (-400..=400).map(|step| f64::from(step) * 0.1).collect();
        let mut found = log_odds.clone();
        probabilities(&mut found);
        for (found, log_odds) in found.into_iter().zip(log_odds) {
            let wanted = probability(log_odds);
            assert!((found - wanted).abs() <= 1e-15 * wanted, "{log_odds}");
        }
    }

    #[test]
    fn missing_values_are_imputed_and_huge_ones_stay_finite() {
        let predictor = LinearPredictor {
            intercept: 1.0,
            coefficients: vec![2.0, -3.0],
            imputed: vec![10.0, 100.0],
            design: Design::default(),
        };
        let log_odds = |values: [f64; 2]| predictor.log_odds(values.into_iter());
        assert_eq!(log_odds([1.0, 1.0]), 0.0);
        assert_eq!(log_odds([f64::NAN, 1.0]), 18.0);
        assert_eq!(log_odds([1e308, 1e308]), -f64::MAX);
        assert_eq!(log_odds([1.7e308, 1e308]), f64::MAX);
        let huge = LinearPredictor {
            coefficients: vec![1e308, -1e308],
            ..predictor
        };
        assert!(huge.log_odds([1e308, 1e308].into_iter()).is_finite());
        assert_eq!(probability(-f64::MAX), 0.0);
        assert_eq!(probability(f64::MAX), 1.0);
        assert_eq!(probability(0.0), 0.5);
    }
}
