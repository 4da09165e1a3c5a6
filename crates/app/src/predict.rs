//! Predictions: rows in, values of the answer out. Nothing here can fail.

mod csv_answer;
mod explanation;
mod options;
mod size;

use common::schema::Labels;
use model::Model;
use serde::Serialize;

use self::explanation::{Explainer, Explanations};
use crate::payload::{Ids, RequestRows};

pub(crate) use self::csv_answer::{CsvAnswer, predict_csv};
pub(crate) use self::options::Options;
pub(crate) use self::size::answer_bytes;

/// The answer to a prediction request.
#[derive(Debug, Serialize)]
pub(crate) struct Predictions<'a> {
    predictions: Vec<u8>,
    probabilities: Vec<f64>,
    ids: &'a Ids,
    rows: usize,
    /// Missing feature values, replaced by the training mean.
    imputed: usize,
    /// Cells of categories with an unseen level.
    unknown_levels: usize,
    /// Numbers outside the range of the training rows.
    extrapolated: usize,
    threshold: f64,
    /// Texts of the labels; absent where they are 0 and 1.
    #[serde(skip_serializing_if = "Labels::are_numbers")]
    labels: &'a Labels,
    model_version: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
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
    // Faster than `collect`, which does not see that whole chunks come.
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
        let left = self.predictions.iter().filter(|label| **label == 1).count();
        [(self.predictions.len() - left) as u64, left as u64]
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
