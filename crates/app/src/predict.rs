//! Predictions: rows in, values of the answer out. Nothing here can fail.

mod csv_answer;
mod explanation;
mod options;
mod size;

use common::schema::Labels;
use model::Model;
use schemars::JsonSchema;
use serde::Serialize;

use self::explanation::{Explainer, Explanation, Explanations};
use crate::payload::{Ids, RequestRows};

pub(crate) use self::csv_answer::{CsvAnswer, predict_csv};
pub(crate) use self::options::Options;
pub(crate) use self::size::answer_bytes;

/// The answer to a prediction request.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Predictions<'a> {
    /// Predicted label of each row: 1 if its probability is above the threshold, else 0.
    #[schemars(inner(range(max = 1)))]
    predictions: Vec<u8>,
    /// Probability of the positive label of each row, 0 to 1.
    #[schemars(inner(range(min = 0, max = 1)))]
    probabilities: Vec<f64>,
    /// Id of each row; the number of the row, counted from 1, where the data has no id.
    #[schemars(with = "Vec<String>")]
    ids: &'a Ids,
    /// Number of rows.
    rows: usize,
    /// Number of missing feature values, replaced by the training mean.
    imputed: usize,
    /// Number of cells of categories with an unseen level.
    unknown_levels: usize,
    /// Number of values outside the range of the training rows.
    extrapolated: usize,
    /// The positive label is predicted above this probability, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    threshold: f64,
    /// Texts of the labels; absent where they are 0 and 1.
    #[serde(skip_serializing_if = "Labels::are_numbers")]
    labels: &'a Labels,
    /// Number of the release that made the predictions.
    model_version: &'a str,
    /// Identifies the request in the log of the server.
    request_id: &'a str,
    /// Explanation of each row; absent unless the request has `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Explanation<'_>>>")]
    explanations: Option<Explanations<'a>>,
}

/// Predicts all rows with one model.
pub(crate) fn predict<'a>(
    model: &'a Model,
    rows: &'a RequestRows,
    options: Options,
    model_version: &'a str,
    request_id: &'a str,
) -> Predictions<'a> {
    let (scorer, threshold) = (model.scorer(), options.threshold_of(model));
    let mut probabilities = Vec::with_capacity(rows.len());
    // Faster than `collect`, which takes the predictions one by one instead of in chunks.
    let of_rows = scorer.probabilities(rows.values());
    of_rows.for_each(|probability| probabilities.push(probability));
    Predictions {
        predictions: probabilities
            .iter()
            .map(|probability| u8::from(*probability > threshold))
            .collect(),
        probabilities,
        ids: &rows.ids,
        rows: rows.len(),
        imputed: rows.missing(),
        unknown_levels: rows.iter().map(|row| scorer.unseen_levels(row)).sum(),
        extrapolated: rows.iter().map(|row| model.extrapolated(row)).sum(),
        threshold,
        labels: &model.schema.labels,
        model_version,
        request_id,
        explanations: options
            .explain
            .then(|| Explanations::new(Explainer::new(model, scorer), rows)),
    }
}

impl Predictions<'_> {
    /// Number of negative and of positive predictions.
    pub(crate) fn counts(&self) -> [u64; 2] {
        let positive = self.predictions.iter().filter(|label| **label == 1).count();
        [(self.predictions.len() - positive) as u64, positive as u64]
    }
}

/// All predictions as text, one 0 or 1 a line, and the number of each. `bytes` is the size of the
/// text.
pub(crate) fn predict_text(
    model: &Model,
    rows: &RequestRows,
    options: Options,
    bytes: usize,
) -> (Vec<u8>, [u64; 2]) {
    let mut text = Vec::with_capacity(bytes);
    let (scorer, mut counts) = (model.scorer(), [0; 2]);
    let threshold = options.threshold_of(model);
    for probability in scorer.probabilities(rows.values()) {
        let label = u8::from(probability > threshold);
        counts[usize::from(label)] += 1;
        text.extend_from_slice(&[b'0' + label, b'\n']);
    }
    (text, counts)
}
