//! Predictions: rows in, the answer's values out. Nothing here can fail.

use actix_web::web::Bytes;
use serde::Serialize;
use serde::ser::Serializer;
use training::Model;

use crate::accept::Media;
use crate::payload::{Ids, Rows};

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

/// The explanation of each row, made while it is written: all of them take more memory than the
/// rows.
#[derive(Debug)]
struct Explanations<'a> {
    model: &'a Model,
    rows: &'a Rows,
}

impl Serialize for Explanations<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.rows.iter().map(|row| explain(self.model, row)))
    }
}

/// Where the log-odds of one row come from: `base` and all contributions add up to them.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    /// The log-odds of the mean training row.
    base: f64,
    contributions: Contributions<'a>,
}

/// Each feature's share, in schema order.
#[derive(Debug)]
struct Contributions<'a>(Vec<(&'a str, f64)>);

impl Serialize for Contributions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
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

/// Predictions as CSV with a header.
pub(crate) struct CsvAnswer {
    threshold: f64,
    text: Vec<u8>,
    counts: [u64; 2],
}

impl CsvAnswer {
    /// The header alone; about so many bytes will be held at once.
    pub(crate) fn new(threshold: f64, bytes: usize) -> Self {
        let mut text = Vec::with_capacity(bytes);
        text.extend_from_slice(b"id,probability,prediction\n");
        Self {
            threshold,
            text,
            counts: [0; 2],
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, id: &str, probability: f64) {
        let class = probability > self.threshold;
        self.counts[usize::from(class)] += 1;
        push_field(&mut self.text, id);
        self.text.push(b',');
        // A finite number always encodes, and a vector takes all that is written.
        let _ = serde_json::to_writer(&mut self.text, &probability);
        self.text
            .extend_from_slice(if class { b",1\n" } else { b",0\n" });
    }

    /// Bytes held now.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// How many are of class 0 and of class 1.
    pub(crate) fn counts(&self) -> [u64; 2] {
        self.counts
    }

    /// The text since the last time.
    pub(crate) fn take(&mut self) -> Bytes {
        let capacity = self.text.capacity();
        std::mem::replace(&mut self.text, Vec::with_capacity(capacity)).into()
    }
}

/// All predictions as CSV of about so many bytes, and how many are of class 0 and of class 1.
pub(crate) fn predict_csv(
    model: &Model,
    rows: &Rows,
    options: Options,
    bytes: usize,
) -> (Vec<u8>, [u64; 2]) {
    let mut answer = CsvAnswer::new(options.threshold, bytes);
    for (id, row) in rows.ids.iter().zip(rows.iter()) {
        answer.push(id, model.probability(row));
    }
    (answer.text, answer.counts)
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

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA_BEGINNINGS: [u8; 7] = *b"=+-@\t\r\n";

/// Writes a client's name so that no spreadsheet computes it: an apostrophe goes before what
/// looks like a formula.
fn push_field(to: &mut Vec<u8>, field: &str) {
    let bytes = field.as_bytes();
    let is_formula = bytes
        .first()
        .is_some_and(|first| FORMULA_BEGINNINGS.contains(first));
    let guard: &[u8] = if is_formula { b"'" } else { b"" };
    if !bytes
        .iter()
        .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
    {
        to.extend_from_slice(guard);
        to.extend_from_slice(bytes);
        return;
    }
    to.push(b'"');
    to.extend_from_slice(guard);
    for byte in bytes {
        if *byte == b'"' {
            to.push(b'"');
        }
        to.push(*byte);
    }
    to.push(b'"');
}

fn explain<'a>(model: &'a Model, row: &[f64]) -> Explanation<'a> {
    let features = &model.schema.features;
    // What stands in for a missing value is the mean of the training rows.
    let mean_row = vec![f64::NAN; features.len()];
    let mut contributions: Vec<(&str, f64)> = Vec::with_capacity(features.len());
    let columns = model.predictor.design.columns(features.len());
    for (column, coefficient) in columns.into_iter().zip(model.coefficients()) {
        let value = coefficient
            .reads
            .value(row.get(column.feature).copied().unwrap_or(f64::NAN));
        let share = contribution(coefficient.value, value, coefficient.imputed);
        match contributions.get_mut(column.feature) {
            // The columns of a category together are what it contributes.
            Some((_, sum)) => *sum = (*sum + share).clamp(f64::MIN, f64::MAX),
            None => contributions.push((coefficient.feature, share)),
        }
    }
    Explanation {
        base: model.log_odds(&mean_row),
        contributions: Contributions(contributions),
    }
}

/// Finite for finite values of any size; a missing one contributes nothing.
fn contribution(coefficient: f64, value: f64, mean: f64) -> f64 {
    if value.is_nan() || coefficient == 0.0 {
        return 0.0;
    }
    (coefficient * (value - mean)).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_a_formula_is_no_formula_in_csv() {
        for (name, wanted) in [
            ("Calm Co", "Calm Co"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
        ] {
            let mut text = Vec::new();
            push_field(&mut text, name);
            assert_eq!(String::from_utf8(text).unwrap(), wanted);
        }
    }

    #[test]
    fn csv_has_a_header_and_a_row_for_each_prediction() {
        let mut answer = CsvAnswer::new(0.5, 0);
        answer.push("a", 0.5);
        answer.push("b", 0.5000000001);
        assert_eq!(answer.counts(), [1, 1]);
        assert_eq!(
            answer.take(),
            "id,probability,prediction\na,0.5,0\nb,0.5000000001,1\n"
        );
        assert_eq!(answer.len(), 0);
    }

    #[test]
    fn contributions_are_finite_whatever_the_value() {
        assert_eq!(contribution(2.0, 5.0, 3.0), 4.0);
        assert_eq!(contribution(2.0, f64::NAN, 3.0), 0.0);
        assert_eq!(contribution(0.0, f64::MAX, f64::MIN), 0.0);
        assert_eq!(contribution(-1e300, f64::MAX, 0.0), f64::MIN);
    }
}
