//! The predictor of a model, in one of several forms.

use common::Schema;
use dataset::passes::LinearExpression;
use serde::{Deserialize, Serialize};

use crate::design::{Effect, PairEffect};
use crate::form::Form;
use crate::linear::LinearPredictor;
use crate::watch::Watch;

/// A function from a row to log-odds, in one of several forms.
///
/// The model's file does not name the variant. A reader recognises it by its fields, so no two
/// variants may have the same fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Predictor {
    /// A logistic regression on numbers or their curves, on indicators of levels, and on pairs of
    /// features.
    Linear(LinearPredictor),
}

impl Predictor {
    /// The form of the effects of features.
    pub fn form(&self) -> Form {
        match self {
            Self::Linear(linear) => linear.form(),
        }
    }

    /// The fitted curves of numbers, in the order of the features.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        match self {
            Self::Linear(linear) => linear.design.effects(),
        }
    }

    /// The fitted effects of pairs of features.
    pub fn pairs(&self) -> impl Iterator<Item = &PairEffect> {
        match self {
            Self::Linear(linear) => linear.design.pairs(),
        }
    }

    /// What drift tests watch in each coefficient.
    pub fn watched(&self) -> Vec<Watch> {
        match self {
            Self::Linear(linear) => linear.watched(),
        }
    }

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
