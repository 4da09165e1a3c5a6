//! What a run found, as the base of its decision.

use common::config::DriftBasis;
use diagnostics::Verdicts;
use scoring::{ConfusionMatrix, Metrics};
use serde::{Deserialize, Serialize};

use crate::predictions::{EstimatedPerformance, RealisedPerformance};
use crate::regime::Regime;

/// What a run found out about the data and the deployed model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The deployed model; `None` when nothing is deployed.
    pub deployed: Option<DeployedModel>,
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Rejected input files with the reason: the first ones, and how many more. Empty once a model
    /// is deployed or a row is ingested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_files: Vec<String>,
    /// Labelled rows of finaldata.csv.
    pub labelled_rows: u64,
    /// Rows that were not evaluated before this run.
    pub new_rows: u64,
    /// Labelled rows among the new rows.
    pub new_labelled_rows: u64,
    /// Metrics of the deployed model on the new labelled rows; `None` without any.
    pub on_new_rows: Option<Metrics>,
    /// Performance of the deployed model on all labelled rows; `None` without any.
    pub on_all_rows: Option<AllRows>,
    /// The regime that was open before this run; `None` if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// Drift verdicts on the deployed model and its features; `None` without new rows, without a
    /// deployed model, or while the new rows wait for more labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
    /// Estimated performance of the predictions for new rows without a label; `None` without any.
    #[serde(
        default,
        rename = "expectation",
        skip_serializing_if = "Option::is_none"
    )]
    pub estimated_performance: Option<EstimatedPerformance>,
    /// Realised performance of earlier predictions whose labels the new rows bring.
    #[serde(default, rename = "realised", skip_serializing_if = "Vec::is_empty")]
    pub realised_performance: Vec<RealisedPerformance>,
}

/// Performance of a model on all labelled rows of finaldata.csv.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllRows {
    /// Counts by label and prediction.
    pub confusion: ConfusionMatrix,
    /// F1 of the positive label.
    pub f1: Option<f64>,
}

/// F1 of the positive label with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1 {
    /// From 0 to 1.
    pub value: f64,
    /// 95 % interval (Wilson); metrics of older programs have none.
    pub interval: Option<[f64; 2]>,
}

/// The deployed model as of its deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedModel {
    /// Name of its release.
    pub release: String,
    /// F1 on the test data at deployment.
    pub score: f64,
    /// 95 % interval of that F1; releases of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<[f64; 2]>,
}

impl Evidence {
    /// Whether the score test found model drift on the new rows.
    pub fn has_model_drift(&self) -> bool {
        let verdicts = self.verdicts.as_ref();
        verdicts.is_some_and(|verdicts| verdicts.model.verdict == diagnostics::Verdict::Drift)
    }

    /// F1 of the deployed model on the rows that decide; `None` where it is undefined.
    pub fn score_on(&self, basis: DriftBasis) -> Option<F1> {
        let (value, interval) = match basis {
            DriftBasis::NewRows => {
                let metrics = self.on_new_rows.as_ref()?;
                (metrics.f1?, metrics.f1_interval)
            }
            DriftBasis::AllRows => {
                let all = self.on_all_rows.as_ref()?;
                (all.f1?, scoring::f1_interval(&all.confusion))
            }
        };
        Some(F1 { value, interval })
    }
}

impl From<ConfusionMatrix> for AllRows {
    fn from(confusion: ConfusionMatrix) -> Self {
        Self {
            f1: confusion.f1(),
            confusion,
        }
    }
}
