//! The forms of models, and the results of trying them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a model's log-odds depend on its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The log-odds depend on a number as a straight line.
    Linear,
    /// The log-odds depend on a number as a curve that is straight between knots.
    Curves,
    /// Like `Curves`, and a few pairs of features have an additional effect together.
    Pairs,
}

impl fmt::Display for Form {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Linear => "linear",
            Self::Curves => "curves",
            Self::Pairs => "pairs",
        })
    }
}

/// A form that was tried. For each fold, its predictor is made from a fit to all rows by one Newton step on
/// the other folds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormResult {
    /// The form.
    pub form: Form,
    /// Inverse strength of the form's penalty, the best of those that were tried.
    pub c: f64,
    /// Mean out-of-fold log-loss. For each fold, the penalty is the one with the lowest log-loss on the
    /// other folds.
    pub log_loss: f64,
    /// Standard error of the difference to the log-loss of the best form; 0 for the best form.
    pub standard_error: f64,
    /// True if the model has this form: the simplest one whose log-loss is within one standard error
    /// of the best.
    pub is_chosen: bool,
}
