//! The model: a predictor, with all that later stages need to know about it.

use std::fmt;

use common::Schema;
use common::ledger::DataPosition;
use dataset::passes::{Agreement, Profile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::form::FormResult;
use crate::matrix::Matrix;
use crate::predictor::Predictor;
use crate::recalibration::OutOfFoldRecalibration;
use crate::threshold::Threshold;
use crate::window::WindowResult;

/// A fitted model. The model has no time and no run number, so the same data gives the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Version of the program that fitted the model.
    pub program: String,
    /// The columns that the model was fitted to.
    pub schema: Schema,
    /// The fitted predictor.
    pub predictor: Predictor,
    /// Covariance of intercept and coefficients in raw units, the intercept first. It allows for
    /// several rows of one client. A direction that collinear columns do not determine has a large
    /// variance.
    ///
    /// `None` if the covariance overflows, and in models of earlier versions with collinear
    /// columns. Monitoring then has insufficient data.
    pub covariance: Option<Matrix>,
    /// How far the labels agree among the training rows of one client. `None` if every client has one
    /// row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_agreement: Option<Agreement>,
    /// The profile of the labelled training rows.
    pub profile: Profile,
    /// The ingested data that the model was fitted to.
    pub data: DataPosition,
    /// Number of labelled rows in that data.
    pub rows: u64,
    /// Number of positive labels among the labelled rows.
    pub positives: u64,
    /// Inverse strength of the penalty. In the form `linear` it is the setting `training.c`. In other
    /// forms, out-of-fold predictions choose it.
    pub c: f64,
    /// Figures of the fit's last step.
    pub convergence: Convergence,
    /// Result of the independent check of the fit.
    pub check: Check,
    /// The operating threshold.
    #[serde(default, skip_serializing_if = "Threshold::is_half")]
    pub threshold: Threshold,
    /// Corrects the log-odds of new rows. `None` if it could not be fitted, and in models of older
    /// programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalibration: Option<OutOfFoldRecalibration>,
    /// The forms that were tried. Empty if there was no choice: few rows, or a form that the
    /// configuration names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<FormResult>,
    /// The training windows that were tried: all rows, then the rows since the drift, then the last 1, 2,
    /// 4, … batches. Empty if there was no choice: for the first model, and for one that was fitted by
    /// hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowResult>,
}

/// Figures of the last step of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Convergence {
    /// Newton steps taken on all rows.
    pub iterations: u32,
    /// Norm of the objective's gradient on the standardised axes.
    pub gradient_norm: f64,
    /// Value of the objective: sum of log-losses and penalty.
    pub loss: f64,
}

/// Result of the independent check of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FitCheck")]
pub enum Check {
    /// No other coefficients have a loss that is lower by more than one millionth.
    Confirmed,
    /// The check could neither confirm the fit nor find better coefficients. In models of earlier versions the
    /// check was a second solver. This value then means that it stopped at a higher loss than the fit's.
    Unconfirmed,
    /// There were too many rows. In models of earlier versions, the check may have taken too much work.
    NotChecked,
}

impl fmt::Display for Check {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Unconfirmed => {
                "unconfirmed: the check could not prove that no other coefficients have a lower loss"
            }
            Self::NotChecked => "not checked: more rows than training.verify_rows",
        })
    }
}

impl Model {
    /// True if the model can be used with a schema: both have the same features and the same
    /// target. No label text may be positive in one and negative in the other. The id column and
    /// the allowed values may differ.
    pub fn fits_schema(&self, schema: &Schema) -> bool {
        let mut pairs = self.schema.features.iter().zip(&schema.features);
        self.schema.features.len() == schema.features.len()
            && pairs
                .all(|(mine, other)| mine.name == other.name && mine.kind.is_same_kind(&other.kind))
            && self.schema.target == schema.target
            && !self.schema.labels.contradict(&schema.labels)
    }
}
