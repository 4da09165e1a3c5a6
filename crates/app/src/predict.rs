//! Predictions: rows in, the answer's values out. Nothing here can fail.

mod csv_answer;
mod explanation;
mod size;

use model::Model;
use serde::Serialize;

use self::explanation::Explanations;
use crate::payload::{Ids, Rows};

pub(crate) use self::csv_answer::{CsvAnswer, predict_csv};
pub(crate) use self::size::answer_bytes;

/// What a request may ask for besides predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// The positive label is predicted where its probability is above this.
    pub(crate) threshold: f64,
    /// Whether each prediction is explained.
    pub(crate) explain: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            explain: false,
        }
    }
}

/// The answer to a prediction request.
#[derive(Debug, Serialize)]
pub(crate) struct Predictions<'a> {
    predictions: Vec<u8>,
    probabilities: Vec<f64>,
    ids: &'a Ids,
    rows: usize,
    /// Missing features for which the training mean stood in.
    imputed: usize,
    /// Cells of categories with an unseen level.
    unknown_levels: usize,
    threshold: f64,
    model_version: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanations: Option<Explanations<'a>>,
}

/// Predicts all rows by one model.
pub(crate) fn predict<'a>(
    model: &'a Model,
    rows: &'a Rows,
    options: Options,
    model_version: &'a str,
    request_id: &'a str,
) -> Predictions<'a> {
    let scorer = model.scorer();
    let probabilities: Vec<f64> = rows.iter().map(|row| scorer.probability(row)).collect();
    Predictions {
        predictions: probabilities
            .iter()
            .map(|probability| u8::from(*probability > options.threshold))
            .collect(),
        probabilities,
        ids: &rows.ids,
        rows: rows.len(),
        imputed: rows.missing(),
        unknown_levels: rows.iter().map(|row| scorer.unseen_levels(row)).sum(),
        threshold: options.threshold,
        model_version,
        request_id,
        explanations: options
            .explain
            .then(|| Explanations::new(model, scorer, rows)),
    }
}

impl Predictions<'_> {
    /// How many are of class 0 and of class 1.
    pub(crate) fn counts(&self) -> [u64; 2] {
        let left = self.predictions.iter().filter(|class| **class == 1).count();
        [(self.predictions.len() - left) as u64, left as u64]
    }
}

/// All predictions, 0 or 1 a line, as a text of so many bytes, and how many there are of each.
pub(crate) fn predict_text(
    model: &Model,
    rows: &Rows,
    options: Options,
    bytes: usize,
) -> (Vec<u8>, [u64; 2]) {
    let mut text = Vec::with_capacity(bytes);
    let (scorer, mut counts) = (model.scorer(), [0; 2]);
    for row in rows.iter() {
        let label = u8::from(scorer.probability(row) > options.threshold);
        counts[usize::from(label)] += 1;
        text.extend_from_slice(&[b'0' + label, b'\n']);
    }
    (text, counts)
}
