//! Checks that an answer has the members that callers need, with the right types.
//!
//! Other members are not checked, so a newer server may answer with more.

use serde::de::DeserializeOwned;
use serde_json::Value;

use shapes::{Diagnostics, Predictions, Score, Summary};

/// An endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Predictions for this number of rows.
    Prediction { n_rows: usize },
    /// The score of the deployed model.
    Scoring,
    /// Statistics of the ingested data.
    SummaryStatistics,
    /// Results of monitoring from the history.
    Diagnostics,
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

    /// Returns the answer if it is a valid answer of the endpoint, otherwise the reason why it is not.
    pub(crate) fn checked(self, answer: Value) -> Result<Value, String> {
        match self {
            Self::Prediction { n_rows } => self.check_predictions(&answer, n_rows),
            Self::Scoring => self.read::<Score>(&answer).map(drop),
            Self::SummaryStatistics => self.read::<Summary>(&answer).map(drop),
            Self::Diagnostics => self.read::<Diagnostics>(&answer).map(drop),
        }?;
        Ok(answer)
    }

    fn check_predictions(self, answer: &Value, n_rows: usize) -> Result<(), String> {
        let found: Predictions = self.read(answer)?;
        let counts = [
            found.ids.len(),
            found.predictions.len(),
            found.probabilities.len(),
        ];
        if counts != [n_rows; 3] {
            let [ids, predictions, probabilities] = counts;
            return Err(format!(
                "the answer to {n_rows} rows has {ids} ids, {predictions} predictions and {probabilities} probabilities"
            ));
        }
        if found.predictions.iter().any(|label| *label > 1) {
            return Err("the answer has a prediction that is neither 0 nor 1".into());
        }
        let is_probability = |number: &f64| (0.0..=1.0).contains(number);
        if !found.probabilities.iter().all(is_probability) {
            return Err("the answer has a probability outside 0 to 1".into());
        }
        Ok(())
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

/// The members that an answer must have.
mod shapes {
    #![expect(dead_code, reason = "most members are only read to check their type")]

    use serde::de::{Deserialize, Deserializer, IgnoredAny};

    #[derive(serde::Deserialize)]
    pub(super) struct Predictions {
        pub(super) ids: Vec<String>,
        pub(super) predictions: Vec<u8>,
        pub(super) probabilities: Vec<f64>,
        model_version: String,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Score {
        #[serde(deserialize_with = "present")]
        f1: Option<f64>,
        n: u64,
        confusion_matrix: ConfusionMatrix,
        deployed_score: f64,
        model_version: String,
    }

    #[derive(serde::Deserialize)]
    struct ConfusionMatrix {
        true_positive: u64,
        false_positive: u64,
        false_negative: u64,
        true_negative: u64,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Summary {
        rows: u64,
        columns: Vec<Column>,
    }

    #[derive(serde::Deserialize)]
    struct Column {
        name: String,
        count: u64,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Diagnostics {
        timings: Vec<IgnoredAny>,
        missing: Vec<IgnoredAny>,
        dependencies: Dependencies,
    }

    #[derive(serde::Deserialize)]
    struct Dependencies {
        direct: Vec<IgnoredAny>,
    }

    /// Reads a value that may be null but must be present. Without this function, serde reads an absent
    /// member as `None`.
    fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        Option::deserialize(from)
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
            Endpoint::Prediction { n_rows: 0 },
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
        let two = Endpoint::Prediction { n_rows: 2 };
        let good = answer(json!([0, 1]), json!([0.2, 0.7]));
        assert_eq!(two.checked(good.clone()), Ok(good.clone()));
        assert!(flaw(Endpoint::Prediction { n_rows: 3 }, &good).contains("2 ids"));
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
