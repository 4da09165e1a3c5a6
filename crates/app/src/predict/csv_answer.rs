//! Predictions as CSV.

use actix_web::web::Bytes;
use dataset::push_text;
use model::Model;

use super::explanation::Explainer;
use super::options::Options;
use crate::payload::RequestRows;

/// Predictions as CSV with a header.
pub(crate) struct CsvAnswer<'m> {
    threshold: f64,
    /// `None` if the predictions are not explained.
    explainer: Option<Explainer<'m>>,
    text: Vec<u8>,
    counts: [u64; 2],
}

impl<'m> CsvAnswer<'m> {
    /// The header alone; `bytes` is the capacity to reserve.
    pub(crate) fn new(model: &'m Model, options: Options, bytes: usize) -> Self {
        let explain = || Explainer::new(model, model.scorer());
        let mut answer = Self {
            threshold: options.threshold_of(model),
            explainer: options.explain.then(explain),
            text: Vec::with_capacity(bytes),
            counts: [0; 2],
        };
        answer.push_header();
        answer
    }

    fn push_header(&mut self) {
        self.text.extend_from_slice(b"id,probability,prediction");
        if let Some(explainer) = &self.explainer {
            // Columns of features end with `_log_odds` or `_probability_change`, so none has the
            // name of a column of the base.
            self.text.extend_from_slice(b",base");
            for name in &explainer.names {
                push_column(&mut self.text, name, "log_odds");
            }
            self.text.extend_from_slice(b",base_probability");
            for name in &explainer.names {
                push_column(&mut self.text, name, "probability_change");
            }
        }
        self.text.push(b'\n');
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, id: &[u8], probability: f64, row: &[f64]) {
        let label = probability > self.threshold;
        self.counts[usize::from(label)] += 1;
        push_text(&mut self.text, id);
        self.text.push(b',');
        push_number(&mut self.text, probability);
        self.text
            .extend_from_slice(if label { b",1" } else { b",0" });
        if let Some(explainer) = &self.explainer {
            let explained = explainer.explain(row);
            let in_log_odds = [explained.base].into_iter().chain(explained.contributions);
            let in_probability = [explained.base_probability].into_iter();
            let in_probability = in_probability.chain(explained.probability_changes);
            for number in in_log_odds.chain(in_probability) {
                self.text.push(b',');
                push_number(&mut self.text, number);
            }
        }
        self.text.push(b'\n');
    }

    /// Bytes in memory.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Number of negative and of positive predictions.
    pub(crate) fn counts(&self) -> [u64; 2] {
        self.counts
    }

    /// The text added since the last call.
    pub(crate) fn take(&mut self) -> Bytes {
        let capacity = self.text.capacity();
        std::mem::replace(&mut self.text, Vec::with_capacity(capacity)).into()
    }
}

/// Adds the name of a column: a feature, and the unit of its numbers.
fn push_column(to: &mut Vec<u8>, name: &str, unit: &str) {
    to.push(b',');
    push_text(to, format!("{name}_{unit}").as_bytes());
}

/// Adds a number, which must be finite: such a number always encodes.
#[inline]
fn push_number(to: &mut Vec<u8>, number: f64) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(to, &number);
}

/// All predictions as CSV, and the number of negative and of positive ones. `bytes` is the largest
/// size of the text.
pub(crate) fn predict_csv(
    model: &Model,
    rows: &RequestRows,
    options: Options,
    bytes: usize,
) -> (Vec<u8>, [u64; 2]) {
    let mut answer = CsvAnswer::new(model, options, bytes);
    let scorer = model.scorer();
    let probabilities = scorer.probabilities(rows.values());
    for ((id, row), probability) in rows.ids.iter().zip(rows.iter()).zip(probabilities) {
        answer.push(id.as_bytes(), probability, row);
    }
    (answer.text, answer.counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_a_header_and_a_row_for_each_prediction() {
        let mut answer = CsvAnswer {
            threshold: 0.5,
            explainer: None,
            text: Vec::new(),
            counts: [0; 2],
        };
        answer.push_header();
        answer.push(b"a", 0.5, &[]);
        answer.push(b"b", 0.5000000001, &[]);
        assert_eq!(answer.counts(), [1, 1]);
        assert_eq!(
            answer.take(),
            "id,probability,prediction\na,0.5,0\nb,0.5000000001,1\n"
        );
        assert_eq!(answer.len(), 0);
    }
}
