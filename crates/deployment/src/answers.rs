//! What a model answers to a few rows of its training data, kept in the release: whoever loads the
//! model sees that it still means the same.

use common::manifest::SampleAnswer;
use training::Model;

/// Rows whose answers are kept.
const KEPT: usize = 20;
/// Probabilities closer than this are the same, whatever processor computed them.
const SAME: f64 = 1e-9;

/// The model's answers to the first rows of its sample that can be written down.
pub(crate) fn sample_answers(model: &Model) -> Vec<SampleAnswer> {
    let n_features = model.schema.features.len();
    let columns = model.profile.sample.columns.iter().take(n_features);
    let columns: Vec<&[f64]> = columns.map(Vec::as_slice).collect();
    let n_rows = columns.first().map_or(0, |column| column.len().min(KEPT));
    let row = |place: usize| {
        columns
            .iter()
            .map(|column| column[place])
            .collect::<Vec<_>>()
    };
    (0..n_rows)
        .map(row)
        .filter_map(|row| {
            Some(SampleAnswer {
                probability: model.probability(&row),
                row: model.written_row(&row)?,
            })
        })
        .collect()
}

/// Holds a model to the answers that were kept; the error completes a sentence about its file.
pub(crate) fn check_answers(model: &Model, kept: &[SampleAnswer]) -> Result<(), String> {
    for answer in kept {
        let Some(row) = model.read_row(&answer.row) else {
            return Err("reads other columns than the answers in its manifest".into());
        };
        let found = model.probability(&row);
        // A number that is none is not the same as any.
        let is_same = (found - answer.probability).abs() <= SAME;
        if !is_same {
            return Err(format!(
                "answers {found} where it answered {} when it was published",
                answer.probability
            ));
        }
    }
    Ok(())
}
