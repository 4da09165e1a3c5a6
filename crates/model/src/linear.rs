//! The linear form: a logistic regression on numbers and on indicators of levels.

use common::Schema;
use dataset::passes::{LinearExpression, WeightedTerm};
use serde::{Deserialize, Serialize};

use crate::design::Design;

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

    /// The log-odds of the positive label as an expression of a row.
    pub fn expression(&self) -> LinearExpression<'_> {
        let n_features = self
            .coefficients
            .len()
            .saturating_sub(self.design.extra_columns());
        let terms = self.design.terms(n_features).into_iter();
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
            .then_some("its coefficients are not one per feature")
    }
}
