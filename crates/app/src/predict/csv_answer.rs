//! Predictions as CSV.

use actix_web::web::Bytes;
use dataset::push_field;
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
    pub(crate) fn push(&mut self, id: &str, probability: f64) {
        let label = probability > self.threshold;
        self.counts[usize::from(label)] += 1;
        push_id(&mut self.text, id);
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
    for (id, row) in rows.ids.iter().zip(rows.iter()) {
        answer.push(id, scorer.probability(row));
    }
    (answer.text, answer.counts)
}

/// Characters that start a formula in a spreadsheet.
const FORMULA_BEGINNINGS: [u8; 7] = *b"=+-@\t\r\n";

/// Writes a client's name so that no spreadsheet evaluates it: an apostrophe precedes a text that
/// looks like a formula.
fn push_id(to: &mut Vec<u8>, id: &str) {
    let is_formula = id
        .as_bytes()
        .first()
        .is_some_and(|first| FORMULA_BEGINNINGS.contains(first));
    if is_formula {
        push_field(to, format!("'{id}").as_bytes());
    } else {
        push_field(to, id.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_a_formula_is_escaped_in_csv() {
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
            push_id(&mut text, name);
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
}
