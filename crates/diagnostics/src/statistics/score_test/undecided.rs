//! The reasons why the score test gives no result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Smallest expected number of rows with either label.
pub(super) const MIN_EXPECTED: f64 = 5.0;

/// Reason why the test gives no result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Error, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// Too few labelled rows for the number of coefficients.
    #[error("{rows} labelled rows, at least {needed} are needed")]
    FewRows {
        /// Number of labelled rows.
        rows: u64,
        /// Number of rows that are needed.
        needed: u64,
    },
    /// The model expects too few rows with one of the labels.
    #[serde(rename = "one_class_expected")]
    #[error(
        "the model expects {expected:.1} rows with label {label} among {rows}, at least {MIN_EXPECTED} are needed"
    )]
    FewExpectedOfOneLabel {
        /// The rare label, 0 or 1.
        #[serde(rename = "class")]
        label: u8,
        /// Expected number of rows with this label.
        expected: f64,
        /// Number of labelled rows.
        rows: u64,
    },
    /// The model has no covariance, or its covariance has another number of columns.
    #[error("the covariance of the model's coefficients is not known")]
    NoCovariance,
    /// The features are constant or collinear, so that only the intercept can be tested.
    #[serde(rename = "alike_rows")]
    #[error("the features of these rows are collinear, so only the intercept can be tested")]
    CollinearFeatures,
    /// A number is not finite.
    #[error("a column has numbers out of range")]
    TooLarge,
}

impl Undecided {
    /// True when more rows would make the test possible.
    pub fn needs_more_rows(&self) -> bool {
        matches!(
            self,
            Self::FewRows { .. } | Self::FewExpectedOfOneLabel { .. }
        )
    }
}
