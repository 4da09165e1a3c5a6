//! Predictions as CSV.

use actix_web::web::Bytes;
use dataset::push_text;
use model::Model;

use super::options::Options;
use crate::payload::RequestRows;

/// Predictions as CSV with a header.
pub(crate) struct CsvAnswer {
    threshold: f64,
    text: Vec<u8>,
    counts: [u64; 2],
}

impl CsvAnswer {
    /// The header alone; `bytes` is the capacity to reserve.
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
    pub(crate) fn push(&mut self, id: &[u8], probability: f64) {
        let label = probability > self.threshold;
        self.counts[usize::from(label)] += 1;
        push_text(&mut self.text, id);
        self.text.push(b',');
        // A finite number always encodes, and writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut self.text, &probability);
        self.text
            .extend_from_slice(if label { b",1\n" } else { b",0\n" });
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

/// All predictions as CSV, and the number of negative and of positive ones. `bytes` is the largest
/// size of the text.
pub(crate) fn predict_csv(
    model: &Model,
    rows: &RequestRows,
    options: Options,
    bytes: usize,
) -> (Vec<u8>, [u64; 2]) {
    let mut answer = CsvAnswer::new(options.threshold_of(model), bytes);
    let scorer = model.scorer();
    let probabilities = scorer.probabilities(rows.values());
    for (id, probability) in rows.ids.iter().zip(probabilities) {
        answer.push(id.as_bytes(), probability);
    }
    (answer.text, answer.counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_a_header_and_a_row_for_each_prediction() {
        let mut answer = CsvAnswer::new(0.5, 0);
        answer.push(b"a", 0.5);
        answer.push(b"b", 0.5000000001);
        assert_eq!(answer.counts(), [1, 1]);
        assert_eq!(
            answer.take(),
            "id,probability,prediction\na,0.5,0\nb,0.5000000001,1\n"
        );
        assert_eq!(answer.len(), 0);
    }
}
