//! Predictions: rows in, the answer's values out. Nothing here can fail.

mod csv_answer;
mod explanation;

use serde::Serialize;
use training::Model;

use self::explanation::Explanations;
use crate::accept::Media;
use crate::payload::{Ids, Rows};

pub(crate) use self::csv_answer::{CsvAnswer, predict_csv};

/// What a request may ask for besides predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// Class 1 is predicted where its probability is above this.
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
    /// Categories with a level that the model does not tell apart, and took for any other.
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
    let probabilities: Vec<f64> = rows.iter().map(|row| model.probability(row)).collect();
    Predictions {
        predictions: probabilities
            .iter()
            .map(|probability| u8::from(*probability > options.threshold))
            .collect(),
        probabilities,
        ids: &rows.ids,
        rows: rows.len(),
        imputed: rows.missing(),
        unknown_levels: rows
            .iter()
            .map(|row| model.predictor.design.unknown_levels(row))
            .sum(),
        threshold: options.threshold,
        model_version,
        request_id,
        explanations: options.explain.then_some(Explanations { model, rows }),
    }
}

impl Predictions<'_> {
    /// How many are of class 0 and of class 1.
    pub(crate) fn counts(&self) -> [u64; 2] {
        counts(&self.predictions)
    }
}

fn counts(predictions: &[u8]) -> [u64; 2] {
    let left = predictions.iter().filter(|class| **class == 1).count();
    [(predictions.len() - left) as u64, left as u64]
}

/// What a number takes in an answer at most, with a separator.
const NUMBER_BYTES: usize = 25;
/// What an answer takes beside its rows: names, and the ids of release and request.
const FRAME_BYTES: usize = 512;

/// Bytes that an answer is going to take, about: ids that have to be escaped take more.
pub(crate) fn answer_bytes(model: &Model, rows: &Rows, options: Options, media: Media) -> usize {
    if media == Media::Text {
        return 2 * rows.len();
    }
    let id_quotes = 3;
    let prediction = 2;
    let row = NUMBER_BYTES + id_quotes + prediction;
    let explanation = if options.explain {
        let names = model.schema.feature_names();
        let contribution = |name: &str| name.len() + id_quotes + 1 + NUMBER_BYTES;
        let base = r#"{"base":,"contributions":{}},"#.len() + NUMBER_BYTES;
        names.map(contribution).sum::<usize>() + base
    } else {
        0
    };
    FRAME_BYTES + rows.ids.bytes() + rows.len() * (row + explanation)
}

/// All predictions, 0 or 1 a line, and how many there are of each.
pub(crate) fn predict_text(model: &Model, rows: &Rows, options: Options) -> (Vec<u8>, [u64; 2]) {
    let classes: Vec<u8> = rows
        .iter()
        .map(|row| u8::from(model.probability(row) > options.threshold))
        .collect();
    let text = classes.iter().flat_map(|class| [b'0' + class, b'\n']);
    (text.collect(), counts(&classes))
}
