//! Predictions for rows without a label: estimated performance, and realised performance once
//! labels arrive.

use std::collections::BTreeMap;

use common::numbers::listed;
use schemars::JsonSchema;
use scoring::{ConfusionMatrix, Estimate};
use serde::{Deserialize, Serialize};

use crate::run_record::text::MAX_FEATURES;

/// Estimated performance of the predictions for the new rows without a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimatedPerformance {
    /// What the figures can and cannot show.
    pub kind: EstimateKind,
    /// The figures.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// 95 % interval of the F1 that will be realised if the model is right. `None` where F1 is undefined,
    /// where a client has several rows, and for models of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1_interval: Option<[f64; 2]>,
    /// True if a client has several of the predicted rows, or of the training rows. An interval would treat
    /// these rows as independent and be too narrow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_repeated_clients: bool,
    /// Features with many values that are unlike all values of the training rows. If there are any, the data
    /// are insufficient for an estimate: F1, its interval, precision, recall and area under the curve are
    /// `None`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_reference: Vec<String>,
    /// Share of missing values for each feature of `left_reference` that is there only because values are
    /// missing. No training row lacks a value of these features. Empty in records of older programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newly_missing: BTreeMap<String, f64>,
}

impl EstimatedPerformance {
    /// The estimate without its scores, if these features have values unlike all training rows: the scores
    /// would be those of other clients. Without such features the estimate stays as it is. `newly_missing`
    /// has the features that only lack values.
    #[must_use]
    pub fn with_left_reference(
        self,
        features: &[String],
        newly_missing: BTreeMap<String, f64>,
    ) -> Self {
        if features.is_empty() {
            return self;
        }
        Self {
            estimate: Estimate {
                f1: None,
                precision: None,
                recall: None,
                roc_auc: None,
                ..self.estimate
            },
            f1_interval: None,
            left_reference: features.to_vec(),
            newly_missing,
            ..self
        }
    }

    /// How the values of `left_reference` differ from the training rows, as clauses. Empty without such
    /// features.
    pub(crate) fn left_reference_in_words(&self) -> String {
        let names = self.left_reference.iter();
        let unlike = names.filter(|name| !self.newly_missing.contains_key(*name));
        let unlike: Vec<String> = unlike.cloned().collect();
        let unlike = (!unlike.is_empty()).then(|| {
            let names = listed(&unlike, MAX_FEATURES);
            format!("no training client had such values of {names}")
        });
        let missing = self
            .newly_missing
            .iter()
            .take(MAX_FEATURES)
            .map(|(name, share)| {
                format!(
                    "{name} is missing in {} %, and was never missing in the training rows",
                    (share * 100.0).round()
                )
            });
        let others = self.newly_missing.len().saturating_sub(MAX_FEATURES);
        let others = (others > 0).then(|| format!("the same holds for {others} more"));
        let clauses: Vec<String> = unlike.into_iter().chain(missing).chain(others).collect();
        clauses.join("; ")
    }
}

/// The limits of an estimate. They are shown with the estimate, so that nobody takes the estimate
/// for a measured score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EstimateKind {
    /// The estimate follows changes of the clients (feature drift), but not changes of the reasons
    /// for leaving (model drift).
    #[serde(rename = "estimate; blind to concept drift")]
    BlindToConceptDrift,
}

/// Realised performance of a run's predictions on the rows that have a label by now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RealisedPerformance {
    /// The run that predicted.
    pub run: i64,
    /// The release that the run predicted with.
    pub release: String,
    /// Predicted rows that have a label by now.
    pub rows: u64,
    /// Estimated F1 of these rows. `None` where it is undefined, and where it could not be estimated.
    pub estimated_f1: Option<f64>,
    /// Realised F1 of these rows.
    pub realised_f1: Option<f64>,
    /// Realised F1 minus estimated F1.
    pub difference: Option<f64>,
}

/// The predictions of one run, as the history keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEstimate {
    /// The release that the run predicted with.
    pub release: String,
    /// Estimate for all predictions of the run.
    #[serde(alias = "expectation")]
    pub estimated_performance: EstimatedPerformance,
    /// The predictions that have a label by now.
    #[serde(alias = "came")]
    pub labelled: LabelledPredictions,
}

/// Predictions of one run that have a label by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelledPredictions {
    /// Number of predictions.
    pub rows: u64,
    /// Estimated true positives, false positives and false negatives.
    pub expected: [f64; 3],
    /// Realised counts by label and prediction.
    pub confusion: ConfusionMatrix,
}

/// Estimates that are committed once the rows of the run count as evaluated. Until then they are in
/// the run's record. An interrupted run can therefore be finished without reading the rows again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PendingPredictions {
    /// In a record of an older program: the prediction file that the changes were added to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PredictionFile>,
    /// In a record of an older program: the prediction file with the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PredictionFile>,
    /// Estimates of the runs whose predictions changed, by the number of the run.
    pub estimates: BTreeMap<i64, RunEstimate>,
}

/// The committed part of a file of an older program, with predictions that wait for a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PredictionFile {
    /// Number in the file's name.
    pub generation: u64,
    /// Number of committed records.
    #[serde(alias = "rows")]
    pub records: u64,
    /// Number of these records that mark an earlier record as labelled.
    #[serde(default, alias = "met")]
    pub labelled: u64,
}

impl RunEstimate {
    /// The estimate for the predictions of a release, before any label arrives.
    pub fn new(release: &str, estimated_performance: EstimatedPerformance) -> Self {
        Self {
            release: release.to_owned(),
            estimated_performance,
            labelled: LabelledPredictions::default(),
        }
    }

    /// Adds predictions whose labels arrived.
    pub fn add(&mut self, labelled: LabelledPredictions) {
        self.labelled = self.labelled.plus(labelled);
    }

    /// Realised performance so far; `run` is the number of the run that predicted.
    pub fn realised(&self, run: i64) -> RealisedPerformance {
        let has_estimate = self.estimated_performance.left_reference.is_empty();
        let estimated_f1 = self.labelled.estimated_f1().filter(|_| has_estimate);
        let realised_f1 = self.labelled.confusion.f1();
        RealisedPerformance {
            run,
            release: self.release.clone(),
            rows: self.labelled.rows,
            estimated_f1,
            realised_f1,
            difference: realised_f1
                .zip(estimated_f1)
                .map(|(realised, estimated)| realised - estimated),
        }
    }
}

impl LabelledPredictions {
    /// Counts a prediction and its label. `probability` is the predicted probability of the
    /// positive label.
    pub fn add(&mut self, probability: f64, predicts_positive: bool, label: bool) {
        let [true_positive, false_positive, false_negative] = &mut self.expected;
        if predicts_positive {
            *true_positive += probability;
            *false_positive += 1.0 - probability;
        } else {
            *false_negative += probability;
        }
        self.rows += 1;
        self.confusion.count(label, predicts_positive);
    }

    /// Adds the counts of further predictions of the same run.
    fn plus(self, other: Self) -> Self {
        let [a, b, c] = self.expected;
        let [x, y, z] = other.expected;
        Self {
            rows: self.rows + other.rows,
            expected: [a + x, b + y, c + z],
            confusion: self.confusion.plus(other.confusion),
        }
    }

    fn estimated_f1(&self) -> Option<f64> {
        let [true_positive, false_positive, false_negative] = self.expected;
        let all = true_positive + 0.5 * (false_positive + false_negative);
        (all > 0.0).then(|| true_positive / all)
    }
}

impl PredictionFile {
    /// Number of predictions that wait for a label.
    pub fn waiting(&self) -> u64 {
        self.records.saturating_sub(self.labelled.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use scoring::Forecast;
    use serde_json::json;

    use super::*;

    fn estimated(estimate: Estimate) -> EstimatedPerformance {
        EstimatedPerformance {
            kind: EstimateKind::BlindToConceptDrift,
            estimate,
            f1_interval: None,
            has_repeated_clients: false,
            left_reference: Vec::new(),
            newly_missing: BTreeMap::new(),
        }
    }

    #[test]
    fn values_unlike_the_training_rows_leave_no_score_to_expect() {
        let forecast = |score: f64, probability| Forecast {
            score,
            probability,
            predicts_positive: score > 0.0,
        };
        let forecasts = [forecast(2.0, 0.75), forecast(-1.0, 0.25)];
        let estimate = scoring::estimate(&forecasts).unwrap();
        let known = EstimatedPerformance {
            f1_interval: Some([0.5, 0.9]),
            ..estimated(estimate)
        };
        assert_eq!(
            known.clone().with_left_reference(&[], BTreeMap::new()),
            known
        );
        let unknown = known.with_left_reference(&["age".to_owned()], BTreeMap::new());
        let json = serde_json::to_value(&unknown).unwrap();
        for score in ["f1", "f1_interval", "precision", "recall", "roc_auc"] {
            assert_eq!(json[score], serde_json::Value::Null, "{score}: {json}");
        }
        assert_eq!(json["rows"], 2);
        let mut stored = RunEstimate::new("000001", unknown);
        let mut labelled = LabelledPredictions::default();
        labelled.add(0.75, true, true);
        stored.add(labelled);
        let found = stored.realised(7);
        assert_eq!(
            (found.estimated_f1, found.realised_f1, found.difference),
            (None, Some(1.0), None)
        );
    }

    #[test]
    fn realised_and_estimated_performance_are_of_the_same_rows() {
        let predictions = [
            (2.0, 0.75, true),
            (1.0, 0.5, false),
            (-1.0, 0.25, true),
            (-3.0, 0.0, false),
        ];
        let forecasts = predictions.map(|(log_odds, probability, _)| Forecast {
            score: log_odds,
            probability,
            predicts_positive: log_odds > 0.0,
        });
        let estimate = scoring::estimate(&forecasts).unwrap();
        let mut stored = RunEstimate::new("000001", estimated(estimate));
        for part in predictions.chunks(2) {
            let mut labelled = LabelledPredictions::default();
            for (log_odds, probability, label) in part {
                labelled.add(*probability, *log_odds > 0.0, *label);
            }
            stored.add(labelled);
        }
        let found = stored.realised(7);
        assert_eq!((found.run, found.rows), (7, 4));
        assert_eq!(found.estimated_f1, estimate.f1);
        // There are one true positive, one false positive and one false negative.
        assert_eq!(found.realised_f1, Some(0.5));
        assert_eq!(found.difference, Some(0.5 - estimate.f1.unwrap()));
    }

    #[test]
    fn what_older_programs_stored_is_read() {
        let file: PredictionFile =
            serde_json::from_value(json!({"generation": 2, "rows": 9, "met": 3})).unwrap();
        assert_eq!((file.generation, file.records, file.labelled), (2, 9, 3));
        assert_eq!(file.waiting(), 3);
        let first: PredictionFile =
            serde_json::from_value(json!({"generation": 1, "rows": 9})).unwrap();
        assert_eq!(first.waiting(), 9);
        let forecast = Forecast {
            score: 1.0,
            probability: 0.75,
            predicts_positive: true,
        };
        let estimate = scoring::estimate(&[forecast]).unwrap();
        let new = RunEstimate::new("000001", estimated(estimate));
        let mut stored = serde_json::to_value(&new).unwrap();
        let members = stored.as_object_mut().unwrap();
        for (older, newer) in [
            ("expectation", "estimated_performance"),
            ("came", "labelled"),
        ] {
            let value = members.remove(newer).unwrap();
            members.insert(older.into(), value);
        }
        assert_eq!(serde_json::from_value::<RunEstimate>(stored).unwrap(), new);
    }
}
