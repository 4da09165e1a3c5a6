//! The evidence for a decision: what a run found out.

use common::config::DriftBasis;
use diagnostics::Verdicts;
use schemars::JsonSchema;
use scoring::{ConfusionMatrix, Metrics};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::predictions::{EstimatedPerformance, RealisedPerformance};
use crate::regime::Regime;
use crate::review::Review;

/// What a run found out about the data and the deployed model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The deployed model; `None` when nothing is deployed.
    pub deployed: Option<DeployedModel>,
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Rejected input files with the reason: the first ones, and the number of further ones. Empty
    /// if a model is deployed or a row was ingested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_files: Vec<String>,
    /// New files without a target column, if no new row has a label; otherwise empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_without_target: Vec<FileWithoutTarget>,
    /// Labelled rows of finaldata.csv.
    pub labelled_rows: u64,
    /// Rows that were not evaluated before this run.
    pub new_rows: u64,
    /// Labelled rows among the new rows.
    pub new_labelled_rows: u64,
    /// Rows with label 1 among these, if memory had room for a sample of them only. Otherwise `None`:
    /// `on_new_rows` has their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_positive_rows: Option<u64>,
    /// Metrics of the deployed model on the new labelled rows; `None` without any.
    pub on_new_rows: Option<Metrics>,
    /// Performance of the deployed model on all labelled rows; `None` without any.
    pub on_all_rows: Option<AllRows>,
    /// The regime that was open before this run; `None` if none was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// Drift verdicts on the deployed model and its features. `None` if there are no new rows, if
    /// no model is deployed, or if the new rows wait for more labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
    /// Estimated performance of the predictions for new rows without a label; `None` without any.
    #[serde(
        default,
        rename = "expectation",
        skip_serializing_if = "Option::is_none"
    )]
    pub estimated_performance: Option<EstimatedPerformance>,
    /// Realised performance of earlier predictions, for labels that came with the new rows.
    #[serde(default, rename = "realised", skip_serializing_if = "Vec::is_empty")]
    pub realised_performance: Vec<RealisedPerformance>,
    /// Reviews of earlier decisions by the rows since, including the new rows. The oldest decision
    /// comes first. Empty without new labelled rows, and in records of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
}

/// A new file without a target column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileWithoutTarget {
    /// Folder and name, joined by `/`.
    pub file: String,
    /// The target column that the configuration names.
    pub target: String,
    /// Number of rows that were kept.
    pub rows: u64,
}

/// Performance of a model on all labelled rows of finaldata.csv.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllRows {
    /// Counts by label and prediction.
    pub confusion: ConfusionMatrix,
    /// F1 of the positive label.
    pub f1: Option<f64>,
    /// 95 % interval of F1, for which the rows of a client in one batch count together. `None` if F1 is
    /// undefined, on a sample of the rows, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1_interval: Option<[f64; 2]>,
}

/// F1 of the positive label with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1 {
    /// F1, from 0 to 1.
    pub value: f64,
    /// 95 % interval (Wilson); metrics of older programs have none.
    pub interval: Option<[f64; 2]>,
}

/// The deployed model, with its score at the deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeployedModel {
    /// Name of its release.
    pub release: String,
    /// F1 on the test data at the deployment.
    pub score: f64,
    /// 95 % interval of that F1; releases of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<[f64; 2]>,
}

impl Evidence {
    /// True if the score test found model drift on the new rows.
    pub fn has_model_drift(&self) -> bool {
        let verdicts = self.verdicts.as_ref();
        verdicts.is_some_and(|verdicts| verdicts.model.verdict == diagnostics::Verdict::Drift)
    }

    /// F1 of the deployed model on the rows that `basis` names; `None` if it is undefined.
    pub fn score_on(&self, basis: DriftBasis) -> Option<F1> {
        let (value, interval) = match basis {
            DriftBasis::NewRows => {
                let metrics = self.on_new_rows.as_ref()?;
                (metrics.f1?, metrics.f1_interval)
            }
            DriftBasis::AllRows => {
                let all = self.on_all_rows.as_ref()?;
                (all.f1?, all.f1_interval)
            }
        };
        Some(F1 { value, interval })
    }

    /// True if another candidate is due. No model drift was found on the new rows, but the labelled
    /// rows of the open regime have doubled since the last candidate was tried.
    pub fn is_refit_due(&self) -> bool {
        self.new_labelled_rows > 0
            && !self.has_model_drift()
            && self.regime.is_some_and(|regime| {
                regime.labelled_rows_with(self.new_labelled_rows)
                    >= 2 * regime.labelled_rows_at_trial
            })
    }

    /// The regime after the decision of run `run`. With the action `Retrain`, a candidate counts as
    /// tried. `None` if no regime is open.
    pub fn regime_after(&self, action: Action, run: i64) -> Option<Regime> {
        let is_tried = action == Action::Retrain;
        if is_tried && self.has_model_drift() {
            return Some(Regime {
                run,
                first_row: self.rows - self.new_rows,
                counted_rows: self.rows,
                labelled_rows: self.new_labelled_rows,
                labelled_rows_at_trial: self.new_labelled_rows,
                refusals: 0,
            });
        }
        let regime = self.regime?;
        if !action.marks_as_evaluated() {
            return Some(regime);
        }
        let labelled_rows = regime.labelled_rows_with(self.new_labelled_rows);
        Some(Regime {
            counted_rows: self.rows,
            labelled_rows,
            labelled_rows_at_trial: match is_tried {
                true => labelled_rows,
                false => regime.labelled_rows_at_trial,
            },
            ..regime
        })
    }
}

impl From<ConfusionMatrix> for AllRows {
    fn from(confusion: ConfusionMatrix) -> Self {
        Self {
            f1: confusion.f1(),
            f1_interval: None,
            confusion,
        }
    }
}

#[cfg(test)]
mod tests {
    use diagnostics::Verdict;

    use super::*;
    use crate::decision::tests::with_verdict;
    use crate::regime::tests::OPEN;

    fn evidence(new_labelled_rows: u64, verdict: Verdict) -> Evidence {
        Evidence {
            rows: 190,
            new_rows: 40,
            new_labelled_rows,
            verdicts: with_verdict(verdict, None).verdicts,
            regime: Some(OPEN),
            ..Evidence::default()
        }
    }

    #[test]
    fn a_candidate_is_tried_again_once_the_labelled_rows_have_doubled() {
        assert!(!evidence(29, Verdict::Ok).is_refit_due());
        assert!(evidence(30, Verdict::Ok).is_refit_due());
        let closed = Evidence {
            regime: None,
            ..evidence(30, Verdict::Ok)
        };
        assert!(!closed.is_refit_due());
        // Without new labels, a new candidate would be the same.
        let tried_at_none = Evidence {
            regime: Some(Regime {
                labelled_rows_at_trial: 10,
                ..OPEN
            }),
            ..evidence(0, Verdict::Ok)
        };
        assert!(!tried_at_none.is_refit_due());
    }

    #[test]
    fn new_drift_opens_a_regime_and_closes_the_former() {
        let found = evidence(30, Verdict::Drift).regime_after(Action::Retrain, 9);
        let opened = Regime {
            run: 9,
            first_row: 150,
            counted_rows: 190,
            labelled_rows: 30,
            labelled_rows_at_trial: 30,
            refusals: 0,
        };
        assert_eq!(found, Some(opened));
        // No candidate was tried, because the model was kept despite the drift.
        let kept = evidence(5, Verdict::Drift).regime_after(Action::Keep, 9);
        let counted = Regime {
            counted_rows: 190,
            labelled_rows: 55,
            ..OPEN
        };
        assert_eq!(kept, Some(counted));
    }

    #[test]
    fn labels_are_counted_once_their_rows_are_evaluated() {
        let waiting = evidence(5, Verdict::Ok).regime_after(Action::Wait, 9);
        assert_eq!(waiting, Some(OPEN));
        let tried = evidence(30, Verdict::Ok).regime_after(Action::Retrain, 9);
        let counted = Regime {
            counted_rows: 190,
            labelled_rows: 80,
            labelled_rows_at_trial: 80,
            ..OPEN
        };
        assert_eq!(tried, Some(counted));
    }
}
