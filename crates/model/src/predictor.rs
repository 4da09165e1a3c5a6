//! What predicts, whatever its form.

use common::Schema;
use dataset::passes::LinearExpression;
use serde::{Deserialize, Serialize};

use crate::linear::LinearPredictor;

/// A function from a row to log-odds, in one of several forms.
///
/// The form is not written to the model's file: its fields tell it. Each form therefore needs
/// fields of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Predictor {
    /// A logistic regression that is linear in each number.
    Linear(LinearPredictor),
}

impl Predictor {
    /// The log-odds of the positive label as an expression of a row.
    pub fn expression(&self) -> LinearExpression<'_> {
        match self {
            Self::Linear(linear) => linear.expression(),
        }
    }

    /// Why this is no predictor for the columns of a schema; `None` if it is one.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        match self {
            Self::Linear(linear) => linear.flaw(schema),
        }
    }
}
