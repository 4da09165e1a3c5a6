//! A logistic regression on numbers, curves of numbers, and indicators of levels.

use common::Schema;
use dataset::passes::{Encoding, LinearExpression, WeightedTerm};
use serde::{Deserialize, Serialize};

use crate::design::Design;
use crate::form::Form;

/// A logistic regression: its columns, intercept and coefficients, and the values that are imputed
/// for missing ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearPredictor {
    /// Log-odds where all columns are 0.
    pub intercept: f64,
    /// Log-odds per raw unit of each column of the design.
    pub coefficients: Vec<f64>,
    /// The value of each column where its feature is missing.
    pub imputed: Vec<f64>,
    /// The columns that the features become. By default each feature is a number.
    #[serde(default, skip_serializing_if = "Design::is_of_numbers")]
    pub design: Design,
}

impl LinearPredictor {
    /// A predictor with the same log-odds for every row.
    pub fn constant(log_odds: f64) -> Self {
        Self {
            intercept: log_odds,
            coefficients: Vec::new(),
            imputed: Vec::new(),
            design: Design::default(),
        }
    }

    /// The form of the effects of numbers.
    pub fn form(&self) -> Form {
        if self.design.has_curves() {
            Form::Curves
        } else {
            Form::Linear
        }
    }

    /// Number of features that the coefficients belong to.
    fn features(&self) -> usize {
        self.design.features_of(self.coefficients.len())
    }

    pub(crate) fn unwatched(&self) -> Vec<bool> {
        self.design.unwatched(self.features())
    }

    /// A start for another fit: steps in place of each effect. It predicts the same for present values;
    /// a missing value of a number with a curve counts as no step.
    pub fn for_fitting(&self) -> Self {
        let terms = self.design.terms(self.features()).into_iter();
        let weights = self.coefficients.iter().zip(&self.imputed);
        let (mut intercept, mut coefficients, mut imputed) = (self.intercept, vec![], vec![]);
        for (term, (coefficient, mean)) in terms.zip(weights) {
            match term.encoding {
                Encoding::Trend(_) => {}
                Encoding::Curve(curve) => {
                    let values = curve.values();
                    intercept += coefficient * values[0];
                    let steps = values.windows(2);
                    coefficients.extend(steps.map(|pair| coefficient * (pair[1] - pair[0])));
                    imputed.extend(vec![0.0; values.len() - 1]);
                }
                _ => {
                    coefficients.push(*coefficient);
                    imputed.push(*mean);
                }
            }
        }
        Self {
            intercept,
            coefficients,
            imputed,
            design: self.design.for_fitting(),
        }
    }

    /// The log-odds of the positive label as an expression of a row.
    pub fn expression(&self) -> LinearExpression<'_> {
        let terms = self.design.terms(self.features()).into_iter();
        let weights = self.coefficients.iter().zip(&self.imputed);
        LinearExpression {
            intercept: self.intercept,
            terms: terms
                .zip(weights)
                .map(|(term, (coefficient, imputed))| WeightedTerm {
                    term,
                    coefficient: *coefficient,
                    imputed: *imputed,
                })
                .collect(),
        }
    }

    /// The reason why this predictor does not fit the columns of a schema; `None` if it fits them.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        if let Some(flaw) = self.design.flaw(schema) {
            return Some(flaw);
        }
        let width = self.design.width(schema.features.len());
        let weights = [&self.coefficients, &self.imputed];
        weights
            .iter()
            .any(|values| values.len() != width)
            .then_some("its coefficients are not one per column of its design")
    }
}
