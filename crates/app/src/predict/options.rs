//! The options of a prediction request.

use model::Model;

/// Options of a prediction request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// The positive label is predicted where its probability is above this; `None` for the model's
    /// own threshold.
    pub(crate) threshold: Option<f64>,
    /// True if each prediction is explained.
    pub(crate) explain: bool,
}

impl Options {
    /// The requested threshold, else the model's own.
    pub(crate) fn threshold_of(&self, model: &Model) -> f64 {
        let own = || model.threshold.probability();
        self.threshold.unwrap_or_else(own)
    }
}
