//! The predictor of a model, in one of several forms.

use common::Schema;
use dataset::passes::LinearExpression;
use serde::{Deserialize, Serialize};

use crate::linear::LinearPredictor;

/// A function from a row to log-odds, in one of several forms.
///
/// The model's file does not name the form. The form is recognised by its fields, so no two forms
/// may have the same fields.
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

    /// The reason why this predictor does not fit the columns of a schema; `None` if it fits them.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        match self {
            Self::Linear(linear) => linear.flaw(schema),
        }
    }
}
