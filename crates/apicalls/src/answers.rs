//! Checks that an answer has the members that callers need, with the right types.
//!
//! Other members are not checked, so a newer server may answer with more.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny};
use serde_json::Value;

/// An endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Predictions for this number of rows.
    Prediction { rows: usize },
    /// The score of the deployed model.
    Scoring,
    /// Statistics of the ingested data.
    SummaryStatistics,
    /// Results of monitoring from the history.
    Diagnostics,
}

#[derive(serde::Deserialize)]
struct Predictions {
    ids: Vec<String>,
    predictions: Vec<u8>,
    probabilities: Vec<f64>,
    #[serde(rename = "model_version")]
    _model_version: String,
}

#[derive(serde::Deserialize)]
struct Score {
    /// May be null, but must be present.
    #[serde(rename = "f1", deserialize_with = "present")]
    _f1: Option<f64>,
    #[serde(rename = "n")]
    _n: u64,
    #[serde(rename = "confusion_matrix")]
    _confusion_matrix: ConfusionMatrix,
    #[serde(rename = "deployed_score")]
    _deployed_score: f64,
    #[serde(rename = "model_version")]
    _model_version: String,
}

#[derive(serde::Deserialize)]
struct ConfusionMatrix {
    #[serde(rename = "true_positive")]
    _true_positive: u64,
    #[serde(rename = "false_positive")]
    _false_positive: u64,
    #[serde(rename = "false_negative")]
    _false_negative: u64,
    #[serde(rename = "true_negative")]
    _true_negative: u64,
}

#[derive(serde::Deserialize)]
struct Summary {
    #[serde(rename = "rows")]
    _rows: u64,
    #[serde(rename = "columns")]
    _columns: Vec<Column>,
}

#[derive(serde::Deserialize)]
struct Column {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "count")]
    _count: u64,
}

#[derive(serde::Deserialize)]
struct Diagnostics {
    #[serde(rename = "timings")]
    _timings: Vec<IgnoredAny>,
    #[serde(rename = "missing")]
    _missing: Vec<IgnoredAny>,
    #[serde(rename = "dependencies")]
    _dependencies: Dependencies,
}

#[derive(serde::Deserialize)]
struct Dependencies {
    #[serde(rename = "direct")]
    _direct: Vec<IgnoredAny>,
}

/// Reads a value that may be null but must be present.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(from)
}

impl Endpoint {
    /// Path of the endpoint on the server.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Prediction { .. } => "/prediction",
            Self::Scoring => "/scoring",
            Self::SummaryStatistics => "/summarystats",
            Self::Diagnostics => "/diagnostics",
        }
    }

    /// Returns the answer if it fits the endpoint, otherwise the reason why not.
    pub(crate) fn checked(self, answer: Value) -> Result<Value, String> {
        let flaw = match self {
            Self::Prediction { rows } => self.flaw_of_predictions(&answer, rows),
            Self::Scoring => self.read::<Score>(&answer).err(),
            Self::SummaryStatistics => self.read::<Summary>(&answer).err(),
            Self::Diagnostics => self.read::<Diagnostics>(&answer).err(),
        };
        flaw.map_or(Ok(answer), Err)
    }

    fn flaw_of_predictions(self, answer: &Value, rows: usize) -> Option<String> {
        let found = match self.read::<Predictions>(answer) {
            Ok(found) => found,
            Err(flaw) => return Some(flaw),
        };
        let counts = [
            found.ids.len(),
            found.predictions.len(),
            found.probabilities.len(),
        ];
        if counts != [rows; 3] {
            let [ids, predictions, probabilities] = counts;
            return Some(format!(
                "the answer to {rows} rows has {ids} ids, {predictions} predictions and {probabilities} probabilities"
            ));
        }
        let is_label = |label: &u8| *label <= 1;
        let is_probability = |number: &f64| (0.0..=1.0).contains(number);
        if !found.predictions.iter().all(is_label) {
            return Some("the answer has a prediction that is neither 0 nor 1".into());
        }
        let are_probabilities = found.probabilities.iter().all(is_probability);
        (!are_probabilities).then(|| "the answer has a probability outside 0 to 1".into())
    }

    fn read<T: DeserializeOwned>(self, answer: &Value) -> Result<T, String> {
        T::deserialize(answer).map_err(|error| {
            format!(
                "the answer is not a valid answer of {}: {error}",
                self.path()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flaw(endpoint: Endpoint, answer: &Value) -> String {
        endpoint.checked(answer.clone()).unwrap_err()
    }

    #[test]
    fn an_empty_answer_is_an_error_for_every_endpoint() {
        for endpoint in [
            Endpoint::Prediction { rows: 0 },
            Endpoint::Scoring,
            Endpoint::SummaryStatistics,
            Endpoint::Diagnostics,
        ] {
            for answer in [json!({}), json!(null), json!([]), json!("ok"), json!(1)] {
                let flaw = flaw(endpoint, &answer);
                assert!(
                    flaw.contains(endpoint.path()),
                    "{endpoint:?} {answer}: {flaw}"
                );
            }
        }
    }

    #[test]
    fn an_answer_has_one_prediction_for_each_row() {
        let answer = |predictions: Value, probabilities: Value| {
            json!({"ids": ["a", "b"], "predictions": predictions,
                "probabilities": probabilities, "model_version": "000001", "more": 1})
        };
        let two = Endpoint::Prediction { rows: 2 };
        let good = answer(json!([0, 1]), json!([0.2, 0.7]));
        assert_eq!(two.checked(good.clone()), Ok(good.clone()));
        assert!(flaw(Endpoint::Prediction { rows: 3 }, &good).contains("2 ids"));
        for (predictions, probabilities, says) in [
            (json!([0]), json!([0.2, 0.7]), "1 predictions"),
            (json!([0, 2]), json!([0.2, 0.7]), "neither 0 nor 1"),
            (json!([0, 1]), json!([0.2, 1.5]), "outside 0 to 1"),
            (
                json!([0, 1]),
                json!([0.2, null]),
                "not a valid answer of /prediction",
            ),
        ] {
            let flaw = flaw(two, &answer(predictions, probabilities));
            assert!(flaw.contains(says), "{flaw}");
        }
    }

    #[test]
    fn a_score_may_be_null_but_must_be_present() {
        let mut answer = json!({"f1": null, "n": 3, "deployed_score": 0.5, "model_version": "1",
            "confusion_matrix": {"true_positive": 0, "false_positive": 0, "false_negative": 0,
                "true_negative": 3}});
        assert!(Endpoint::Scoring.checked(answer.clone()).is_ok());
        answer["f1"] = json!("0.5");
        assert!(Endpoint::Scoring.checked(answer.clone()).is_err());
        answer.as_object_mut().unwrap().remove("f1");
        assert!(flaw(Endpoint::Scoring, &answer).contains("f1"));
    }
}
